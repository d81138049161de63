"""A grid of characters that curves are drawn into, from their lowest and highest value in each column."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from tui.widgets.chart_scale import Axis

EMPTY = math.nan


class Columns:
    """``low`` and ``high`` have one value a column, NaN where no finite point lies.

    ``bad`` marks columns that hold a NaN or an infinity: curves have a gap there, and it is shown.
    """

    def __init__(self) -> None:
        self.low: list[float] = []
        self.high: list[float] = []
        self.bad: list[bool] = []
        self._key: tuple[float, float, int] | None = None
        self._x: Sequence[float] | None = None
        self._length = 0

    def update(self, x: Sequence[float], y: Sequence[float], length: int, start: float, end: float, count: int) -> None:
        """Take the first ``length`` points; x rises. Steps ``start`` to ``end`` fill ``count`` columns.

        Only columns with new points are computed again while curve, window and count stay the same.
        """
        key = (start, end, count)
        begin = 0
        if key == self._key and x is self._x and length >= self._length > 0:
            begin = self._column_of(x[self._length - 1], start, end, count)
        else:
            self.low, self.high, self.bad = [EMPTY] * count, [EMPTY] * count, [False] * count
        self._key, self._x, self._length = key, x, length
        begin = min(max(begin, 0), count)
        width = (end - start) / max(1, count - 1)
        left = bisect_left(x, start + (begin - 0.5) * width, 0, length)
        for column in range(begin, count):
            if left >= length:
                break
            right = bisect_left(x, start + (column + 0.5) * width, left, length)
            if right > left:
                self._summarise(column, y[left:right])
            left = right

    def _summarise(self, column: int, part: Sequence[float]) -> None:
        total = sum(part)
        bad = total - total != 0.0  # only NaN and infinities do that (or a sum that overflowed)
        if bad:
            finite = array("d", [v for v in part if math.isfinite(v)])
            bad = len(finite) < len(part)
            part = finite
        self.bad[column] = bad
        self.low[column], self.high[column] = (min(part), max(part)) if part else (EMPTY, EMPTY)

    @staticmethod
    def _column_of(x: float, start: float, end: float, count: int) -> int:
        return math.floor((x - start) / (end - start) * (count - 1) + 0.5)

    def limits(self) -> tuple[float, float] | None:
        """Lowest and highest finite value in view, None without any."""
        low = [v for v in self.low if v == v]
        return (min(low), max(v for v in self.high if v == v)) if low else None

    def positive_limit(self) -> float | None:
        """Lowest value above zero in view, for a logarithmic axis."""
        found = [v for v in (*self.low, *self.high) if v > 0]
        return min(found) if found else None


# Braille dots of one cell, left and right column, from the bottom row up.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_BRAILLE = 0x2800
_DASHES = ("-", "------  ", "- ", "------ -  ")
"""Dot columns of a line that are drawn, over and over."""

Row = tuple[str, tuple[str, ...]]


class Canvas:
    """``columns`` by ``rows`` cells; a later layer covers an earlier one cell by cell."""

    def __init__(self, columns: int, rows: int, unicode: bool) -> None:
        self.columns, self.rows, self.unicode = columns, rows, unicode
        self.cells = [[" "] * columns for _ in range(rows)]
        self.styles = [[""] * columns for _ in range(rows)]

    @property
    def dots_across(self) -> int:
        """Columns of data that fit: two a cell in braille."""
        return self.columns * (2 if self.unicode else 1)

    @property
    def dots_up(self) -> int:
        return self.rows * (4 if self.unicode else 2)

    def curve(
        self, data: Columns, axis: Axis, style: str, glyph: str = "", farthest: float = math.inf, dash: int = 0
    ) -> None:  # fmt: skip
        """Draw a curve, column by column from its minimum to its maximum, joined where no gap is.

        ``glyph`` is its character in ASCII; without one, dots at two heights are used. Points more than
        ``farthest`` columns apart are not joined. ``dash`` numbers a pattern of ``_DASHES``, for braille only.
        """
        bits = [[0] * self.columns for _ in range(self.rows)]
        top = self.dots_up - 1
        previous: tuple[int, int, int] | None = None  # column, lowest and highest dot
        broken = False
        for column in range(min(self.dots_across, len(data.low))):
            low, high = data.low[column], data.high[column]
            broken = broken or data.bad[column]
            if axis.log and low <= 0:
                low, broken = high, True
            if low != low or (axis.log and high <= 0):
                continue
            bottom, peak = round(axis.place(low) * top), round(axis.place(high) * top)
            if previous is not None and not broken and column - previous[0] <= farthest:
                self._join(bits, previous, (column, bottom, peak))
            self._fill(bits, column, bottom, peak)
            previous, broken = (column, bottom, peak), data.bad[column]
        if dash and self.unicode:
            self._break(bits, _DASHES[dash % len(_DASHES)])
        self._lay(bits, style, glyph)

    def mark(self, share_x: float, share_y: float, character: str, style: str) -> None:
        """Put a character where a point lies, both shares 0 to 1 of the axes; outside it is left out."""
        if not (0 <= share_x <= 1 and -1e-9 <= share_y <= 1 + 1e-9):
            return
        self.put(self.row_of(share_y), self.cell_of(share_x), character, style)

    def row_of(self, share_y: float) -> int:
        """The cell row of a point ``share_y`` up the y axis; 0 is the top one."""
        dot = int(share_y * (self.dots_up - 1) + 0.5)
        return self.rows - 1 - min(self.rows - 1, dot // (self.dots_up // self.rows))

    def cell_of(self, share_x: float) -> int:
        """The cell column of a point ``share_x`` along the x axis."""
        dot = math.floor(share_x * (self.dots_across - 1) + 0.5)
        return min(self.columns - 1, max(0, dot // (2 if self.unicode else 1)))

    def put(self, row: int, column: int, character: str, style: str) -> None:
        self.cells[row][column], self.styles[row][column] = character, style

    def line(self, row: int) -> Row:
        return "".join(self.cells[row]), tuple(self.styles[row])

    def _join(self, bits: list[list[int]], before: tuple[int, int, int], here: tuple[int, int, int]) -> None:
        """Close the way between two columns: straight over empty ones, upright between neighbours."""
        (column_0, low_0, high_0), (column_1, low_1, high_1) = before, here
        middle_0, middle_1 = (low_0 + high_0) / 2, (low_1 + high_1) / 2
        distance = column_1 - column_0
        last_low, last_high = low_0, high_0
        for column in range(column_0 + 1, column_1):
            dot = round(middle_0 + (middle_1 - middle_0) * (column - column_0) / distance)
            self._fill(bits, column, min(dot, last_high + 1), max(dot, last_low - 1))
            last_low = last_high = dot
        if low_1 > last_high + 1:
            self._fill(bits, column_1, last_high + 1, low_1)
        elif high_1 < last_low - 1:
            self._fill(bits, column_1, high_1, last_low - 1)

    def _fill(self, bits: list[list[int]], column: int, low: int, high: int) -> None:
        """Set the dots ``low`` to ``high`` (0 is the bottom one) of a column."""
        if low > high:
            low, high = high, low
        low, high = max(0, low), min(self.dots_up - 1, high)
        cell, side = divmod(column, 2) if self.unicode else (column, 0)
        height = 4 if self.unicode else 2
        for dot in range(low, high + 1):
            row, inside = divmod(dot, height)
            bits[self.rows - 1 - row][cell] |= _DOTS[side][inside] if self.unicode else 1 << inside

    def _break(self, bits: list[list[int]], pattern: str) -> None:
        """Take the dots out of the columns where ``pattern`` has a blank."""
        for cell in range(self.columns):
            keep = 0
            for side in (0, 1):
                if pattern[(2 * cell + side) % len(pattern)] != " ":
                    keep |= sum(_DOTS[side])
            for line in bits:
                line[cell] &= keep

    def _lay(self, bits: list[list[int]], style: str, glyph: str) -> None:
        for row, line in enumerate(bits):
            cells, styles = self.cells[row], self.styles[row]
            for column, value in enumerate(line):
                if value:
                    if self.unicode:
                        cells[column] = chr(_BRAILLE + value)
                    else:
                        cells[column] = glyph or ".':"[value - 1]
                    styles[column] = style
