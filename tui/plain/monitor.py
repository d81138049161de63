"""A run as lines: what happens in it as it happens, and at its end how it came out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.common.errors import RunError, TunedeckError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.state import RunState
    from tui.plain.lines import Lines

_POLL_S = 0.25
_SETTLE_S = 0.5
_COMMANDS = {"p": "pause", "r": "resume", "s": "save", "g": "sample", "x": "stop"}
"""The monitor's keys that steer a run."""


def follow(lines: Lines, run: RunDir) -> None:
    """Until the run ends, or q and Enter or Ctrl+C leave it; it goes on then. Raises Left at the end of the input."""
    from engine.cli.commands.run import tell_end
    from engine.cli.commands.watch import Watched

    lines.say(text("plain.following", run=run.id))
    try:
        state = _narrated(lines, run)
    except RunError as error:
        lines.say(str(error))
        return
    except KeyboardInterrupt:
        lines.say()
        state = None
    if state is None:
        lines.say(text("cli-runs.left-running", run=run.id))
        return
    tell_end(run, Watched(state))
    lines.say(text("plain.what-now", run=run.id))


def _narrated(lines: Lines, run: RunDir) -> RunState | None:
    """Its last state; None where the person left before the end."""
    from engine.cli.commands.watch import Narrator
    from engine.runs.follow import Follower

    follower, narrator = Follower(run), Narrator(past_lines=20)
    while True:
        state = follower.poll()
        if follower.caught_up:
            narrator.tell(state)
            if state.state == "created":
                raise RunError("runs.never-started", run=run.id, config=run.config)
            if state.ended:
                time.sleep(_SETTLE_S if state.state == "crashed" else 0)  # the reason may come a moment later
                return follower.poll()
        typed = lines.typed_within(_POLL_S)
        if typed in ("q", "b"):
            return None
        if typed:
            _steer(lines, run, typed)


def _steer(lines: Lines, run: RunDir, typed: str) -> None:
    from engine.runs import control

    if typed not in _COMMANDS:
        lines.say(text("plain.monitor-keys"))
        return
    try:
        control.send(run, _COMMANDS[typed])  # type: ignore[arg-type]
    except TunedeckError as error:
        lines.say(str(error))
