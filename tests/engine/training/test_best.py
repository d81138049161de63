"""Which step is the result: the best by what was measured, kept from rotation, put back before it is measured."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from engine.config.schema import RunConfig
from engine.evaluation.assess import Assessor
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.reducer import reduce
from engine.runs.steering import Steering
from engine.training.best import judged, measure_of, result_of
from engine.training.checkpoint import TrainerState
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, create_run, stop_after, train, values


def config(**eval_: Any) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "m"}, "data": [{"path": "d"}], "eval": eval_})


def checkpoints(tmp_path: Path, *steps: int) -> RunDir:
    run = RunDir(tmp_path)
    for step in steps:
        run.checkpoint(step).mkdir()
        (run.checkpoint(step) / "COMPLETE").write_text("{}")
    return run


# What is the best


def after(*measured: float | None, start: float | None = None) -> TrainerState:
    """Where a run stands after evaluations each 10 steps."""
    state = TrainerState(0, start_measure=start)
    for number, value in enumerate(measured, 1):
        state = judged(TrainerState(**{**vars(state), "step": 10 * number, "evaluated_step": 10 * number}), value)
    return state


def test_the_lowest_is_the_best_and_of_equal_ones_the_first() -> None:
    assert after(0.5, 0.3, 0.4).best_step == 20
    assert after(0.5, 0.3, 0.3).best_step == 20
    assert after(0.5, 0.3, 0.3).worse_evals == 1


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_what_is_no_number_is_never_the_best(broken: float) -> None:
    assert after(broken, 0.5, broken).best_step == 20
    assert after(broken, broken).best_step == 0
    assert after(broken, broken).worse_evals == 2


def test_a_metric_is_the_better_the_higher_it_is() -> None:
    by = config(best_by="exact_match")
    low, high = (measure_of(by, 1.0, {"exact_match": value}) for value in (0.2, 0.9))
    assert high is not None
    assert low is not None
    assert high < low
    assert measure_of(by, 1.0, {}) is None
    assert measure_of(config(), 1.0, {"exact_match": 0.2}) == 1.0


def test_the_result_is_the_best_step_with_what_the_last_one_had(tmp_path: Path) -> None:
    found = result_of(checkpoints(tmp_path, 20, 30), config(), after(0.5, 0.3, 0.4))
    assert (found.step, found.warning) == (20, None)
    assert found.reason is not None
    assert found.reason.code == "training.kept-best"
    assert {"step": 20, "last": 30, "best": "0.300", "last_value": "0.400"}.items() <= dict(found.reason.args).items()


def test_the_last_step_is_the_result_if_asked_for_and_the_best_is_named(tmp_path: Path) -> None:
    found = result_of(checkpoints(tmp_path, 20, 30), config(keep="last"), after(0.5, 0.3, 0.4))
    assert found.step == 30
    assert found.reason is not None
    assert (found.reason.code, found.reason.args["best_step"]) == ("training.kept-last", 20)


def test_a_run_that_only_got_worse_says_so_and_keeps_its_best_step(tmp_path: Path) -> None:
    found = result_of(checkpoints(tmp_path, 10, 30), config(), after(0.5, 0.6, 0.7, start=0.4))
    assert found.step == 10
    assert found.warning is not None
    assert found.warning.code == "training.worse-than-base"
    assert found.warning.args["before"] == "0.400"
    assert result_of(RunDir(tmp_path), config(), after(0.4, 0.6, 0.7, start=0.4)).warning is None


def test_where_nothing_gave_a_number_the_last_step_is_the_result_and_that_is_said(tmp_path: Path) -> None:
    found = result_of(checkpoints(tmp_path, 20), config(), after(math.nan, math.nan))
    assert found.step == 20
    assert found.warning is not None
    assert found.warning.code == "training.best-unknown"


def test_where_the_metric_never_gave_a_figure_the_last_step_is_the_result_and_that_is_said(tmp_path: Path) -> None:
    state = judged(TrainerState(20, evaluated_step=20), measure_of(config(best_by="json_exact"), 1.0, {}))
    found = result_of(checkpoints(tmp_path, 20), config(best_by="json_exact"), state)
    assert found.step == 20
    assert found.warning is not None
    assert found.warning.code == "training.best-unmeasured"
    assert result_of(RunDir(tmp_path), config(), state).warning is None  # by loss: nothing was held out


@pytest.mark.parametrize("gone", [True, False])
def test_a_best_checkpoint_that_is_not_whole_is_not_the_result(tmp_path: Path, gone: bool) -> None:
    run = checkpoints(tmp_path, 30) if gone else checkpoints(tmp_path, 20, 30)
    if not gone:
        (run.checkpoint(20) / "COMPLETE").write_text(json.dumps({"files": {"adapter_model.safetensors": [1, "x"]}}))
    found = result_of(run, config(), after(0.5, 0.3, 0.4))
    assert found.step == 30
    assert found.warning is not None
    assert found.warning.code == "training.best-gone"


def test_a_checkpoint_of_an_earlier_version_still_tells_its_best_loss(tmp_path: Path) -> None:
    from engine.training.checkpoint import read_state

    (tmp_path / "trainer_state.json").write_text(json.dumps({"step": 4, "best_eval_loss": 0.3, "worse_evals": 1}))
    state = read_state(tmp_path)
    assert (state.step, state.best_measure, state.best_step, state.worse_evals) == (4, 0.3, 0, 1)
    assert judged(state, 0.4).best_step == 0


# In a run

WORSENS: dict[str, Any] = {
    "eval": {"every": 1}, "train": {"max_steps": 8, "learning_rate": 0.3, "lr_scheduler_type": "constant"},
    "checkpoint": {"every": 1, "keep": 1},
}  # fmt: skip


@pytest.fixture
def losses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the evaluations of a run measure instead of what is so, the first before step 1; then the real thing."""
    told: list[float] = []
    really = Assessor.evaluate

    def evaluate(self: Assessor, step: int, moment: Any) -> float | None:
        loss = really(self, step, moment)
        return told[step] if moment != "after" and step < len(told) else loss

    monkeypatch.setattr(Assessor, "evaluate", evaluate)
    return told


def adapter_of(folder: Path) -> dict[str, Any]:
    return {name: tensor.tolist() for name, tensor in load_file(folder / "adapter_model.safetensors").items()}


def test_the_best_step_survives_rotation_and_becomes_the_adapter(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]
    trained = train(values(tiny, rows, **WORSENS))
    assert [folder.name for folder in trained.run.complete_checkpoints()] == ["checkpoint-2", "checkpoint-8"]
    assert adapter_of(trained.run.adapter) == adapter_of(trained.run.checkpoint(2))
    assert adapter_of(trained.run.adapter) != adapter_of(trained.run.checkpoint(8))
    (finished,) = trained.of(ev.Finished)
    assert (finished.step, finished.result_step, finished.result.code) == (8, 2, "training.kept-best")
    record = json.loads((trained.run.adapter / "tunedeck.json").read_text())
    assert (record["step"], record["kept"]["code"]) == (2, "training.kept-best")


def test_what_is_measured_after_training_is_the_best_step(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]
    trained = train(values(tiny, rows, **WORSENS))
    (result,) = [event for event in trained.of(ev.Eval) if event.moment == "after"]
    (then,) = [event for event in trained.of(ev.Eval) if event.moment == "during" and event.step == 2]
    assert (result.step, result.loss) == (2, then.loss)
    state = reduce(trained.events)  # type: ignore[arg-type]
    assert list(state.series["eval_loss"].x) == [0, *range(1, 9)]
    assert result.step == state.evals[-1].step


def test_the_last_step_is_measured_as_the_others_were(tiny: Path, rows: Path) -> None:
    trained = train(values(tiny, rows, eval={"every": 4}, train={"max_steps": 6}))
    assert [(event.step, event.moment) for event in trained.of(ev.Eval)] == [
        (0, "before"), (4, "during"), (6, "during"), (6, "after"),
    ]  # fmt: skip
    (finished,) = trained.of(ev.Finished)
    assert (finished.result_step, finished.result.code) == (6, "training.kept-last-best")


def test_a_best_step_between_two_checkpoints_is_saved(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8]
    trained = train(values(tiny, rows, eval={"every": 1}))
    saved = [(event.step, event.reason) for event in trained.of(ev.Checkpoint)]
    assert saved == [(1, "best"), (2, "best"), (6, "last-step")]
    assert trained.of(ev.Finished)[0].result_step == 2


def test_with_keep_last_nothing_is_saved_for_being_the_best(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8]
    trained = train(values(tiny, rows, eval={"every": 1, "keep": "last"}))
    assert [event.reason for event in trained.of(ev.Checkpoint)] == ["last-step"]
    (finished,) = trained.of(ev.Finished)
    assert (finished.result_step, finished.result.code) == (6, "training.kept-last")


def test_stopped_and_resumed_a_run_keeps_the_same_step(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]
    stopped = train(values(tiny, rows, **WORSENS), stop_after(5))
    (finished,) = stopped.of(ev.Finished)
    assert (finished.outcome, finished.step, finished.result_step) == ("stopped", 5, 2)
    assert finished.result.code == "training.kept-best-so-far"
    assert adapter_of(stopped.run.adapter) == adapter_of(stopped.run.checkpoint(2))
    resumed = Trained(stopped.run, resume=True)
    assert resumed.of(ev.Finished)[0].result_step == 2
    assert adapter_of(resumed.run.adapter) == adapter_of(stopped.run.checkpoint(2))


def test_a_pause_does_not_forget_the_best_step(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 4:
            steering.put("pause")
        if isinstance(event, ev.State) and event.state == "paused":
            steering.put("resume")

    assert train(values(tiny, rows, **WORSENS), react).of(ev.Finished)[0].result_step == 2


def test_a_stop_while_the_result_is_measured_loses_nothing(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Eval) and (event.step, event.moment) == (8, "during"):
            steering.stop(said("asked to stop"))

    stopped = train(values(tiny, rows, **WORSENS), react)
    assert (stopped.of(ev.Finished)[0].outcome, stopped.of(ev.Finished)[0].result_step) == ("stopped", 2)
    resumed = Trained(stopped.run, resume=True)
    (finished,) = resumed.of(ev.Finished)
    assert (finished.outcome, finished.result_step) == ("finished", 2)
    assert [event.step for event in resumed.of(ev.Eval) if event.moment == "after"] == [2]


def test_early_stopping_keeps_what_it_waited_for(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8, 0.8, 0.8]
    settings = values(tiny, rows, **WORSENS)
    settings["eval"]["early_stopping_patience"] = 2
    (finished,) = train(settings).of(ev.Finished)
    assert (finished.step, finished.result_step, finished.reason.code) == (4, 2, "events.early-stop")


def test_a_run_that_only_got_worse_warns(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.2, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8]
    trained = train(values(tiny, rows, eval={"every": 1}))
    assert trained.of(ev.Finished)[0].result_step == 1
    assert "training.worse-than-base" in [event.message.code for event in trained.of(ev.Warn)]


def test_a_run_without_evaluations_in_between_has_nothing_to_choose_from(tiny: Path, rows: Path) -> None:
    (finished,) = train(values(tiny, rows)).of(ev.Finished)
    assert (finished.step, finished.result_step, finished.result) == (6, 6, None)


def test_a_best_checkpoint_somebody_removed_is_told_of(tiny: Path, rows: Path, losses: list[float]) -> None:
    losses += [0.9, 0.5, 0.3, 0.4, 0.6, 0.7, 0.8]
    run = create_run(values(tiny, rows, eval={"every": 1}))

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 5:
            shutil.rmtree(run.checkpoint(2))

    trained = Trained(run, react)
    assert trained.of(ev.Finished)[0].result_step == 6
    assert "training.best-gone" in [event.message.code for event in trained.of(ev.Warn)]
