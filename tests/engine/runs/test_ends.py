"""How a run that nobody holds came to its end, told from what it left behind."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.follow import Follower, last_log_line, load_state
from engine.runs.launch import launch
from tests.engine.runs.making import failure, mark_exited, mark_launched, said, set_facts, step, write


def begun(run: RunDir, *events: ev.Event) -> None:
    """A run launched an hour ago that wrote its first events and is gone."""
    mark_launched(run)
    write(run, ev.RunStarted(total_steps=10), step(1), *events)


def test_a_run_that_was_never_launched_is_created(run: RunDir) -> None:
    assert load_state(run).state == "created"


def test_a_run_launched_a_moment_ago_is_starting(run: RunDir) -> None:
    mark_launched(run, seconds_ago=1)
    assert load_state(run).state == "starting"


def test_a_run_launched_long_ago_that_never_began_has_crashed(run: RunDir) -> None:
    mark_launched(run)
    state = load_state(run)
    assert state.state == "crashed"
    assert state.reason.code == "runs.gone"


def test_a_runner_that_ended_before_its_first_event_has_crashed_at_once(run: RunDir) -> None:
    mark_launched(run, seconds_ago=1)
    run.log.write_text("Traceback (most recent call last):\nImportError: libcuda.so.1\n")
    mark_exited(run, 1)
    state = load_state(run)
    assert (state.state, state.reason) == ("crashed", said("ImportError: libcuda.so.1"))


def test_a_held_lock_means_it_lives_whatever_the_log_says(run: RunDir) -> None:
    begun(run)
    lock = RunLock(run.lock)
    lock.acquire()
    assert load_state(run).state == "running"
    lock.release()
    assert load_state(run).state == "crashed"


def test_a_runner_that_holds_the_lock_and_has_written_nothing_yet_is_starting(run: RunDir) -> None:
    mark_launched(run)
    lock = RunLock(run.lock)
    lock.acquire()
    assert load_state(run).state == "starting"
    lock.release()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS])
def test_a_signal_is_named(run: RunDir, number: signal.Signals) -> None:
    begun(run)
    mark_exited(run, -number)
    assert load_state(run).reason == Message("runs.killed", signal=number.name)


def test_the_memory_killer_is_named(run: RunDir) -> None:
    begun(run)
    mark_exited(run, -signal.SIGKILL, oom_kill=True)
    assert load_state(run).reason == Message("runs.killed-for-ram")


def test_an_exit_with_words_gives_the_last_of_them(run: RunDir) -> None:
    begun(run)
    run.log.write_text("starting\nRuntimeError: no kernel image is available\n\n  \n")
    mark_exited(run, 1)
    assert load_state(run).reason == said("RuntimeError: no kernel image is available")


def test_an_exit_without_words_gives_its_code(run: RunDir) -> None:
    begun(run)
    mark_exited(run, 17)
    assert load_state(run).reason == Message("runs.exit-code", code=17)


def test_a_machine_that_was_switched_off_leaves_no_reason_and_that_is_said(run: RunDir) -> None:
    begun(run)
    run.log.write_text("loading weights 100%\n")
    reason = load_state(run).reason
    assert reason == Message("runs.gone-after", last="loading weights 100%")


@pytest.mark.parametrize("end", [ev.Finished(outcome="finished", step=1), failure("loss is NaN")])
def test_an_end_in_the_log_is_believed_over_the_exit_code(run: RunDir, end: ev.Event) -> None:
    begun(run, end)
    mark_exited(run, 1)
    assert load_state(run).state == ("finished" if isinstance(end, ev.Finished) else "failed")


def test_a_run_launched_again_is_starting_until_its_runner_writes(run: RunDir) -> None:
    begun(run, ev.Finished(outcome="stopped", step=1))
    assert load_state(run).state == "stopped"
    mark_launched(run, seconds_ago=0)
    state = load_state(run)
    assert state.state == "starting"
    assert state.finished is None
    lock = RunLock(run.lock)
    lock.acquire()
    assert load_state(run).state == "starting"
    write(run, ev.RunStarted(total_steps=10, resumed_from_step=1), ev.State(state="running"))
    assert load_state(run).state == "running"
    lock.release()


def test_a_crashed_run_launched_again_is_starting_and_not_crashed(run: RunDir) -> None:
    begun(run)
    mark_exited(run, -9)
    assert load_state(run).state == "crashed"
    run.exit_json.unlink()
    mark_launched(run, seconds_ago=0)
    assert load_state(run).state == "starting"
    lock = RunLock(run.lock)
    lock.acquire()
    assert load_state(run).state == "starting"  # it holds the lock and has not written a word yet
    lock.release()


def test_a_presumed_crash_is_taken_back_when_the_run_lives_again(run: RunDir) -> None:
    begun(run)
    follower = Follower(run)
    assert follower.poll().state == "crashed"
    write(run, ev.RunStarted(resumed_from_step=1), step(2))
    lock = RunLock(run.lock)
    lock.acquire()
    assert follower.poll().state == "running"
    lock.release()


@pytest.mark.parametrize("launched", ["soon", [], True, -1, 1e400])
def test_a_damaged_launch_time_is_no_reason_to_fail(run: RunDir, launched: object) -> None:
    write(run, step(1))
    set_facts(run, launched_t=launched)
    assert load_state(run).state in ("crashed", "starting")


def test_the_last_words_are_found_behind_a_long_log_and_odd_bytes(run: RunDir) -> None:
    run.log.write_bytes(b"\xff\xfe noise\n" * 5000 + b"the end \xff\n\n")
    assert last_log_line(run.log) == "the end \ufffd"
    assert last_log_line(run.path / "nothing") == ""


def test_a_reader_that_comes_while_the_log_grows_is_not_fooled(run: RunDir) -> None:
    """Everything complete is read before anything is inferred."""
    begun(run, *(step(n) for n in range(2, 500)), ev.Finished(outcome="finished", step=499))
    follower = Follower(run)
    states = set()
    deadline = time.monotonic() + 20
    while not follower.caught_up and time.monotonic() < deadline:
        states.add(follower.poll(max_events=50).state)
    assert "crashed" not in states
    assert follower.poll().state == "finished"


def test_a_clock_that_is_set_back_changes_nothing(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Launched and, after an end, launched again while the clock showed a later hour than it does now."""
    waiter = (sys.executable, "-c", "pass")
    write(run, ev.RunStarted(total_steps=10), step(1), ev.Finished(outcome="stopped", step=1))
    now = time.time
    later = now() + 7200
    run.lock.touch()
    os.utime(run.lock, (later, later))
    monkeypatch.setattr(time, "time", lambda: later)
    launch(run, resume=True, waiter=waiter)
    monkeypatch.setattr(time, "time", now)
    assert load_state(run).state == "stopped"  # launched "in two hours": no start is awaited for so long
    launch(run, resume=True, waiter=waiter)
    assert load_state(run).state == "starting"
    lock = RunLock(run.lock)
    lock.acquire()
    assert load_state(run).state == "starting"
    set_facts(run, launched_t=later)
    write(run, ev.State(state="starting"), ev.State(state="running"), step(2))
    assert load_state(run).state == "running"
    lock.release()
