"""A terminal that is closed ends what shows it, though SIGHUP is ignored as under nohup; the training goes on."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from engine.common.hangup import is_gone
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import EventWriter
from tests.engine.runs.making import mark_launched, step
from tests.tui.looking import said
from tests.tui.pty_session import PtySession

IGNORING_HANGUP = ("sh", "-c", 'trap "" HUP; exec "$0" "$@"', sys.executable, "-P", "-m", "tui")
LONG_S = 120.0


@pytest.fixture
def run(home: Path) -> RunDir:
    made = directory.create("tiny", "", name="orders")
    mark_launched(made)
    writer = EventWriter(made.events)
    for event in (ev.State(state="running"), ev.RunStarted(total_steps=900, model="tiny"), step(1), step(2)):
        writer.emit(event)
    writer.close()
    return made


@pytest.mark.parametrize(("arguments", "shows"), [((), "orders"), (("attach", "last"), "orders"),
                                                  (("attach", "last", "--plain"), "step 2")])  # fmt: skip
def test_a_closed_terminal_ends_what_it_showed(run: RunDir, arguments: tuple[str, ...], shows: str) -> None:
    lock = RunLock(run.lock)
    lock.acquire()
    try:
        with PtySession(
            arguments, command=IGNORING_HANGUP, env={"TUNEDECK_HOME": os.environ["TUNEDECK_HOME"]}
        ) as session:
            session.wait_for(shows, seconds=LONG_S)
            os.close(session._master)
            ends = time.monotonic() + LONG_S
            while session.process.poll() is None and time.monotonic() < ends:
                time.sleep(0.1)
            assert session.process.poll() is not None
            assert not list(Path(os.environ["TUNEDECK_HOME"]).glob("crash-*"))
    finally:
        lock.release()
    assert not run.exit_json.exists()


def test_a_screen_that_is_asked_to_end_leaves_the_terminal_as_it_was(home: Path) -> None:
    """As by `kill`, or at the end of a job's time."""
    with PtySession(env={"TUNEDECK_HOME": os.environ["TUNEDECK_HOME"]}) as session:
        session.wait_for(said("home.start-new"), seconds=LONG_S)
        session.process.terminate()
        session.wait_for_end(LONG_S)
        assert session.process.returncode == 0
        for mode in (b"1049", b"1003", b"2004"):  # the other screen, the mouse, pastes
            assert (
                -1 < session.received.rfind(b"\x1b[?" + mode + b"h") < session.received.rfind(b"\x1b[?" + mode + b"l")
            )


def test_a_screen_without_a_terminal_to_read_from_is_refused_at_once(home: Path) -> None:
    command = ("sh", "-c", 'exec "$0" "$@" < /dev/null', sys.executable, "-P", "-m", "tui")
    with PtySession(command=command) as session:
        session.wait_for_end(LONG_S)
        assert session.process.returncode not in (0, None)
        assert "terminal" in session.text


def test_a_file_and_an_open_terminal_are_not_gone(tmp_path: Path) -> None:
    master, slave = os.openpty()
    with (tmp_path / "out").open("w") as file:
        assert not is_gone(file.fileno())
    assert not is_gone(slave)
    os.close(master)
    assert is_gone(slave)
    assert is_gone(slave, wait=True)
    os.close(slave)
