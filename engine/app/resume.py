"""An ended run goes on from its last whole checkpoint, once a person has agreed to what changed since its start.

One that ended before its first checkpoint begins anew: what it answered by then is kept, and not asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.app import children
from engine.app.start import launch
from engine.common.errors import RunError
from engine.messages.message import Message
from engine.models import origins
from engine.runs.checkpoints import newest_whole
from engine.runs.control import way_on
from engine.runs.directory import RunDir, damage_of
from engine.runs.follow import load_state


@dataclass(frozen=True)
class Resumed:
    """``checkpoint`` is where it goes on from, None at the beginning; ``damaged`` are newer ones that are not whole.

    ``told`` are those that were made of the adapter it had, which it will replace.
    """

    checkpoint: Path | None
    damaged: tuple[tuple[Path, Message], ...] = ()
    told: tuple[Message, ...] = ()


def changes(run: RunDir) -> list[Message]:
    """What ``run`` was made from that is another now; to be accepted before it goes on."""
    return origins.changes(run)


def resume(run: RunDir, accept_changes: bool = False, spawn: Callable[..., object] = launch) -> Resumed:
    """Launch ``run`` again from its last whole checkpoint, or from the beginning where there never was one.

    Raises RunError when there is no need, when its checkpoints are gone but a result of them is there, or when what it
    was made from has changed and that is not accepted.
    """
    if (damage := damage_of(run)) is not None:
        raise RunError("runs.files-damaged", path=run.path, reason=damage)
    if load_state(run).state == "finished":
        raise RunError("runs.run-finished", run=run.id, way=way_on(run))
    if run.begins_anew:
        spawn(run, resume=False, accept_changes=False)
        return Resumed(None)
    if not run.complete_checkpoints():
        raise RunError("runs.no-checkpoint", run=run.id, way=way_on(run))
    changed = [] if accept_changes else changes(run)
    if changed:
        raise origins.refuse(run, changed)
    newest, damaged = newest_whole(run)
    told = children.told(run)
    spawn(run, resume=True, accept_changes=accept_changes)
    return Resumed(newest, tuple(damaged), tuple(told))
