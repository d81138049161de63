"""Curves as inline SVG that scales with the page; ticks and labels are HTML, so that they stay readable."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.messages.catalogue import text
from engine.runs.curves import Series

MOST_POINTS = 700
"""Of one curve on paper; more can't be seen."""
_WIDTH, _HEIGHT = 1000.0, 300.0
_OUTLIERS = 0.005
_ROOM = 0.05  # above and below the curves


@dataclass(frozen=True)
class Curve:
    """``kind``: faint, line or points; ``hue`` numbers the page's colours."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "line"
    hue: int = 1


@dataclass(frozen=True)
class Drawn:
    """A curve as the path of an SVG."""

    label: str
    path: str
    kind: str
    hue: int


@dataclass(frozen=True)
class Chart:
    """``x_ticks`` and ``y_ticks`` are places in per cent, from the left and from the top, with their labels.

    ``above`` points lie over the upper edge: single spikes would flatten everything else.
    """

    title: str
    curves: list[Drawn]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    x_label: str
    alt: str
    above: int = 0
    levels: tuple[tuple[float, str], ...] = ()


def points_of(series: Series | None) -> tuple[array[float], array[float]]:
    """The finite points of a reducer's curve."""
    x, y = array("d"), array("d")
    for at in range(series.length if series else 0):
        if math.isfinite(series.y[at]) and math.isfinite(series.x[at]):  # type: ignore[union-attr]
            x.append(series.x[at])  # type: ignore[union-attr]
            y.append(series.y[at])  # type: ignore[union-attr]
    return x, y


def chart(
    title: str, curves: Sequence[Curve], x_label: str, alt: str, write: Callable[[float], str],
    write_x: Callable[[float], str] = "{:,.0f}".format, levels: Sequence[tuple[float, str]] = (), zero: bool = False,
    whole: bool = False,
) -> Chart | None:  # fmt: skip
    """A chart of what has points, None for nothing. ``levels`` are lines across, ``zero`` begins the axis at 0.

    ``whole``: x counts things, so its ticks are whole numbers.
    """
    there = [curve for curve in curves if len(curve.x)]
    if not there:
        return None
    left, right = min(curve.x[0] for curve in there), max(curve.x[-1] for curve in there)
    right = right if right > left else left + 1
    low = min(0.0 if zero else math.inf, *(min(curve.y) for curve in there), *(level for level, _ in levels), math.inf)
    high = max([*(_highest(curve) for curve in there), *(level for level, _ in levels)])
    margin = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
    low, high = low if zero and low == 0 else low - margin, high + margin

    def place(curve: Curve) -> Drawn:
        kept = thinned(curve.x, curve.y, MOST_POINTS)
        dots = [
            (_WIDTH * (x - left) / (right - left), _HEIGHT * (1 - (min(y, high) - low) / (high - low)))
            for x, y in kept
        ]  # fmt: skip
        if curve.kind == "points" or len(dots) == 1:  # a line of no length with round ends is a round dot
            path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in dots)
            return Drawn(curve.label, path, "points", curve.hue)
        return Drawn(curve.label, "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in dots), curve.kind, curve.hue)

    return Chart(
        title, [place(curve) for curve in there],
        [(100 * (at - left) / (right - left), write_x(at)) for at in ticks(left, right, 6, least=whole)],
        [(100 * (1 - (at - low) / (high - low)), write(at)) for at in ticks(low, high, 5)],
        x_label, alt, sum(y > high for curve in there for y in curve.y),
        tuple((100 * (1 - (level - low) / (high - low)), label) for level, label in levels),
    )  # fmt: skip


def in_words(what: str, points: tuple[Sequence[float], Sequence[float]], write: Callable[[float], str]) -> str:
    """A curve in a sentence, for those who can't see it."""
    y = points[1]
    if not len(y):
        return what
    first, last, low, high = (write(each) for each in (y[0], y[-1], min(y), max(y)))
    return text("report.alt", what=what, first=first, last=last, low=low, high=high, points=len(y))


def _highest(curve: Curve) -> float:
    """The highest point, of a faint curve of many points without its rarest spikes."""
    if curve.kind != "faint" or len(curve.y) < 1 / _OUTLIERS:
        return max(curve.y)
    ordered = sorted(curve.y)
    usual = ordered[int(len(ordered) * (1 - _OUTLIERS)) - 1]
    spread = usual - ordered[0]
    return ordered[-1] if ordered[-1] <= usual + spread else usual


def thinned(x: Sequence[float], y: Sequence[float], most: int) -> list[tuple[float, float]]:
    """At most about ``most`` points: of each stretch the lowest and the highest, in their order."""
    count = len(x)
    if count <= most:
        return list(zip(x, y, strict=True))
    stretches = max(1, most // 2)
    kept = [0]
    for number in range(stretches):
        first, end = count * number // stretches, count * (number + 1) // stretches
        found = {min(range(first, end), key=y.__getitem__), max(range(first, end), key=y.__getitem__)}
        kept += sorted(found - {kept[-1]})
    kept += [count - 1] if kept[-1] != count - 1 else []
    return [(x[at], y[at]) for at in kept]


def ticks(low: float, high: float, about: int, least: float = 0) -> list[float]:
    """Round numbers from ``low`` to ``high``, about so many, ``least`` apart."""
    rough = (high - low) / max(1, about)
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next((size * each for each in (1, 2, 2.5, 5) if size * each >= rough), size * 10)
    step = max(step, least)
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 12) for at in range(first, math.floor(high / step + 1e-9) + 1)]
