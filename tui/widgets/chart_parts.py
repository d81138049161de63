"""What a chart is drawn from, curves and levels and how they are looked at, and what it becomes."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from tui.widgets.chart_canvas import Columns, Row
from tui.widgets.chart_scale import View

AT_STEP = "widgets.at-step"
"""The code of what a crosshair says of its x, unless the chart counts something else."""


@dataclass(frozen=True)
class Level:
    """A line at ``value``; at most two in a chart can be told apart without colour."""

    value: float
    label: str


@dataclass
class Curve:
    """One curve: x rises, only the first ``length`` points count. ``kind`` is raw, line, points or overlay.

    An overlay is of another run: it lies below the others and neither widens the x axis nor is waited for.

    ``tag``, one character, stands at its newest point and in the legend; of points it is what they are drawn with.
    A line with a ``dash`` (0: unbroken) is told apart by that and by its tag, which it carries all along. ``note`` is
    said of it in the legend.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    length: int
    kind: str = "line"
    label: str = ""
    tag: str = ""
    note: str = ""
    dash: int | None = None
    columns: Columns = field(default_factory=Columns)

    def value_at(self, step: float) -> tuple[float, float] | None:
        """The last (step, value) at or before ``step``."""
        index = bisect_right(self.x, step, 0, self.length) - 1
        return (self.x[index], self.y[index]) if index >= 0 else None


@dataclass(frozen=True)
class Plot:
    """``rows`` are the whole chart, top to bottom, each a text and one style name a character."""

    rows: tuple[Row, ...]
    start: float
    end: float
    left: int
    columns: int


@dataclass(frozen=True)
class Look:
    """How to draw: size in cells, axis and view, crosshair step, and what the terminal can show.

    ``of_time``: x is seconds, else ``at`` is the code of what is said of it. ``from_zero``: the y axis of the whole run
    begins there. Points of a curve that lie farther apart than ``join_up_to`` (in x) are not joined.
    """

    width: int
    height: int
    title: str = ""
    view: View = field(default_factory=View)
    log: bool = False
    cursor: float | None = None
    unicode: bool = True
    focused: bool = False
    limit: float | None = None
    empty: str = ""
    of_time: bool = False
    at: str = AT_STEP
    per: float = 1.0  # what x is divided by where it is read
    from_zero: bool = False
    join_up_to: float = math.inf
    levels: tuple[Level, ...] = ()
    rest: str = ""  # what the legend says of curves that are not shown
    waiting: tuple[str, ...] = ()  # paragraphs in the plot's place until there is a curve
    reach: float = 1.0  # in x, that a column of the crosshair stands for
    left: int = 5  # columns that the y labels took last time: usually they do again
