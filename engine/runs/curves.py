"""Growing curves that a reader may hold while the reducer goes on: shared arrays, each view with its own length."""

from __future__ import annotations

import bisect
import math
from array import array
from dataclasses import dataclass


@dataclass(frozen=True)
class Series:
    """A growing curve. ``x`` and ``y`` are shared with the reducer; only the first ``length`` points are ours."""

    x: array[float]
    y: array[float]
    length: int

    def last(self) -> float | None:
        return self.y[self.length - 1] if self.length else None


class Curve:
    """A curve that is only ever appended to while someone may hold a view of it."""

    def __init__(self) -> None:
        self.x = array("d")
        self.y = array("d")
        self._last = -math.inf  # the newest x

    def add(self, x: float, y: float) -> None:
        if x <= self._last:
            self._rewind(x)
        self._last = x
        self.x.append(x)
        self.y.append(y)

    def _rewind(self, x: float) -> None:
        """Forget points from ``x`` on, into new arrays: earlier views keep theirs."""
        keep = bisect.bisect_left(self.x, x)
        self.x, self.y = self.x[:keep], self.y[:keep]

    def before(self, x: float) -> float | None:
        """The value of the last point before ``x``."""
        if self.x and x > self._last:
            return self.y[-1]
        at = bisect.bisect_left(self.x, x)
        return self.y[at - 1] if at else None

    def view(self) -> Series:
        return Series(self.x, self.y, len(self.x))
