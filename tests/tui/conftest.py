"""Fixtures of the screen's tests: a folder of runs, a world around it, and ways to wait without sleeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from engine.common import paths
from engine.machine.snapshot import Machine
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import EventWriter
from tests.tui import fake_runs
from tests.tui.machines import FakeWatch, no_gpu
from tests.tui.wizard.making import make_model, make_rows
from tui.terminal import Terminal
from tui.world import World

MakeWorld = Callable[..., World]
Live = Callable[..., tuple[RunDir, EventWriter]]


@pytest.fixture(autouse=True, scope="session")
def stylesheets_parsed_once() -> Iterator[None]:
    """The rules of a stylesheet, which hang on the theme's colours alone, are read once for all apps of a process."""
    read: dict[tuple[tuple[str, str], ...], LRUCache[tuple[object, ...], list[RuleSet]]] = {}
    init, set_variables = Stylesheet.__init__, Stylesheet.set_variables

    def share(sheet: Stylesheet) -> None:
        sheet._parse_cache = read.setdefault(tuple(sorted(sheet._variables.items())), LRUCache(1024))

    def shared_init(self: Stylesheet, *, variables: dict[str, str] | None = None) -> None:
        init(self, variables=variables)
        share(self)

    def shared_variables(self: Stylesheet, variables: dict[str, str]) -> None:
        self._parse_cache = LRUCache(1)  # it clears its own
        set_variables(self, variables)
        share(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "__init__", shared_init)
        patch.setattr(Stylesheet, "set_variables", shared_variables)
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
