"""Lines in and out: what is typed on stdin, what is said on stderr, and what happens when either is gone."""

from __future__ import annotations

import io
import os
import re
import select
import sys

from engine.common.columns import cut, width_of

_MOST_BYTES = 65536
_KEY = re.compile(r"\x1b(?:O([P-S])|\[\[([A-E])|\[(1[1-57-9]|2[01])~) *")
"""A function key, as xterm, the Linux console and rxvt send it."""
_NUMBERED = {"11": 1, "12": 2, "13": 3, "14": 4, "15": 5, "17": 6, "18": 7, "19": 8, "20": 9, "21": 10}


class Left(Exception):
    """The person leaves: q, or Ctrl+C at a question."""


class Ended(Left):
    """Nothing more can be asked: the end of the input, or a closed terminal."""


class Typed:
    """stdin by the line, held by nothing but this: what was typed ahead is found, and bytes of no text end nothing."""

    def __init__(self) -> None:
        self._held = b""

    def line(self, seconds: float | None = None) -> str | None:
        """The next line without its end; None when there is none within ``seconds``. Raises Ended after the last."""
        fd = _descriptor()
        if fd is None:
            return self._of_memory()
        try:
            while b"\n" not in self._held:
                if seconds is not None and not select.select([fd], [], [], seconds)[0]:
                    return None
                read = os.read(fd, _MOST_BYTES)
                if not read:
                    return self._last()
                self._held += read
        except OSError:  # a terminal that was closed
            return self._last()
        line, _, self._held = self._held.partition(b"\n")
        return _decoded(line)

    def _last(self) -> str:
        """What stands behind the last line end. Raises Ended where that is nothing."""
        line, self._held = self._held, b""
        if not line:
            raise Ended
        return _decoded(line)

    def _of_memory(self) -> str:
        line = sys.stdin.readline()
        if not line:
            raise Ended
        return line.rstrip("\n")


class Said:
    """stderr, where the screen would be drawn. Lines are cut at words where a terminal shows them."""

    def __init__(self) -> None:
        self._is_gone = False

    def write(self, words: str) -> None:
        """Raises Ended, once, where nobody can read any more."""
        if self._is_gone:
            return
        try:
            sys.stderr.write(words)
            sys.stderr.flush()
        except (OSError, ValueError):  # ValueError: a stream that was closed
            self._is_gone = True
            raise Ended from None

    def lines(self, words: str, hanging: int = 0) -> None:
        """``words``, a line each; what a line has too much goes on ``hanging`` blanks further in than it began."""
        width = width_of(sys.stderr)
        for line in words.split("\n"):
            self.write("".join(f"{each}\n" for each in cut(line, width, hanging)))


def is_typed_here() -> bool:
    """Whether a person sees what is typed: a terminal shows it, a pipe does not."""
    try:
        return sys.stdin.isatty()
    except ValueError:
        return False


def _descriptor() -> int | None:
    """Of stdin; None where it lies in memory."""
    try:
        return sys.stdin.fileno()
    except io.UnsupportedOperation:
        return None
    except (AttributeError, ValueError):  # there is no stdin, or it was closed
        raise Ended from None


def _decoded(line: bytes) -> str:
    """As file names are: a name that is no text still names its file. A function key at the head is its word."""
    typed = os.fsdecode(line).rstrip("\r")
    key = _KEY.match(typed)
    return f"{_word(key)}{typed[key.end() :]}" if key is not None else typed


def _word(key: re.Match[str]) -> str:
    """``f2`` for F2, as the questions name it, and for F1 what asks for the explanation."""
    xterm, console, numbered = key.groups()
    number = ord(xterm) - ord("O") if xterm else ord(console) - ord("@") if console else _NUMBERED[numbered]
    return "?" if number == 1 else f"f{number} "
