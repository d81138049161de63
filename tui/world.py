"""What the screens need from outside, in one place, so that tests can give them another world."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from engine.common import paths
from tui.terminal import Terminal

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.machine.snapshot import Machine
    from engine.runs.directory import RunDir
    from engine.runs.groups import Group


class Spawn(Protocol):
    """Starts the detached runner of ``run`` and returns a pid; raises TunedeckError.

    ``accept_changes``: a run that is resumed goes on although what it was made from has changed.
    """

    def __call__(self, run: RunDir, resume: bool = False, accept_changes: bool = False) -> int: ...


class Watch(Protocol):
    """A machine that is being read again and again."""

    def pace(self, interval_s: float) -> None:
        """Read every so many seconds from now on."""

    def stop(self) -> None:
        """Read no more."""


class WatchMachine(Protocol):
    """Starts to read the machine whose runs are in ``runs``; every reading goes to ``on_reading``, in a thread."""

    def __call__(self, runs: Path, on_reading: Callable[[Machine], None]) -> Watch: ...


def _launch(run: RunDir, resume: bool = False, accept_changes: bool = False) -> int:
    from engine.app.start import launch

    return launch(run, resume, accept_changes)


def _launch_group(group: Group, accept_changes: bool = False) -> None:
    from engine.app.groups import launch_group

    launch_group(group, accept_changes)


def _demo() -> Resolved:
    from engine.app.demo import demo_config

    return demo_config()


def _watch_machine(runs: Path, on_reading: Callable[[Machine], None]) -> Watch:
    from engine.machine.snapshot import MachineWatch

    watch = MachineWatch(runs, paths.models_dir(), on_reading=on_reading)
    watch.start()
    return watch


@dataclass(frozen=True)
class World:
    """``root`` holds the runs, ``clock`` gives Unix seconds, ``spawn`` starts runners, ``spawn_group`` the
    supervisor of a group whose changes are accepted or not, ``demo`` prefills the wizard.

    ``watch_machine`` reads GPUs and host again and again. ``refresh_s`` is how often a watched run or the list of
    runs is looked at.
    """

    root: Path = field(default_factory=paths.runs_dir)
    clock: Callable[[], float] = time.time
    spawn: Spawn = _launch
    spawn_group: Callable[[Group, bool], None] = _launch_group
    demo: Callable[[], Resolved] = _demo
    watch_machine: WatchMachine = _watch_machine
    refresh_s: float = 1.0
    terminal: Terminal = field(default_factory=Terminal)


def world_of(node: Any) -> World:
    """The world of the app that ``node`` (a widget or screen) is part of."""
    found = node.app.world
    assert isinstance(found, World)
    return found
