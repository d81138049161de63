"""Axes of the chart: round limits, ticks and their labels, and the window of steps that is in view."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high``; ``ticks`` are (value, label), lowest first."""

    low: float
    high: float
    log: bool
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """Where ``value`` lies between the limits, 0 to 1 inside."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return (math.log(value) - low) / (high - low)
        return (value - self.low) / (self.high - self.low)


def value_axis(low: float, high: float, count: int, log: bool = False) -> Axis:
    """A y axis with about ``count`` ticks whose limits are round, so that they seldom move."""
    if log and high > 0:
        return _log_axis(low if low > 0 else high / 1000, high, count)
    if high <= low:
        low, high = (0.0, 1.0) if abs(low) < 1e-12 else (low - abs(low) * 0.1, high + abs(high) * 0.1)
    step = nice_step(high - low, max(1, count - 1))
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    values = [bottom + i * step for i in range(round((top - bottom) / step) + 1)]
    return Axis(bottom, top, False, tuple((v, label(v, step)) for v in values))


def step_axis(start: float, end: float, width: int, per: float = 1.0) -> Axis:
    """An x axis of steps from ``start`` to ``end`` in ``width`` columns, labels far enough apart to read.

    A label is the step divided by ``per``.
    """
    room = max(len(f"{end:,.0f}") + 4, 8)
    span = max(end - start, 1.0)
    step = max(1.0, nice_step(span, max(1, width // room)))
    step = 5.0 if step == 2.5 else step  # there are no half steps
    first = math.ceil(start / step - 1e-9)
    last = math.floor(end / step + 1e-9)
    shown = [(i * step, f"{i * step:,.0f}" if per == 1 else label(i * step / per, step / per))
             for i in range(first, last + 1)]  # fmt: skip
    return Axis(start, start + span, False, tuple(shown))


_TIME_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
               604_800)  # fmt: skip


def time_axis(start: float, end: float, width: int) -> Axis:
    """An x axis of seconds in ``width`` columns, labelled in minutes, hours or days."""
    span = max(end - start, 1.0)
    wanted = span / max(1, width // 11)
    step = next((each for each in _TIME_STEPS if each >= wanted), math.ceil(wanted / 604_800) * 604_800)
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return Axis(start, start + span, False, tuple((i * step, time_label(i * step)) for i in range(first, last + 1)))


def time_label(seconds: float) -> str:
    """``0``, ``45 s``, ``12 min``, ``1:30 min``, ``3 h``, ``1:30 h``, ``2 d``, ``2 d 6 h``."""
    whole = round(seconds)
    if whole <= 0:
        return "0"
    if whole < 60:
        return f"{whole} s"
    for size, smaller, unit in ((3600, 60, "min"), (86_400, 3600, "h")):
        if whole < size:
            count, rest = divmod(whole, smaller)
            return f"{count}:{rest * 60 // smaller:02d} {unit}" if rest else f"{count} {unit}"
    days, rest = divmod(whole, 86_400)
    return f"{days} d {rest // 3600} h" if rest >= 3600 else f"{days} d"


def nice_step(span: float, parts: int) -> float:
    """The round number (1, 2, 2.5 or 5 times a power of ten) that cuts ``span`` into at most ``parts``."""
    raw = span / max(1, parts)
    power = 10.0 ** math.floor(math.log10(raw)) if raw > 0 and math.isfinite(raw) else 1.0
    for factor in (1, 2, 2.5, 5, 10):
        if factor * power >= raw * (1 - 1e-9):
            return factor * power
    return 10 * power


def label(value: float, step: float) -> str:
    """``value`` with as many decimals as ``step`` needs; small and large ones in e-notation."""
    if abs(value) < step * 1e-6:
        return "0"
    if step >= 1:
        return f"{value:,.0f}" if abs(value) < 1e5 else _short(value)
    if step < 1e-3:
        return _short(value)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value:.{decimals}f}"


def round_up(value: float) -> float:
    """The next round number, for an axis that grows seldom: a whole redraw costs 3 KB.

    Young runs double quickly and get larger steps (10, 16, 25, 40, 64, 100) than grown ones (125, 160, 200, …).
    """
    if value <= 10:
        return 10.0
    power = 10.0 ** (math.floor(math.log10(value)) - 1)
    for factor in (10, 16, 25, 40, 64, 100) if value <= 100 else (10, 12.5, 16, 20, 25, 32, 40, 50, 64, 80, 100):
        if factor * power >= value:
            return float(math.ceil(factor * power))
    return value


def _log_axis(low: float, high: float, count: int) -> Axis:
    if high <= low:
        low, high = low / 2, high * 2
    decades = math.log10(high / low)
    factors = (1, 2, 5) if decades < 2.5 else (1,)
    values = [
        f * 10.0**e for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1) for f in factors
    ]
    below = [v for v in values if v <= low * (1 + 1e-9)]
    above = [v for v in values if v >= high * (1 - 1e-9)]
    bottom, top = below[-1] if below else low, above[0] if above else high
    ticks = [v for v in values if bottom <= v <= top]
    every = max(1, math.ceil(len(ticks) / max(2, count)))
    return Axis(bottom, top, True, tuple((v, _plain(v)) for v in ticks[::every]))


def _plain(value: float) -> str:
    return f"{value:g}" if 1e-3 <= value < 1e5 else _short(value)


def _short(value: float) -> str:
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


LEAST_IN_VIEW = 8.0
"""Steps: no zoom shows fewer."""


@dataclass(frozen=True)
class View:
    """The steps in view. ``start`` None is the whole run; ``follow`` keeps the right edge on the newest."""

    start: float | None = None
    end: float = 0.0
    follow: bool = True

    @property
    def kept(self) -> list[float]:
        """First and last step in view and whether the newest is followed, as plain JSON; [] is the whole."""
        return [] if self.start is None else [self.start, self.end, int(self.follow)]

    @classmethod
    def of_kept(cls, kept: Sequence[float]) -> View:
        """That of ``kept``, the whole where it makes no sense."""
        if len(kept) != 3 or not 0 <= kept[0] < kept[1]:
            return cls()
        return cls(kept[0], kept[1], follow=bool(kept[2]))

    def window(self, first: float, last: float, limit: float | None) -> tuple[float, float]:
        """Leftmost and rightmost step for data from ``first`` to ``last`` of a run of ``limit`` steps."""
        if self.start is None:
            grown = round_up(last)
            end = min(grown, limit) if limit and limit >= last else grown
            start = 0.0 if first <= max(1.0, 0.2 * end) else first
            return start, max(end, start + 1)
        if self.follow:
            return max(0.0, last - (self.end - self.start)), max(last, self.end - self.start)
        return self.start, self.end

    def zoom(self, factor: float, around: float, first: float, last: float, limit: float | None) -> View:
        """Show ``factor`` times as many steps around a step; the whole run again when they would be all."""
        start, end = self.window(first, last, limit)
        width = max((end - start) * factor, LEAST_IN_VIEW)
        if width >= max(last - first, 1.0) and (factor > 1 or width == LEAST_IN_VIEW):
            return View()
        share = (around - start) / (end - start) if end > start else 1.0
        new_start = max(0.0, around - share * width)
        return View(new_start, new_start + width, follow=around >= last)

    def pan(self, share: float, first: float, last: float, limit: float | None) -> View:
        """Move by a share of the width; following starts again at the right edge."""
        if self.start is None:
            return self
        start, end = self.window(first, last, limit)
        width = end - start
        new_start = min(max(0.0, start + share * width), max(0.0, last - width))
        return View(new_start, new_start + width, follow=new_start + width >= last)
