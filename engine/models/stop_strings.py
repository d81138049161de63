"""Texts at which an answer ends: how a person writes them, and where a text that grows is cut."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ESCAPE = re.compile(r"\\([nt, \\])")
_MEANS = {"n": "\n", "t": "\t", ",": ",", " ": " ", "\\": "\\"}
_WRITTEN = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", ",": "\\,"}
_COMMA = re.compile(r"(?:\\.|[^,\\]|\\$)+", re.DOTALL)
"""What stands between two commas that have no backslash before them."""


def meant(typed: str) -> str:
    r"""``typed`` with the characters that a line can't hold: ``\n``, ``\t``, and ``\\`` for a backslash."""
    return _ESCAPE.sub(lambda found: _MEANS[found[1]], typed)


def read(typed: str) -> tuple[str, ...]:
    r"""Several, parted by commas with blanks around; ``\,`` is a comma, and a backslash keeps a blank at an end."""
    found = (meant(_bare(each)) for each in _COMMA.findall(typed))
    return tuple(dict.fromkeys(each for each in found if each))


def written(stop: Sequence[str]) -> str:
    """The same as a person would type it."""
    return ", ".join(_escaped(each) for each in stop)


class Until:
    """Text that grows, up to the first of ``stop``; what may become one of them is held back until that is known."""

    def __init__(self, stop: Sequence[str]) -> None:
        self._stop, self._held, self.is_met = [*stop], "", False

    def add(self, piece: str) -> str:
        """What is to be shown now."""
        if self.is_met:
            return ""
        self._held += piece
        places = [at for each in self._stop if (at := self._held.find(each)) >= 0]
        if places:
            shown, self._held, self.is_met = self._held[: min(places)], "", True
            return shown
        kept = max((_begun(self._held, each) for each in self._stop), default=0)
        whole = len(self._held) - kept
        shown, self._held = self._held[:whole], self._held[whole:]
        return shown

    def end(self) -> str:
        """What was held back to the last."""
        held, self._held = self._held, ""
        return held


def _bare(typed: str) -> str:
    found = typed.strip(" ")
    is_kept = (len(found) - len(found.rstrip("\\"))) % 2 and typed.endswith(" ")
    return f"{found} " if is_kept else found


def _escaped(stop: str) -> str:
    found = "".join(_WRITTEN.get(letter, letter) for letter in stop)
    if found.endswith(" "):
        found = f"{found[:-1]}\\ "
    return f"\\{found}" if found.startswith(" ") else found


def _begun(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` could be the beginning of ``stop``."""
    return next((count for count in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:count])), 0)
