"""Documents from plain text and Markdown, for continued pre-training."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.data.files.utf8 import Line, lines
from engine.data.rows.messages import RawRow

_HEADING = re.compile(r"#{1,2}\s+\S")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
# With no blank line to go by, lines this long on average are one document each; shorter ones are wrapped text.
_LONG_LINE_CHARACTERS = 200
_LINES_LOOKED_AT = 200


def read_text(path: Path, source: str) -> Iterator[RawRow]:
    """Documents of a .txt file, as rows with one field ``text``.

    A blank line ends a document. In a file without blank lines among its first 200, long lines are one document
    each (an article a line); short ones are one text that was wrapped, and make one document.
    ``number`` is the line a document begins on.
    """
    yield from _documents(path, source, _each_line if _article_a_line(path) else _blank_line)


def read_markdown(path: Path, source: str) -> Iterator[RawRow]:
    """Documents of a .md file: each heading of level 1 or 2 begins one, code blocks are left whole."""
    yield from _documents(path, source, _Headings())


def _article_a_line(path: Path) -> bool:
    lengths: list[int] = []
    for line in lines(path):
        if line.number > _LINES_LOOKED_AT:
            break
        if not line.text.strip() and lengths:
            return False
        lengths.append(len(line.text))
    return sum(lengths) >= _LONG_LINE_CHARACTERS * len(lengths)


def _each_line(_line: Line) -> bool:
    return True


def _blank_line(line: Line) -> bool:
    return not line.text.strip()


class _Headings:
    """Says of each line whether a new section begins there; remembers whether it is inside a code block."""

    def __init__(self) -> None:
        self._fence = ""

    def __call__(self, line: Line) -> bool:
        fence = _FENCE.match(line.text)
        if fence and self._fence in ("", fence[1]):
            self._fence = "" if self._fence else fence[1]
        return not self._fence and bool(_HEADING.match(line.text))


def _documents(path: Path, source: str, begins_new: Callable[[Line], bool]) -> Iterator[RawRow]:
    held: list[str] = []
    first, last_byte = 1, 0
    for line in lines(path):
        if begins_new(line) and held:
            text = "".join(held).strip()
            if text:
                yield RawRow({"text": text}, source, str(path), first, last_byte)
            held = []
        if not held and not line.text.strip():
            continue
        if not held:
            first = line.number
        held.append(line.text.replace("\r\n", "\n"))
        last_byte = line.end_byte
    text = "".join(held).strip()
    if text:
        yield RawRow({"text": text}, source, str(path), first, last_byte)
