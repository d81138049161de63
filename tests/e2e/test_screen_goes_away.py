"""The screen is only a viewer: its terminal may close and its process may die, the training goes on."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from engine.runs.directory import RunDir
from tests.e2e.conftest import MakeConfig
from tests.e2e.driving import poll_until, start, wait
from tests.tui.pty_session import PtySession

pytestmark = pytest.mark.e2e

# With the pty as its controlling terminal, as under sshd: closing the pty hangs it up.
UNDER_SSH = ("setsid", "--ctty", "--wait", sys.executable, "-P", "-m", "tui")


@pytest.fixture
def training(make_config: MakeConfig) -> RunDir:
    run = start(make_config(steps=100_000, every=50_000))
    wait(run, lambda state: state.done_steps >= 3)
    return run


def steps_so_far(run: RunDir) -> int:
    return wait(run, lambda state: True).done_steps


def test_a_closed_terminal_ends_the_screen_and_not_the_training(training: RunDir) -> None:
    with PtySession(["attach", training.id], command=UNDER_SSH) as session:
        session.wait_for("tiny", seconds=120)
        at = steps_so_far(training)
        os.close(session._master)
        poll_until(lambda: session.process.poll() is not None)
    assert wait(training, lambda state: state.done_steps > at + 5).state == "running"


def test_a_killed_screen_is_opened_again_with_the_whole_history(training: RunDir) -> None:
    with PtySession(["attach", training.id]) as session:
        session.wait_for("tiny", seconds=120)
        session.process.send_signal(signal.SIGKILL)
        session.process.wait()
    at = steps_so_far(training)
    assert wait(training, lambda state: state.done_steps > at + 5).state == "running"
    with PtySession(["attach", "last"]) as session:
        session.wait_for("tiny", seconds=120)
        session.wait_for("running", seconds=120)
        session.send("q")
        session.wait_for("New", seconds=120)  # home, where it goes on too
        session.send("\x11")
        session.wait_for_end(seconds=120)
        assert f"tunedeck attach {training.id}" in session.text
    at = steps_so_far(training)
    assert wait(training, lambda state: state.done_steps > at).state == "running"
