"""Going back to a checkpoint: which one, what is renamed and kept, and what the log says of the run afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import ConfigError, RunError
from engine.runs import directory, interventions, mix_changes, rollback
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.event_lines import decode
from engine.runs.follow import load_state
from engine.runs.interventions import Interventions, RateChange, Rollback, Skip
from engine.runs.mix_changes import MixChange
from engine.runs.reducer import RunReducer, reduce
from engine.runs.rollback import Request
from engine.runs.state import LogLine
from engine.runs.writer import EventWriter
from tests.engine.runs.making import make_checkpoint, said, step, write

KEYS = ["aa", "bb", "cc"]


def spike(number: int, keys: list[str] | None = None) -> ev.Spike:
    return ev.Spike(
        step=number, loss=9.0, expected=1.0, score=12.0, grad_norm=3.0, learning_rate=1e-4, row_count=3,
        keys=KEYS if keys is None else keys,
    )  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """Twenty steps with checkpoints at 5, 10 and 15, and a spike at step 12."""
    made = directory.create("tiny", "", root=tmp_path)
    write(made, ev.RunStarted(total_steps=40))
    for number in range(1, 21):
        write(made, step(number, loss=2.0 - number / 20))
        if number == 12:
            write(made, spike(12))
        if number in (5, 10, 15):
            make_checkpoint(made, number)
            (made.checkpoint(number) / "trainer_state.json").write_text(
                json.dumps({"step": number, "num_tokens": 100 * number, "supervised_tokens": 40 * number})
            )
            write(made, ev.Checkpoint(step=number, path=f"checkpoint-{number}"), ev.Eval(step=number, loss=1.0, n=4))
    return made


def back(run: RunDir, request: Request) -> ev.RolledBack:
    writer = EventWriter(run.events)
    try:
        return rollback.carry_out(run, rollback.plan(run, load_state(run), request), writer.emit)
    finally:
        writer.close()


def test_without_a_step_it_is_the_last_checkpoint_before_the_newest_spike(run: RunDir) -> None:
    planned = rollback.plan(run, load_state(run), Request())
    assert (planned.step, planned.from_step, planned.folder) == (10, 20, run.checkpoint(10))
    write(run, spike(3))
    assert rollback.plan(run, load_state(run), Request()).step == 0


def test_without_a_spike_it_is_the_last_checkpoint(run: RunDir) -> None:
    back(run, Request(to=10))
    write(run, step(11), step(12))
    assert rollback.plan(run, load_state(run), Request()).step == 10


def test_later_checkpoints_are_renamed_and_kept_until_the_next_rollback(run: RunDir) -> None:
    back(run, Request(to=10))
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-5", "checkpoint-10"]
    assert (run.path / "checkpoint-15.abandoned" / "adapter_model.safetensors").exists()
    back(run, Request(to=5))
    assert [path.name for path in run.path.glob("*.abandoned")] == ["checkpoint-10.abandoned"]
    directory.delete(run)
    assert not run.path.exists()


def test_the_abandoned_steps_count_nowhere_and_stay_in_the_log(run: RunDir) -> None:
    write(run, ev.Warn(message=said("too late"), step=16), ev.Forgetting(step=15, kl_general=0.3, mark="look"))
    lines = len(run.events.read_bytes().splitlines())
    before = load_state(run)
    back(run, Request(to=10))
    state = load_state(run)
    assert len(run.events.read_bytes().splitlines()) == lines + 1
    assert (state.done_steps, state.progress) == (10, 0.25)
    assert state.step is not None
    assert (state.step.loss, state.step.num_tokens, state.step.supervised_tokens) == (1.5, 1000, 400)
    for name in ("loss", "loss_average", "learning_rate", "eval_loss"):
        assert state.series[name].x[state.series[name].length - 1] == 10
    assert state.loss == before.series["loss_average"].y[9]
    assert [event.step for event in state.evals] == [5, 10]
    assert [event.step for event in state.checkpoints] == [5, 10]
    assert (state.spikes, state.warnings, state.forgetting) == ((), (), ())
    assert {mark.kind for mark in state.marks} == {"checkpoint", "rollback"}
    abandoned = [line for line in state.log if state.is_abandoned(line)]
    assert {line.message.code for line in abandoned} >= {"steering.spike", "events.warning"}
    assert "steering.rolled-back" not in {line.message.code for line in abandoned}
    assert not any(state.is_abandoned(line) for line in state.log if line.message.args.get("path") == "checkpoint-10")


def test_what_comes_after_goes_on_as_if_they_had_not_been(run: RunDir) -> None:
    back(run, Request(to=10))
    write(run, ev.State(state="starting"), ev.RunStarted(total_steps=40, resumed_from_step=10), step(11, loss=1.45))
    loss = load_state(run).series["loss"]
    assert list(loss.x[: loss.length]) == list(range(1, 12))
    assert load_state(run).done_steps == 11


def test_any_prefix_of_such_a_log_is_a_state(run: RunDir) -> None:
    back(run, Request(to=0, rate=0.5))
    events = [decode(line) for line in run.events.read_bytes().splitlines()]
    reducer = RunReducer()
    for event in events:
        assert event is not None
        reducer.apply(event)
        reducer.snapshot()
    state = reducer.snapshot()
    assert (state.step, state.done_steps, state.rate_scale) == (None, 0, 0.5)
    assert reduce([event for event in events[-1:] if event]).done_steps == 0


def test_rows_of_all_spikes_after_the_step_are_skipped_once(run: RunDir) -> None:
    write(run, spike(18, ["cc", "dd"]))
    told = back(run, Request(to=10, skip_rows=True, rate=0.5))
    assert (told.skipped_rows, told.skipped_steps, told.rate_factor) == (4, [12, 18], 0.5)
    kept = interventions.read(run)
    assert kept.skips == (Skip(10, 12, 3, ("aa", "bb", "cc")), Skip(10, 18, 1, ("dd",)))
    assert (kept.rates, kept.skipped_rows, load_state(run).skipped_rows) == ((RateChange(10, 0.5),), 4, 4)


def test_further_back_the_skipped_rows_stay_skipped_and_later_changes_are_undone(run: RunDir) -> None:
    back(run, Request(to=10, skip_rows=True, rate=0.5))
    interventions.add_rate(run, RateChange(14, 0.1))
    mix_changes.add(run, MixChange(4, 0.2))
    mix_changes.add(run, MixChange(12, 0.4))
    told = back(run, Request(to=5))
    assert [message.code for message in told.undone] == [
        "steering.undone-rate", "steering.undone-rate", "steering.undone-replay",
    ]  # fmt: skip
    kept = interventions.read(run)
    assert ([skip.step for skip in kept.skips], kept.rates, len(kept.rollbacks)) == ([5], (), 2)
    assert mix_changes.read(run) == [MixChange(4, 0.2)]


def test_the_rate_is_the_product_of_what_was_asked_before_the_step() -> None:
    done = Interventions((RateChange(2, 0.5), RateChange(4, 0.5)))
    assert [done.factor(step) for step in (1, 2, 3, 4, 5)] == [1.0, 1.0, 0.5, 0.5, 0.25]


@pytest.mark.parametrize("step", [7, 20, 99])
def test_a_step_without_a_checkpoint_is_refused_with_those_there_are(run: RunDir, step: int) -> None:
    with pytest.raises(RunError) as error:
        rollback.plan(run, load_state(run), Request(to=step))
    assert error.value.code == "steering.no-such-checkpoint"
    assert error.value.reason.args["there"] == (0, 5, 10, 15)
    assert rollback.plan(run, load_state(run), Request(to=15)).step == 15


def test_a_damaged_checkpoint_is_none_to_go_back_to(run: RunDir) -> None:
    (run.checkpoint(10) / "trainer_state.json").write_text('{"step": 3}')
    assert rollback.plan(run, load_state(run), Request()).step == 5
    with pytest.raises(RunError):
        rollback.plan(run, load_state(run), Request(to=10))


def test_without_rows_that_are_known_nothing_is_skipped(run: RunDir) -> None:
    with pytest.raises(RunError) as error:
        rollback.plan(run, load_state(run), Request(to=15, skip_rows=True))
    assert error.value.code == "steering.no-spike"
    assert rollback.plan(run, load_state(run), Request(to=5, skip_rows=True)).rows == 3  # as its hint says


@pytest.mark.parametrize("values", [{"to": -1}, {"to": True}, {"to": "5"}, {"rate": 0}, {"rate": "x"}, {"rate": 1.5}])
def test_a_command_that_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Request.of(values)


def test_a_file_that_makes_no_sense_changes_nothing(run: RunDir) -> None:
    for written in ("", "[]", '{"rates": [{"step": -1, "factor": 0.5}, 7], "skips": {}, "rollbacks": [{"t": "x"}]}'):
        (run.path / "interventions.json").write_text(written)
        assert interventions.read(run) == Interventions()
    done = Interventions((RateChange(1, 0.5),), (Skip(1, 2, 1, ("a",)),), (Rollback(1.0, 1, 2, 0.5, 1),))
    interventions.keep(run, done)
    assert interventions.read(run) == done


def test_a_log_line_before_any_rollback_is_not_abandoned(run: RunDir) -> None:
    assert not load_state(run).is_abandoned(LogLine(1.0, "info", said("x")))
