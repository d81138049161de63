"""Roll a run back and let it train on: asked of its runner while that lives, else done here before a new one starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.app.start import launch
from engine.common.errors import RunError
from engine.messages.message import Message
from engine.models import origins
from engine.runs import events as ev
from engine.runs import rollback, story
from engine.runs.directory import RunDir, RunLock, damage_of
from engine.runs.follow import load_state
from engine.runs.rollback import Plan, Request
from engine.runs.writer import EventWriter


@dataclass(frozen=True)
class RolledBack:
    """``lines`` say what was done."""

    step: int
    lines: tuple[Message, ...]


def look(run: RunDir, request: Request) -> Plan:
    """What ``request`` would do with ``run``; changes nothing. Raises RunError where it can't be done."""
    if (damage := damage_of(run)) is not None:
        raise RunError("runs.files-damaged", path=run.path, reason=damage)
    state = load_state(run)
    if state.state == "finished":
        raise RunError("steering.not-after-end", run=run.id, config=run.config)
    return rollback.plan(run, state, request)


def carry_out(
    run: RunDir, request: Request, accept_changes: bool = False, spawn: Callable[..., object] = launch
) -> RolledBack:
    """Roll back ``run``, which nobody runs now, and launch it again from there.

    Raises RunError, also for what it was made from that has changed and is not accepted; MachineError.
    """
    planned = look(run, request)
    changed = [] if accept_changes else origins.changes(run)
    if changed:
        raise origins.refuse(run, changed)
    lock = RunLock(run.lock)
    lock.acquire()
    try:
        writer = EventWriter(run.events)
        try:
            done: ev.RolledBack = rollback.carry_out(run, planned, writer.emit)
        finally:
            writer.close()
    finally:
        lock.release()
    spawn(run, resume=True, accept_changes=accept_changes)
    return RolledBack(done.step, tuple(story.rolled_back(done)))
