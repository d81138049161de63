"""A training that goes wrong: the step is told with what it held, and what people do about it is exact and kept."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.common.errors import ConfigError
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import interventions, rollback
from engine.runs.directory import RunDir
from engine.runs.follow import load_state
from engine.runs.interventions import RateChange, Skip
from engine.runs.mix_changes import MixChange
from engine.runs.reducer import reduce
from engine.runs.steering import Steering
from engine.runs.writer import EventWriter
from engine.training import loop as loop_module
from engine.training.gradient import Gradient
from engine.training.loop import NotFinite
from engine.training.mixing import changed, plan_steps, without
from engine.training.spikes import Found
from tests.engine.training.making import Reaction, Trained, create_run, stop_after, train, values
from tests.engine.training.test_mix_changes import config, prepared

EACH = {"checkpoint": {"every": 1, "keep": 20}}


class Logged(Trained):
    """A run in this process that also has its log on the disk, as the runner writes it."""

    def __init__(self, run: RunDir, react: Reaction | None = None, resume: bool = False) -> None:
        self.writer = EventWriter(run.events)
        try:
            super().__init__(run, react, resume)
        finally:
            self.writer.close()

    def _sink(self, event: ev.Event) -> None:
        self.writer.emit(event)
        super()._sink(event)


def asks(step: int, command: str, times: int = 1, **given: Any) -> tuple[Reaction, list[tuple[bool, str]]]:
    """Give the order when ``step`` is taken, the first so many times."""
    answers: list[tuple[bool, str]] = []
    left = [times]

    def react(event: ev.Event, steering: Steering) -> None:
        def answer(ok: bool, message: Message) -> None:
            answers.append((ok, message.code))

        if isinstance(event, ev.Step) and event.step == step and left[0]:
            left[0] -= 1
            steering.put(command, answer, given)  # type: ignore[arg-type]

    return react, answers


def spiking(monkeypatch: pytest.MonkeyPatch, *steps: int) -> None:
    """The first time that each of ``steps`` is taken, its loss is out of line."""
    left = list(steps)

    class Finder(loop_module.SpikeFinder):
        def __init__(self, past: Any = ()) -> None:
            super().__init__(past)
            self.at = 0

        def look(self, loss: float, grad_norm: float) -> Found | None:
            self.at += 1
            if self.at in left:
                left.remove(self.at)
                return Found("loss", 1.0, 9.0)
            return None

    monkeypatch.setattr(loop_module, "SpikeFinder", Finder)


def test_after_a_rollback_without_changes_the_losses_are_those_of_the_straight_run(tiny: Path, rows: Path) -> None:
    straight = train(values(tiny, rows, **EACH)).losses()
    react, answers = asks(4, "rollback", to=2)
    back = Logged(create_run(values(tiny, rows, **EACH)), react)
    assert answers == [(True, "steering.done")]
    assert back.losses() == straight[:4] + straight[2:]
    (told,) = back.of(ev.RolledBack)
    assert (told.step, told.from_step) == (2, 4)
    state = load_state(back.run)
    loss = state.series["loss"]
    assert list(loss.y[: loss.length]) == straight
    assert state.step is not None
    assert state.step.num_tokens == train_tokens(back, 6)
    assert (state.state, state.done_steps, len(state.rollbacks)) == ("finished", 6, 1)
    assert {path.name for path in back.run.path.glob("*.abandoned")} == {
        "checkpoint-3.abandoned", "checkpoint-4.abandoned",
    }  # fmt: skip
    record = json.loads((back.run.adapter / "tunedeck.json").read_text())
    assert [each["step"] for each in record["rollbacks"]] == [2]


def train_tokens(trained: Trained, step: int) -> int:
    return [event for event in trained.of(ev.Step) if event.step == step][-1].num_tokens


def test_back_to_the_beginning_is_the_run_again(tiny: Path, rows: Path) -> None:
    react, answers = asks(2, "rollback", to=0)
    back = Logged(create_run(values(tiny, rows)), react)
    assert answers == [(True, "steering.done")]
    losses = back.losses()
    assert losses[:2] == losses[2:4]
    assert len(losses) == 8


def test_between_the_order_and_the_going_back_the_log_says_nothing_that_is_abandoned(tiny: Path, rows: Path) -> None:
    react, _ = asks(4, "rollback", to=2)
    back = Logged(create_run(values(tiny, rows, **EACH)), react)
    at = next(index for index, event in enumerate(back.events) if isinstance(event, ev.RolledBack))
    state = reduce(back.events[: at + 1])  # type: ignore[arg-type]
    assert state.step is not None
    assert (state.done_steps, state.step.loss) == (2, back.losses()[1])
    assert state.step.num_tokens == train_tokens(back, 2)
    assert [event.step for event in state.checkpoints] == [1, 2]
    assert state.series["loss"].length == 2


def test_the_rate_is_lower_from_the_next_step_on_and_after_a_resume(tiny: Path, rows: Path) -> None:
    plain = [event.learning_rate for event in train(values(tiny, rows)).of(ev.Step)]
    react, answers = asks(2, "set", rate=0.5)
    whole = train(values(tiny, rows), react)
    assert answers == [(True, "steering.rate-lowered")]
    rates = [event.learning_rate for event in whole.of(ev.Step)]
    assert rates[:2] == plain[:2]
    assert rates[2:] == pytest.approx([rate / 2 for rate in plain[2:]], rel=1e-12)
    run = create_run(values(tiny, rows))
    interventions.add_rate(run, RateChange(2, 0.5))
    first = Trained(run, stop_after(4))
    rest = Trained(run, resume=True)
    assert first.losses() + rest.losses() == whole.losses()


@pytest.mark.parametrize("rate", [0, 1, -0.5, 2, True, "half", None, math.nan, [0.5]])
def test_what_is_no_lower_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigError) as error:
        interventions.factor_wanted(rate)
    assert error.value.code == "steering.no-factor"


def test_skipped_rows_are_never_trained_on_again_and_are_counted(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spiking(monkeypatch, 3)
    settings = values(tiny, rows, **EACH)
    settings["train"]["max_steps"] = 12  # more than two passes
    react, answers = asks(4, "rollback", skip_rows=True, rate=0.5)
    back = Logged(create_run(settings), react)
    assert answers == [(True, "steering.done")]
    (spike,) = back.of(ev.Spike)
    assert (spike.step, spike.row_count, len(spike.keys), len(spike.rows)) == (3, 4, 4, 4)
    losses = [row.loss for row in spike.rows]
    assert losses == sorted(losses, reverse=True)
    assert min(losses) > 0
    assert all(row.text.startswith("user: ") and row.row and row.tokens for row in spike.rows)
    (told,) = back.of(ev.RolledBack)
    assert (told.step, told.skipped_rows, told.skipped_steps, told.rate_factor) == (2, 4, [3], 0.5)
    assert [event.step for event in back.of(ev.StepSkipped)] == [3]
    steps = [event.step for event in back.of(ev.Step)]
    assert steps == [1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert back.of(ev.Rows)[-1].dropped["skipped"] == 4
    record = json.loads((back.run.adapter / "tunedeck.json").read_text())
    assert (record["skipped_rows"], record["rates"]) == (4, [{"step": 2, "factor": 0.5}])
    assert load_state(back.run).skipped_rows == 4


def test_the_plan_has_no_skipped_row_after_the_step_whatever_the_mix_becomes() -> None:
    rows = prepared(180, 100)
    rows.train.keys = lambda: [str(index) for index in range(280)]
    settings = config(("new", None), ("replay", 0.1))
    gone = tuple(str(index) for index in range(0, 280, 3))
    plain = plan_steps(settings, rows, [MixChange(20, 0.4)])
    plan = plan_steps(settings, rows, [MixChange(20, 0.4)], [Skip(8, 9, len(gone), gone)])
    for step in range(1, plan.total_steps + 1):
        expected = [row for row in plain.rows(step) if step <= 8 or row % 3]
        assert plan.rows(step).tolist() == expected
    later = changed(
        without(plan_steps(settings, rows), rows, [Skip(8, 9, 1, gone)]), settings, rows, MixChange(20, 0.4)
    )
    assert all(np.array_equal(later.rows(step), plan.rows(step)) for step in range(1, plan.total_steps + 1))


def test_a_run_that_stopped_is_rolled_back_and_resumed_with_the_same_losses(tiny: Path, rows: Path) -> None:
    straight = train(values(tiny, rows, **EACH)).losses()
    run = create_run(values(tiny, rows, **EACH))
    Logged(run, stop_after(4))
    planned = rollback.plan(run, load_state(run), rollback.Request(to=1))
    writer = EventWriter(run.events)
    rollback.carry_out(run, planned, writer.emit)
    writer.close()
    assert load_state(run).done_steps == 1
    rest = Logged(run, resume=True)
    assert rest.losses() == straight[1:]


def test_a_paused_run_goes_on_from_where_it_was_rolled_back_to(tiny: Path, rows: Path) -> None:
    straight = train(values(tiny, rows, **EACH)).losses()
    answers: list[bool] = []

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 3 and not answers:
            steering.put("pause")
        if isinstance(event, ev.State) and event.state == "paused":
            steering.put("rollback", lambda ok, said: answers.append(ok), {"to": 9})
            steering.put("rollback", lambda ok, said: answers.append(ok), {"to": 1})

    back = Logged(create_run(values(tiny, rows, **EACH)), react)
    assert answers == [False, True]
    assert back.losses() == straight[:3] + straight[1:]


def test_a_step_without_a_number_ends_the_run_with_its_rows_told_and_skipping_them_goes_on(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Gradient._read
    calls = [0]

    def broken(self: Any, tally: Any, norm: torch.Tensor) -> tuple[float, float]:
        calls[0] += 1
        loss, grad_norm = real(self, tally, norm)
        return (math.nan, grad_norm) if calls[0] == 3 else (loss, grad_norm)

    monkeypatch.setattr(Gradient, "_read", broken)
    run = create_run(values(tiny, rows))
    with pytest.raises(NotFinite):
        Logged(run)
    state = load_state(run)
    (spike,) = state.spikes
    assert (spike.kind, spike.step, len(spike.keys)) == ("not-finite", 3, 4)
    planned = rollback.plan(run, state, rollback.Request(skip_rows=True))
    assert (planned.step, planned.rows) == (2, 4)
    writer = EventWriter(run.events)
    rollback.carry_out(run, planned, writer.emit)
    writer.close()
    rest = Logged(run, resume=True)
    assert [event.step for event in rest.of(ev.Step)] == [4, 5, 6]
    assert load_state(run).state == "finished"


def test_the_checkpoint_before_the_newest_spike_is_kept(
    tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spiking(monkeypatch, 3)
    settings = values(tiny, rows, checkpoint={"every": 1, "keep": 1}, eval={"keep": "last"})
    trained = train(settings)
    assert [folder.name for folder in trained.run.complete_checkpoints()] == ["checkpoint-2", "checkpoint-6"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"to": 3}, "steering.no-such-checkpoint"), ({"rate": 2}, "steering.no-factor"),
    ],
)  # fmt: skip
def test_what_cant_be_is_refused_and_the_training_goes_on_as_it_was(
    tiny: Path, rows: Path, given: dict[str, Any], code: str
) -> None:
    react, answers = asks(2, "rollback", **given)
    trained = Logged(create_run(values(tiny, rows)), react)
    assert answers == [(False, code)]
    assert len(trained.losses()) == 6
    assert trained.of(ev.RolledBack) == []
    assert interventions.read(trained.run) == interventions.Interventions()


def test_going_back_undoes_what_was_asked_for_since_and_says_so(tiny: Path, rows: Path) -> None:
    run = create_run(values(tiny, rows, **EACH))
    left = ["set", "rollback"]

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == 3 and "set" in left:
            left.remove("set")
            steering.put("set", values={"rate": 0.5})
        elif isinstance(event, ev.Step) and event.step == 5 and "rollback" in left:
            left.remove("rollback")
            steering.put("rollback", values={"to": 1})

    back = Logged(run, react)
    (told,) = back.of(ev.RolledBack)
    assert [message.code for message in told.undone] == ["steering.undone-rate"]
    assert back.losses()[5:] == train(values(tiny, rows)).losses()[1:]


@pytest.mark.e2e
def test_two_processes_roll_back_and_skip_as_one_does(tiny: Path, rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for gpus in ("cpu", "cpu,cpu"):
        spiking(monkeypatch, 3)
        react, answers = asks(4, "rollback", skip_rows=True, rate=0.5)
        found.append(Logged(create_run(values(tiny, rows, launch={"gpus": gpus}, **EACH)), react))
        assert answers == [(True, "steering.done")]
    one, two = found
    assert two.losses() == pytest.approx(one.losses(), abs=1e-4)
    assert [row.row for row in two.of(ev.Spike)[0].rows] == [row.row for row in one.of(ev.Spike)[0].rows]
