"""Fixtures of the screen's tests: a folder of runs, a world around it, and ways to wait without sleeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.machine.snapshot import Machine
from engine.runs.directory import RunDir, RunLock
from tests.tui.machines import FakeWatch, no_gpu
from tui.terminal import Terminal
from tui.world import World

Wait = Callable[[Pilot[None], Callable[[], object]], object]


@pytest.fixture
def root(home: Path) -> Path:
    folder = home / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def spawned() -> list[tuple[str, bool]]:
    """What the app asked to start: (run id, resume)."""
    return []


@pytest.fixture
def make_world(root: Path, spawned: list[tuple[str, bool]]) -> Callable[..., World]:
    def spawn(run: RunDir, resume: bool = False, accept_changes: bool = False) -> int:
        spawned.append((run.id, resume))
        return 4242

    def make(colours: str = "truecolor", unicode: bool = True, machine: Machine | None = None) -> World:
        terminal = Terminal(colours, unicode)  # type: ignore[arg-type]
        watch = FakeWatch(machine or no_gpu())
        return World(root=root, spawn=spawn, refresh_s=0.05, terminal=terminal, watch_machine=watch)

    return make


@pytest.fixture
def running() -> Iterator[Callable[[RunDir], None]]:
    """Holds a run's lock, as its runner would."""
    locks: list[RunLock] = []

    def hold(run: RunDir) -> None:
        lock = RunLock(run.lock)
        lock.acquire()
        locks.append(lock)

    yield hold
    for lock in locks:
        lock.release()
