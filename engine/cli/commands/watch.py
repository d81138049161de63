"""Follow a run as text until it ends: its story, and a line of progress now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.cli.console import say
from engine.common.errors import RunError
from engine.common.hangup import is_gone
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.messages.message import Message
    from engine.runs.directory import RunDir
    from engine.runs.state import LogLine, RunState

_POLL_S = 0.25
_SETTLE_S = 0.5
INTERRUPTED = 130
_MARKS = {"warning": "cli-runs.warning", "error": "cli-runs.error"}


@dataclass(frozen=True)
class Watched:
    """The last state seen; ``left`` if the person went away before the end, ``asked_to_stop`` if by Ctrl+C."""

    state: RunState
    left: bool = False
    asked_to_stop: bool = False


def watch(
    run: RunDir, on_interrupt: Literal["stop", "leave"], past_lines: int = 20, with_result: bool = False
) -> Watched:  # fmt: skip
    """Narrate ``run`` on stderr until it ends. ``past_lines`` of its story so far are told first.

    ``with_result``: its verdict and which step is the result are part of the story; else whoever calls tells them.

    Ctrl+C leaves, or (``stop``) asks the runner to stop with a checkpoint; a second one leaves then too.
    """
    from engine.runs.follow import Follower
    from engine.runs.state import RunState

    follower, narrator = Follower(run), Narrator(past_lines, with_result)
    wants_stop = False
    asked = False
    state = RunState()
    while True:
        try:
            if wants_stop and not asked:
                asked = _ask_to_stop(run)
            _require_reader()
            state = follower.poll()
            if follower.caught_up:
                narrator.tell(state)
                if state.state == "created":
                    raise RunError("runs.never-started", run=run.id, config=run.config)
                if state.ended:
                    time.sleep(_SETTLE_S if state.state == "crashed" else 0)  # the reason may come a moment later
                    state = follower.poll()
                    if state.ended:
                        return Watched(state, asked_to_stop=wants_stop)
                time.sleep(_POLL_S)
        except KeyboardInterrupt:
            if on_interrupt == "leave" or wants_stop:
                return Watched(state, left=True, asked_to_stop=wants_stop)
            wants_stop = True
            say(text("cli-runs.stopping-saves" if state.step else "cli-runs.stopping-nothing"))


def _require_reader() -> None:
    """Raise BrokenPipeError where the terminal that is told was closed: nobody would ever end the watching."""
    try:
        gone = is_gone(sys.stderr.fileno())
    except (OSError, ValueError):  # no stream of the system
        return
    if gone:
        raise BrokenPipeError


def _ask_to_stop(run: RunDir) -> bool:
    """Send the command as soon as somebody can take it."""
    from engine.runs import control

    try:
        control.send(run, "stop")
    except RunError:
        return False
    return True


class Narrator:
    """Turns states into lines: what is new in the story at once, progress at most once a second.

    ``slower``: so many times more rarely, for who has to listen to every line. Lines go to ``say_line``.
    """

    def __init__(
        self, past_lines: int, with_result: bool = False, slower: float = 1.0, say_line: Callable[[str], None] = say
    ) -> None:
        self._past_lines, self._with_result = past_lines, with_result
        self._slower, self._say = slower, say_line
        self._last: LogLine | None = None
        self._began = time.monotonic()
        self._told_at = 0.0
        self._told = ""

    def tell(self, state: RunState) -> None:
        told_later = set() if self._with_result else _result(state)
        for line in self._new_lines(state):
            if line.message in told_later:
                continue
            mark = f"{text(_MARKS[line.level])} " if line.level in _MARKS else ""
            self._say(f"{time.strftime('%H:%M:%S', time.localtime(line.t))}  {mark}{text(line.message)}")
        now = time.monotonic()
        line_now = progress_line(state)
        # The longer it runs, the fewer lines: every second at first, every ten seconds after nine minutes.
        pause = self._slower * min(10.0, 1.0 + (now - self._began) / 60)
        if line_now and line_now != self._told and now - self._told_at >= pause:
            self._told_at, self._told = now, line_now
            self._say(f"{time.strftime('%H:%M:%S')}  {line_now}")

    def _new_lines(self, state: RunState) -> list[LogLine]:
        new: list[LogLine] = []
        for line in reversed(state.log):
            if line is self._last:
                break
            new.append(line)
        if self._last is None:
            new = new[: self._past_lines]
        if state.log:
            self._last = state.log[-1]
        return new[::-1]


def _result(state: RunState) -> set[Message | None]:
    """What the end of a run says of it: its verdict, and which step is the result."""
    from engine.runs.evaluations import TRAINING

    own = {each.sentence for each in state.evaluations if each.name == TRAINING}
    return own | ({state.finished.result} if state.finished is not None else set())


def progress_line(state: RunState) -> str:
    """What is going on, in one line; "" where there is nothing to tell."""
    from engine.runs import story
    from engine.runs.by_source import newest

    if state.ended:
        return ""
    phase, step = state.phase, state.step
    if phase is not None and phase.total and (step is None or phase.t > step.t):
        return text(story.progress(phase))
    if step is None:
        return ""
    total = f"/{state.total_steps:,}" if state.total_steps else ""
    parts = [
        text("cli-runs.step", step=f"{step.step:,}{total}", loss=step.loss, rate=step.learning_rate),
        text("cli-runs.speed", tokens=step.tokens_per_second),
    ]
    if sources := newest(state.series):
        parts.append(text("cli-runs.by-source", losses=sources))
    if state.peak_rss:
        parts.append(text("cli-runs.peak", peak=state.peak_rss))
    if state.eta_s is not None and state.state == "running":
        parts.append(text("cli-runs.left", left=state.eta_s))
    return "  ".join(parts)
