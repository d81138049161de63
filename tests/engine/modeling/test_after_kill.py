"""A run that the system killed for want of RAM goes on in smaller pieces, with the same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import MachineError
from engine.config import toml
from engine.modeling.out_of_memory import LastWords, last_words
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.steering import Steering
from engine.runs.writer import EventWriter
from engine.training.checkpoint import read_state
from engine.training.session import Session
from tests.engine.runs.making import said
from tests.engine.training.making import Trained, create_run, train, values


class Killed(BaseException):
    """The end of a process, in the midst of it."""


def killed_at(run: RunDir, step: int) -> list[Any]:
    """Train ``run`` with its log written, until it vanishes after ``step``."""
    writer = EventWriter(run.events)
    writer.emit(ev.State(state="starting"))
    seen: list[Any] = []

    def sink(event: ev.Event) -> None:
        seen.append(event)
        writer.emit(event)
        if isinstance(event, ev.Step) and event.step == step:
            raise Killed

    with pytest.raises(Killed):
        Session(run, toml.load(run.config).config, sink, Steering()).execute(resume=False)
    writer.close()
    return seen


def restarted(run: RunDir) -> list[Any]:
    """What the next runner says, told that the last one was killed for memory."""
    writer = EventWriter(run.events)
    seen: list[Any] = []

    def sink(event: ev.Event) -> None:
        seen.append(event)
        writer.emit(event)

    sink(ev.State(state="starting"))
    try:
        Session(run, toml.load(run.config).config, sink, Steering()).execute(resume=True, after_kill=True)
    finally:
        writer.close()
    return seen


def losses(events: list[Any]) -> list[float]:
    return [event.loss for event in events if isinstance(event, ev.Step)]


def test_it_goes_on_from_the_checkpoint_in_half_the_pieces_with_the_same_losses(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 300}, checkpoint={"every": 2})
    straight = train(settings).losses()
    run = create_run(settings)
    first = killed_at(run, step=5)
    second = restarted(run)
    (shortage,) = [event for event in second if isinstance(event, ev.OutOfMemory)]
    assert (shortage.step, shortage.phase, shortage.retry_tokens) == (6, "", 150)
    assert shortage.cause.code == "events.killed-for-ram"
    assert losses(first) == straight[:5]
    assert losses(second) == pytest.approx(straight[4:], abs=1e-5)
    assert read_state(run.checkpoint(6)).micro_batch_tokens == 150


def test_before_a_checkpoint_it_begins_again_in_smaller_pieces(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 300})
    run = create_run(settings)
    killed_at(run, step=2)
    assert losses(restarted(run)) == pytest.approx(train(settings).losses(), abs=1e-5)


def test_killed_with_single_rows_it_ends(tiny: Path, rows: Path) -> None:
    run = create_run(values(tiny, rows, train={"micro_batch_tokens": 8}))
    killed_at(run, step=2)
    seen: list[Any] = []
    with pytest.raises(MachineError, match="Out of memory with a single row"):
        seen += restarted(run)
    assert losses(seen) == []


def test_killed_while_the_weights_were_loaded_it_ends_before_they_are_again(tiny: Path, rows: Path) -> None:
    run = create_run(values(tiny, rows))
    writer = EventWriter(run.events)
    for event in (ev.State(state="starting"), ev.MemoryPlan(micro_batch_tokens=160), ev.Phase(name="load")):
        writer.emit(event)
    writer.close()
    with pytest.raises(MachineError, match="does not fit into the RAM") as caught:
        restarted(run)
    assert "nf4" in caught.value.hint


def test_the_last_words_are_of_the_runner_before(tiny: Path, rows: Path) -> None:
    run = create_run(values(tiny, rows))
    assert last_words(run) == LastWords()
    writer = EventWriter(run.events)
    for event in (
        ev.State(state="starting"), ev.MemoryPlan(micro_batch_tokens=800), ev.Phase(name="rehearsal"),
        ev.OutOfMemory(phase="loss", retry_tokens=400), ev.OutOfMemory(phase="evaluation", retry_tokens=90),
        ev.Phase(name="train"), ev.Warn(message=said('about "phase" and "step"')), ev.State(state="starting"),
        ev.MemoryPlan(micro_batch_tokens=800), ev.Phase(name="import"),
    ):  # fmt: skip
        writer.emit(event)
    writer.close()
    found = last_words(run)
    assert found == LastWords(400, "train", 0)
    assert not found.was_loading


def test_a_resume_by_hand_starts_as_large_as_before(tiny: Path, rows: Path) -> None:
    settings = values(tiny, rows, train={"micro_batch_tokens": 300}, checkpoint={"every": 2})
    run = create_run(settings)
    killed_at(run, step=5)
    assert Trained(run, resume=True).losses() == train(settings).losses()[4:]
