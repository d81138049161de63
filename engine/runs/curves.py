"""Growing curves that a reader may hold while the reducer goes on: shared arrays, each view with its own length."""

from __future__ import annotations

import bisect
import math
from array import array
from dataclasses import dataclass

MOST_POINTS = 20_000
"""Points of a curve over time; at one in 5 s the newest 7 hours stay whole."""


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

    def cut_after(self, x: float) -> None:
        """Forget what came after ``x``."""
        if self._last > x:
            self._rewind(math.nextafter(x, math.inf))
            self._last = self.x[-1] if self.x else -math.inf

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


class TimeCurve(Curve):
    """A curve over seconds that stays small however long the run: the newest quarter is whole, before it peaks stay."""

    def __init__(self, most: int = MOST_POINTS) -> None:
        super().__init__()
        self._most = max(8, most)
        self._spacing = 0.0  # seconds of which the older part keeps one point

    def add(self, x: float, y: float) -> None:
        super().add(x, y)
        if len(self.x) > self._most:
            self._thin()

    def _thin(self) -> None:
        """Keep the highest point of each ``_spacing`` seconds, in new arrays: earlier views keep theirs."""
        old = len(self.x) - self._most // 4
        self._spacing = max(self._spacing, (self.x[old - 1] - self.x[0]) / (self._most // 2))
        x, y = array("d"), array("d")
        for at in range(old):
            if x and self.x[at] // self._spacing == x[-1] // self._spacing:
                if self.y[at] > y[-1]:
                    x[-1], y[-1] = self.x[at], self.y[at]
            else:
                x.append(self.x[at])
                y.append(self.y[at])
        self.x, self.y = x + self.x[old:], y + self.y[old:]


class Stopwatch:
    """Seconds since the first event of a log, from the events' own times; never goes back when a clock does."""

    def __init__(self) -> None:
        self.first_t: float | None = None
        self._shift = 0.0
        self._last = 0.0

    def at(self, t: float) -> float:
        """Seconds for an event at Unix time ``t``."""
        if not math.isfinite(t):
            return self._last
        if self.first_t is None:
            self.first_t = t
        passed = t - self.first_t + self._shift
        if passed < self._last:  # the clock was put back: what comes follows what was
            self._shift += self._last - passed
            passed = self._last
        self._last = passed
        return passed
