"""What a shell can tell a real training by signal, at any moment of its life."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import events, poll_until, runner_pid, start, wait, wait_for_end

pytestmark = pytest.mark.e2e

SECONDS_TO_STOP = 20.0
"""Far more than the fraction of a second it takes, as the machine may be busy; far less than an epoch."""


def send(run: RunDir, number: signal.Signals) -> None:
    os.kill(runner_pid(run), number)


def checkpoints(run: RunDir) -> list[tuple[int, str]]:
    return [(event.step, event.reason) for event in events(run) if isinstance(event, ev.Checkpoint)]


def seconds_from_stopping_to_the_end(run: RunDir) -> float:
    seen = events(run)
    stopping = next(event for event in seen if isinstance(event, ev.State) and event.state == "stopping")
    ended = next(event for event in seen if isinstance(event, ev.Finished))
    return ended.t - stopping.t


def test_it_outlives_a_hangup_saves_pauses_goes_on_and_stops(make_config: MakeConfig) -> None:
    run = start(make_config(steps=100_000, every=50_000))
    at = wait(run, lambda state: state.done_steps >= 2).done_steps
    pid = runner_pid(run)

    send(run, signal.SIGHUP)
    wait(run, lambda state: state.done_steps > at + 3)

    send(run, signal.SIGUSR1)
    wait(run, lambda state: len(state.checkpoints) == 1)
    [(saved, reason)] = checkpoints(run)
    assert reason == "asked"
    assert run.checkpoint(saved) in run.complete_checkpoints()

    send(run, signal.SIGTSTP)
    paused = wait(run, lambda state: state.state == "paused")
    assert checkpoints(run)[-1] == (paused.done_steps, "pause")
    # It waits, and is not frozen as the signal would do by itself: it still writes to its log and can be spoken to.
    assert psutil.Process(pid).status() != psutil.STATUS_STOPPED
    log_bytes = run.events.stat().st_size
    poll_until(lambda: run.events.stat().st_size > log_bytes)
    assert wait(run, lambda state: True).done_steps == paused.done_steps

    send(run, signal.SIGCONT)
    went_on = wait(run, lambda state: state.state == "running" and state.done_steps > paused.done_steps + 3)
    assert went_on.started is not None
    assert went_on.started.resumed_from_step == paused.done_steps
    assert runner_pid(run) == pid

    send(run, signal.SIGINT)
    state = wait_for_end(run)
    assert (state.state, state.reason) == ("stopped", Message("events.signal", signal="SIGINT"))
    assert state.finished is not None
    assert checkpoints(run)[-1] == (state.finished.step, "stop")
    assert seconds_from_stopping_to_the_end(run) < SECONDS_TO_STOP
    numbers = [event.seq for event in events(run)]
    assert numbers == list(range(1, len(numbers) + 1))
    steps = [event.step for event in events(run) if isinstance(event, ev.Step)]
    assert steps == list(range(1, len(steps) + 1))  # no step was lost or done twice


def test_sigterm_is_heard_while_the_libraries_are_loading(make_config: MakeConfig) -> None:
    run = start(make_config(steps=100_000, every=50_000))
    wait(run, lambda state: state.phase is not None and state.phase.name == "import")
    send(run, signal.SIGTERM)
    state = wait_for_end(run)
    assert (state.state, state.reason) == ("stopped", Message("events.signal", signal="SIGTERM"))
    assert run.complete_checkpoints() == []
    assert not any(isinstance(event, ev.Step) for event in events(run))
    said = [event.state for event in events(run) if isinstance(event, ev.State)]
    assert said == ["starting", "stopping"]
