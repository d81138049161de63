"""Groups of seeds on the command line: followed from run to run, stopped, resumed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.cli.commands.watch import Watched, watch
from engine.cli.console import say
from engine.common.errors import RunError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.groups import Group

_POLL_S = 0.1
_LONGEST_STOP_S = 600.0


def follow(group: Group) -> list[tuple[RunDir, Watched]] | None:
    """Narrate the runs of ``group`` in turn; gives those that began, with their ends.

    Ctrl+C stops the group. None where the person went away before it had stopped.
    """
    from engine.app.groups import stop_group

    runs = group.runs
    ends: list[tuple[RunDir, Watched]] = []
    for number, run in enumerate(runs, 1):
        watched = _watch(group, run, number, len(runs))
        if watched is not None and watched.left:
            say(text("cli-groups.stopping"))
            try:
                stop_group(group)
                _wait_for_end(group)
            except RunError:
                pass  # it ended meanwhile
            except KeyboardInterrupt:
                say(text("cli-groups.left", group=group.id))
                return None
            watched = _watch(group, run, number, len(runs))
        if watched is None:  # it ended before this run's turn
            break
        ends.append((run, watched))
    return ends


def _watch(group: Group, run: RunDir, number: int, count: int) -> Watched | None:
    """How ``run`` ended once its turn had come; None where the group ended before."""
    from engine.runs.follow import load_state
    from engine.runs.state import RunState

    try:
        while load_state(run).state == "created":
            if not group.is_alive() and load_state(run).state == "created":
                return None
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return Watched(RunState(), left=True)
    say(text("cli-groups.run-of", run=run.id, number=number, count=count))
    return watch(run, on_interrupt="leave", with_result=True)


def stop(group: Group, no_wait: bool) -> None:
    """Stop ``group``: its present run with a checkpoint; no further one starts."""
    from engine.app.groups import missing, stop_group

    stop_group(group)
    if no_wait:
        say(text("cli-groups.stopping"))
        return
    _wait_for_end(group)
    say(text("cli-groups.stopped", group=group.id, count=len(missing(group))))


def resume(group: Group, accept_changes: bool) -> None:
    """Train what is missing of ``group``."""
    from engine.app.groups import resume_group

    left = resume_group(group, accept_changes)
    say(text("cli-groups.goes-on", group=group.id, count=len(left)))


def _wait_for_end(group: Group) -> None:
    deadline = time.monotonic() + _LONGEST_STOP_S
    while group.is_alive():
        if time.monotonic() > deadline:
            raise RunError("runs.still-stopping", run=group.id)
        time.sleep(_POLL_S)
