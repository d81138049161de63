"""A run that a version with event log 1 stopped goes on from its checkpoint."""

from __future__ import annotations

from pathlib import Path

from engine.config import toml
from engine.runs import events as ev
from engine.runs.follow import load_state
from engine.runs.steering import Steering
from engine.runs.writer import EventWriter
from engine.training.session import Session
from tests.engine.runs.v1_runs import STOPPED, put_back
from tests.tiny import make_tiny_model


def test_it_is_resumed_and_finished(home: Path) -> None:
    run = put_back(home)[STOPPED]
    make_tiny_model(home / "tiny")
    run.config.write_text(run.config.read_text().replace("max_steps = 160", "max_steps = 44"))
    writer = EventWriter(run.events)
    writer.emit(ev.State(state="starting"))
    Session(run, toml.load(run.config).config, writer.emit, Steering()).execute(resume=True, accept_changes=True)
    writer.close()
    state = load_state(run)
    assert (state.state, state.done_steps) == ("finished", 44)
    assert [event.moment for event in state.evals] == ["before", "after"]
    assert state.series["loss"].length == 44
    assert [each.step for each in state.checkpoints] == [38, 44]
