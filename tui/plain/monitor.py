"""A run as lines: what happens in it as it happens, and at its end how it came out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from engine.common.errors import RunError, TunedeckError
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui.plain import verbs
from tui.plain.lines import Back
from tui.plain.stream import Ended, Left

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.state import RunState
    from tui.plain.lines import Lines

_POLL_S = 0.25
_SETTLE_S = 0.5
_SLOWER = 6.0
"""A line of progress every six seconds at first, in the end every minute."""
_STEERS: dict[str, tuple[str, dict[str, Any]]] = {
    "p": ("pause", {}), "r": ("resume", {}), "s": ("save", {}), "g": ("sample", {}), "x": ("stop", {}),
    "X": ("stop", {"at": "best"}), "w": ("set", {"replay": "more"}), "h": ("set", {"rate": 0.5}),
}  # fmt: skip
"""What steers a run, by the monitor's keys: the command and its values."""
_VERBS = {"z": (), "K": ("--skip-rows",)}
"""Ways back to a checkpoint, by the monitor's keys: what ``tunedeck rollback`` is given."""
_KEYS = {
    "p": "keys.pause", "s": "keys.save", "g": "keys.sample", "x": "keys.stop-run", "r": "keys.resume-run",
    "X": "forgetting.key-best",
    "w": "forgetting.key-replay", "h": "steering.key-lower", "z": "steering.key-back", "K": "steering.key-skip",
}  # fmt: skip


def follow(lines: Lines, run: RunDir, is_home: bool = False) -> None:
    """Until the run ends, or q and Enter or Ctrl+C leave it; it goes on then. ``is_home``: the list comes next.

    Raises Ended.
    """
    from engine.cli.commands.run import tell_end
    from engine.cli.commands.watch import Watched

    try:
        state = _narrated(lines, run)
    except RunError as error:
        lines.say(str(error))
        return
    except KeyboardInterrupt:
        lines.say()
        state = None
    except Ended:
        lines.say(text("cli-runs.left-running", run=run.id))
        raise
    except BrokenPipeError:
        raise Ended from None
    if state is None:
        lines.say(text("cli-runs.left-running", run=run.id))
        return
    tell_end(run, Watched(state))
    if run.complete_checkpoints() or (state.finished is not None and state.finished.adapter):
        lines.say(text("plain.next-here") if is_home else text("plain.what-now", run=run.id))


def _narrated(lines: Lines, run: RunDir) -> RunState | None:
    """Its last state; None where the person left before the end."""
    from engine.cli.commands.watch import Narrator
    from engine.runs.follow import Follower

    follower, narrator = Follower(run), Narrator(20, slower=_SLOWER, say_line=lambda line: lines.say(line, hanging=10))
    is_greeted = False
    while True:
        state = follower.poll()
        if follower.caught_up:
            if not is_greeted and not state.ended:
                lines.say(text("plain.following", run=run.id))
            is_greeted = True
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
            _steer(lines, run, typed, bool(state.step))


def _steer(lines: Lines, run: RunDir, typed: str, has_steps: bool) -> None:
    from engine.runs import control

    if typed == "?":
        for word, code in _KEYS.items():
            lines.say(f"  {word}  {part(Message(code), 'help')}", hanging=3)
    elif typed in _VERBS:
        verbs.carry_out(lines, ["rollback", str(run.path), *_VERBS[typed]], lambda *_, **__: 0)
    elif typed not in _STEERS:
        lines.say(text("plain.monitor-keys"))
    elif typed not in ("x", "X") or _is_stopped(lines, run, has_steps):
        try:
            command, values = _STEERS[typed]
            control.send(run, command, values)  # type: ignore[arg-type]
        except TunedeckError as error:
            lines.say(str(error))


def _is_stopped(lines: Lines, run: RunDir, has_steps: bool) -> bool:
    """Whether a person wants it to stop; asked, as one letter is typed quickly."""
    try:
        return lines.is_yes(
            text("home.stop", run=run.id), text("app.stop-saves" if has_steps else "app.nothing-to-save")
        )
    except Ended:
        raise
    except (Left, Back):
        return False
