"""Lines of columns for plain text."""

from __future__ import annotations

from collections.abc import Sequence


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
