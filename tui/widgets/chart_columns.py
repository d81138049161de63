"""Minimum and maximum of a curve in each column of the chart, kept up to date while the curve grows."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

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
