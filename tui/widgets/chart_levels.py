"""Constant lines of a chart: values that the curves are measured against, such as a prediction or a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.widgets.chart_canvas import Canvas
from tui.widgets.chart_scale import Axis

_SIGNS = (("╌", "-"), ("═", "="))  # the first level and the second one: braille plots, ASCII plots
FARTHEST = 3.0
"""A level this many times as high as everything else is only named: drawn, it would press the curves flat."""


@dataclass(frozen=True)
class Level:
    """A line at ``value``; at most two in a chart can be told apart without colour."""

    value: float
    label: str


def within_reach(levels: Sequence[Level], highest: float) -> list[Level]:
    """The levels worth making room for over curves that go up to ``highest``, the lowest level first."""
    found: list[Level] = []
    for level in sorted(levels, key=lambda each: each.value):
        if level.value > FARTHEST * max(highest, 0.0):
            break
        found.append(level)
        highest = max(highest, level.value)
    return found


def lay(canvas: Canvas, levels: Sequence[Level], axis: Axis) -> None:
    """Draw the levels that lie on ``axis`` into cells that are still empty."""
    for index, level in enumerate(levels):
        if level.value > axis.high or level.value < axis.low or (axis.log and level.value <= 0):
            continue
        row = canvas.row_of(axis.place(level.value))
        for column in range(canvas.columns):
            if canvas.cells[row][column] == " ":
                canvas.put(row, column, sign(index, canvas.unicode), f"level-{index % 2}")


def legend(levels: Sequence[Level], axis: Axis | None, unicode: bool) -> list[tuple[str, str]]:
    """What the header says of them, as text and style name; one above the plot is said to be there."""
    parts: list[tuple[str, str]] = []
    for index, level in enumerate(levels):
        above = " (above)" if axis is not None and level.value > axis.high else ""
        above = above or (" (below)" if axis is not None and level.value < axis.low else "")
        parts += [(f"  {sign(index, unicode) * 2} ", f"level-{index % 2}"), (f"{level.label}{above}", "legend")]
    return parts


def sign(index: int, unicode: bool) -> str:
    return _SIGNS[index % 2][0 if unicode else 1]
