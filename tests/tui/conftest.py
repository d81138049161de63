"""Fixtures of the screen's tests: a folder of runs, a world around it, and ways to wait without sleeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.common import paths
from engine.machine.snapshot import Machine
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import EventWriter
from tests.tui import fake_runs, lighter
from tests.tui.machines import FakeWatch, no_gpu
from tests.tui.wizard.making import make_model, make_rows
from tui.terminal import Terminal
from tui.world import World

MakeWorld = Callable[..., World]
Live = Callable[..., tuple[RunDir, EventWriter]]


@pytest.fixture(autouse=True, scope="session")
def light_textual() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        lighter.read_stylesheets_once(patch)
        lighter.wait_for_the_busy_alone(patch)
        yield


@pytest.fixture(autouse=True, scope="module")
def frames_are_seen(request: pytest.FixtureRequest) -> Iterator[None]:
    """Those of a module whose ``FRAMES_ARE_DRAWN`` is true; else what a test reads is drawn when it is read."""
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "FRAMES_ARE_DRAWN", False):
            lighter.draw_nothing_unseen(patch)
        yield


@pytest.fixture
def root(home: Path) -> Path:
    folder = home / "runs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def model(home: Path) -> Path:
    """A model among those tunedeck keeps."""
    return make_model(paths.models_dir() / "tiny-chat")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return make_rows(tmp_path / "orders.jsonl")


@pytest.fixture
def spawned() -> list[tuple[str, bool]]:
    """What the app asked to start: (run id, resume)."""
    return []


@pytest.fixture
def make_world(root: Path, spawned: list[tuple[str, bool]]) -> MakeWorld:
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


@pytest.fixture
def live(root: Path, running: Callable[[RunDir], None]) -> Live:
    """Makes a run that trains, in which a runner has done the steps up to ``last``."""

    def make(last: int, name: str = "orders-json", total: int = 900) -> tuple[RunDir, EventWriter]:
        run, writer = fake_runs.training_run(root, last, name, total)
        running(run)
        return run, writer

    return make
