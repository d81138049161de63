"""Start real runners and wait for what they do, without ever sleeping for a fixed time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from engine.config import toml
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.follow import Follower, Tail
from engine.runs.launch import launch
from engine.runs.state import RunState

PATIENCE_S = 240.0


def start(config: Path) -> RunDir:
    """Create and launch the run of ``config`` as the verbs and the screen do."""
    resolved = toml.load(config)
    run = directory.create(resolved.config.model.name_or_path, toml.dumps(resolved), resolved.config.run.name)
    launch(run)
    return run


def wait(run: RunDir, until: Callable[[RunState], bool]) -> RunState:
    """The first state of ``run`` for which ``until`` holds."""
    follower = Follower(run)
    poll_until(lambda: until(follower.poll()), lambda: f"{follower.poll().state}: {follower.poll().log[-5:]}")
    return follower.poll()


def poll_until(holds: Callable[[], bool], tell: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited {PATIENCE_S:.0f} s; {tell()}"
        time.sleep(0.02)


def wait_for_end(run: RunDir) -> RunState:
    """The last state of ``run``, once its process has gone and how it went is written down."""
    wait(run, lambda state: state.ended)
    poll_until(lambda: not run.is_alive() and run.exit_json.exists())
    return Follower(run).poll()


def runner_pid(run: RunDir) -> int:
    return int(run.lock.read_text())


def losses(run: RunDir) -> dict[int, float]:
    """The loss of each step; of a step that was done twice the later one."""
    return {event.step: event.loss for event in events(run) if isinstance(event, ev.Step)}


def events(run: RunDir) -> list[ev.AnyEvent]:
    return Tail(run.events).read(max_events=10**9, max_seconds=60)


def end_all(root: Path) -> None:
    """Kill the runners of all runs under ``root``."""
    for run in directory.list_runs(root):
        for process in psutil.process_iter(["cmdline"]):
            if str(run.path) in (process.info["cmdline"] or []):
                with suppress(psutil.Error):
                    os.kill(process.pid, signal.SIGKILL)
