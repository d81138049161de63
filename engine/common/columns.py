"""Lines of plain text: columns that do not touch, and lines that are cut at words."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import IO

_NARROWEST = 20

_WIDE = "\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
"""Characters between which a line may be cut: Chinese is written without blanks."""
_PIECE = re.compile(rf" +|[“（《]*(?:`[^`]+`|[^\s{_WIDE}“”]+|[^ ])[，。；：、！？）》”…]*")
"""Blanks, a command, a word or a character, with the punctuation that must not be parted from it."""


def aligned(rows: Sequence[Sequence[str]], right: bool = False) -> list[str]:
    """``rows`` as lines of columns, each as wide as its widest cell and two blanks from the next, so that none touch.

    ``right``: all but the first column end where their widest cell ends, as figures do.
    """
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]

    def padded(at: int, cell: str) -> str:
        blanks = " " * (widths[at] - cells(cell))
        return blanks + cell if right and at else cell + blanks

    return ["  ".join(padded(at, cell) for at, cell in enumerate(row)).rstrip() for row in rows]


def cells(text: str) -> int:
    """Columns of a terminal that ``text`` takes: a Chinese character has two."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(0, wcswidth(text))


def width_of(stream: IO[str]) -> int | None:
    """Cells of a line; None where nothing is shown by the line: a pipe, a file, a terminal that does not say."""
    try:
        width = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None
    return width if width >= _NARROWEST else None


def cut(line: str, width: int | None, hanging: int = 0) -> list[str]:
    """``line`` in lines of at most ``width`` cells; a path or command that is longer stays whole, to be copied."""
    if width is None or cells(line) <= width:
        return [line]
    before = " " * (len(line) - len(line.lstrip(" ")))
    lines, blanks, now = [], "", before
    after = before + " " * hanging
    for piece in _PIECE.findall(line[len(before) :]):
        if piece.isspace():
            blanks = piece
            continue
        if now.strip() and cells(now + blanks + piece) > width:
            lines.append(now)
            now, blanks = after, ""
        now, blanks = now + blanks + piece, ""
    return [*lines, now]
