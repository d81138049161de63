"""Bell and desktop notice of the terminal, when a run ends, fails or needs attention while nobody looks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from engine.common import settings
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import story
from engine.runs.state import ENDED

OFF = "TUNEDECK_BELL"
"""0 turns notices off, and so does {"ui": {"bell": false}} in settings.json."""
_MOST = 200
_SPEAKS_777 = ("rxvt", "foot")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def sequence(words: str, env: Mapping[str, str]) -> str:
    """A bell, and ``words`` as OSC 777 where the terminal is known for it, else as OSC 9; passed through tmux."""
    said = _CONTROL.sub(" ", words)[:_MOST]
    term = env.get("TERM", "")
    if term == "linux":
        return "\x07"
    uses_777 = term.startswith(_SPEAKS_777) or bool(env.get("VTE_VERSION"))
    made = f"\x1b]777;notify;tunedeck;{said}\x07" if uses_777 else f"\x1b]9;{said}\x07"
    return "\x07" + (f"\x1bPtmux;\x1b{made}\x1b\\" if env.get("TMUX") else made)


def is_wanted(env: Mapping[str, str]) -> bool:
    """Whether the user has not turned them off."""
    wanted = settings.get("ui", "bell")
    return env.get(OFF) != "0" and (wanted is None or bool(wanted))


class TerminalNotices:
    """Hears how runs stand; ``write`` sends to the terminal, ``is_away`` says whether it has no focus."""

    def __init__(
        self, write: Callable[[str], None], is_away: Callable[[], bool], env: Mapping[str, str] = os.environ
    ) -> None:
        self._write, self._is_away, self._env = write, is_away, env
        self._known: dict[str, tuple[str, int]] = {}

    def heard(self, run: str, name: str, state: str, reason: Message | None = None, alarm: Message | None = None,
              alarm_seq: int = 0) -> None:  # fmt: skip
        """``run`` is in ``state`` now; ``alarm`` is what wants a person, the newest, with its number.

        What was so when it was first heard of is no news.
        """
        before = self._known.get(run)
        self._known[run] = (state, max(alarm_seq, before[1] if before else 0))
        if before is None:
            return
        ended = state in ENDED and before[0] not in ENDED
        what = story.state(state, reason) if ended else alarm if alarm_seq > before[1] else None
        if what is not None and self._is_away() and is_wanted(self._env):
            self._write(sequence(text(Message("notices.line", name=name, what=what)), self._env))


def notices_of(node: Any) -> TerminalNotices:
    """Those of the app that ``node`` (a widget or screen) is part of."""
    found = node.app.notices
    assert isinstance(found, TerminalNotices)
    return found
