"""Send of each frame only what changed: Textual paints whole widgets, often twice, and a slow line carries every byte.

A frame is made of cursor moves, styles and text. It is drawn into a picture of the terminal here, and only the cells
that differ from the picture before are sent. Whatever else is written goes through as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from rich.cells import cell_len
from textual.drivers.linux_driver import LinuxDriver

Cell = tuple[str, str]
"""Text and its style as SGR codes. Where text that is wider than a cell goes on, the text is ""."""
Span = tuple[int, int, list[Cell]]
"""Row, column, and the cells to send from there on."""

_UNKNOWN: Cell = ("", "?")
_PIECE = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|(\n)|([^\x00-\x1f\x7f-\x9f]+)")
_DRAWS_NOTHING = re.compile(
    r"(?:\x07|\x1b\[\?2026[hl]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bPtmux;.*\x1b\\)*", re.DOTALL
)
"""Bells, the marks around a frame, and what goes to clipboard, title and notices."""
_SURE = re.compile(
    "[\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u2010-\u2027\u2190-\u22ff\u2500-\u25fc\u2713\u2800-\u28ff"
    "\u3001-\u3029\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uff01-\uff60]*"
)
"""Text of whose width all terminals think alike. A row with any other is sent whole once it changes."""
_FIRST_WIDE = "\u3001"
_SHORT_GAP = 6
"""So many cells between two changes are no longer than the move that skips them."""
_ON_BLANKS = frozenset(("4", "7", "9", "21", "51", "52", "53"))
"""Attributes that show where there is no letter: lines, and colors that are turned round."""


class Style(NamedTuple):
    """SGR codes by what they set."""

    attributes: frozenset[str] = frozenset()
    color: str = "39"
    background: str = "49"


class Picture:
    """What the terminal shows, as far as it is known, and what makes the next frame of it."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Cell]] = {}
        self._cursor = (-1, -1)

    def forget(self) -> None:
        """Know nothing of the terminal, as after a change of its size."""
        self._rows.clear()
        self._cursor = (-1, -1)

    def sent_for(self, data: str) -> str:
        """The shortest known that does to the terminal what ``data`` does."""
        if _DRAWS_NOTHING.fullmatch(data):
            return data
        before, cursor = {y: list(row) for y, row in self._rows.items()}, self._cursor
        if not self._draw(data, before):
            self.forget()
            return data
        moved = [(y, row) for y, row in sorted(self._rows.items()) if row != before.get(y)]
        changes = _written(span for y, row in moved for span in _changes(y, before.get(y, []), row))
        if not changes and self._cursor == cursor:
            return ""
        x, y = self._cursor
        return f"{changes}\x1b[{y + 1};{x + 1}H"

    def _draw(self, data: str, before: dict[int, list[Cell]]) -> bool:
        """Whether ``data`` is a frame: it was drawn into the rows then. One ends with a move, and with no style."""
        (x, y), style, at = self._cursor, "", 0
        while piece := _PIECE.match(data, at):
            at = piece.end()
            row, column, sgr, newline, words = piece.groups()
            if row:
                x, y = int(column) - 1, int(row) - 1
            elif y < 0:
                return False
            elif words:
                made, drawn = _cells(words, style), self._rows.setdefault(y, [])
                end = x + len(made)
                drawn += [_UNKNOWN] * (end - len(drawn))
                if not (_cut_wide(drawn, x, before.get(y, [])) and _cut_wide(drawn, end, before.get(y, []))):
                    return False
                drawn[x:end] = made
                x = end
            elif newline:
                y += 1
            elif sgr in ("", "0"):
                style = ""
            elif style:
                return False  # Textual ends each style before the next
            else:
                style = sgr
        self._cursor = (x, y)
        return at == len(data) and not style and data.endswith("H")


class ChangesDriver(LinuxDriver):
    """Textual's driver for a terminal, which sends of the frames what changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.picture = Picture()

    def write(self, data: str) -> None:
        if sent := self.picture.sent_for(data):
            super().write(sent)


def _cells(words: str, style: str) -> list[Cell]:
    blank = (" ", _of_blank(style))
    if words.isascii():
        return [blank if each == " " else (each, style) for each in words]
    if not _SURE.fullmatch(words):  # where its letters stand is the terminal's own affair
        return [(words, style), *[("", style)] * (cell_len(words) - 1)]
    cells = []
    for each in words:
        cells.append(blank if each == " " else (each, style))
        if each >= _FIRST_WIDE:
            cells.append(("", style))
    return cells


def _goes_on(cell: Cell) -> bool:
    return not cell[0] and cell != _UNKNOWN


def _cut_wide(row: list[Cell], x: int, before: list[Cell]) -> bool:
    """Forget the text that reaches over the left edge of cell ``x``: only half of it will be painted over.

    False where that was drawn in this very frame, which Textual never does.
    """
    if x >= len(row) or not _goes_on(row[x]):
        return True
    first, end = x, x
    while _goes_on(row[first]):
        first -= 1
    while end < len(row) and _goes_on(row[end]):
        end += 1
    stood_there = row[first:end] == before[first:end]
    row[first:end] = [_UNKNOWN] * (end - first)
    return stood_there


def _changes(y: int, before: list[Cell], row: list[Cell]) -> Iterator[Span]:
    """What of ``row`` is to be sent where ``before`` stands."""
    known = [x for x, cell in enumerate(row) if cell != _UNKNOWN]
    if all(_SURE.fullmatch("".join(words for words, _ in cells)) for cells in (before, row)):
        before = before + [_UNKNOWN] * (len(row) - len(before))
        known = [x for x in known if row[x] != before[x]]
    first = end = -1
    for x in known:
        if first >= 0 and x - end <= _SHORT_GAP and _UNKNOWN not in row[end:x]:
            end = x + 1
            continue
        if first >= 0:
            yield y, first, row[first:end]
        first, end = x, x + 1
        while _goes_on(row[first]):
            first -= 1
    if first >= 0:
        yield y, first, row[first:end]


def _written(spans: Iterator[Span]) -> str:
    """``spans`` as moves, styles and text; a style is told by what it changes of the one before."""
    sent: list[str] = []
    pen = none = Style()
    for y, x, cells in spans:
        sent.append(f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H")
        for words, sgr in cells:
            style = _parsed(sgr)
            if words == " " and not (style.attributes | pen.attributes) & _ON_BLANKS:
                style = Style(pen.attributes, pen.color, style.background)
            if words and style != pen:
                sent.append(_turned(pen, style))
                pen = style
            sent.append(words)
    if pen != none:
        sent.append("\x1b[m")
    return "".join(sent)


@lru_cache(4096)
def _turned(pen: Style, style: Style) -> str:
    """The sequence that turns ``pen`` into ``style``."""
    codes = []
    if pen.attributes - style.attributes:  # there is no code that all terminals take for one attribute's end
        codes, pen = ["0"], Style()
    codes += sorted(style.attributes - pen.attributes)
    codes += [style.color] if style.color != pen.color else []
    codes += [style.background] if style.background != pen.background else []
    return f"\x1b[{';'.join(codes)}m"


@lru_cache(4096)
def _of_blank(sgr: str) -> str:
    """What shows of a style where there is no letter: its background, unless there are lines."""
    style = _parsed(sgr)
    if style.attributes & _ON_BLANKS:
        return sgr
    return style.background if style.background != "49" else ""


@lru_cache(4096)
def _parsed(sgr: str) -> Style:
    attributes, color, background = set(), "39", "49"
    codes = sgr.split(";") if sgr else []
    while codes:
        code = codes.pop(0)
        if code in ("38", "48"):
            length = 2 if codes[:1] == ["5"] else 4
            code, codes = ";".join([code, *codes[:length]]), codes[length:]
        if len(code) > 1 and code[0] in "39":
            color = code
        elif len(code) > 1 and code[0] in "14":
            background = code
        else:
            attributes.add(code)
    return Style(frozenset(attributes), color, background)
