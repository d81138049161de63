"""From curves, marks and a view to the lines of text of a chart; no widget, no terminal, only text and style names."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len

from engine.messages import formats
from engine.messages.catalogue import text
from tui.widgets.chart_canvas import Canvas, Columns, Row
from tui.widgets.chart_scale import Axis, View, step_axis, time_axis, time_label, value_axis
from tui.widgets.chart_scale import label as value_label
from tui.widgets.line import wrap

_LEVEL_SIGNS = (("╌", "-"), ("═", "="))  # the first level and the second one: braille plots, ASCII plots
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


def lay_levels(canvas: Canvas, levels: Sequence[Level], axis: Axis) -> None:
    """Draw the levels that lie on ``axis`` into cells that are still empty."""
    for index, level in enumerate(levels):
        if level.value > axis.high or level.value < axis.low or (axis.log and level.value <= 0):
            continue
        row = canvas.row_of(axis.place(level.value))
        for column in range(canvas.columns):
            if canvas.cells[row][column] == " ":
                canvas.put(row, column, level_sign(index, canvas.unicode), f"level-{index % 2}")


def level_legend(levels: Sequence[Level], axis: Axis | None, unicode: bool) -> list[tuple[str, str]]:
    """What the header says of them, as text and style name; one above the plot is said to be there."""
    parts: list[tuple[str, str]] = []
    for index, level in enumerate(levels):
        label = level.label
        if axis is not None and not axis.low <= level.value <= axis.high:
            label = text("widgets.above" if level.value > axis.high else "widgets.below", level=label)
        parts += [(f"  {level_sign(index, unicode) * 2} ", f"level-{index % 2}"), (label, "legend")]
    return parts


def level_sign(index: int, unicode: bool) -> str:
    return _LEVEL_SIGNS[index % 2][0 if unicode else 1]


Part = tuple[str, str]
"""A text and the name of its style."""

# The character of each kind of curve in the legend (braille, ASCII) and in an ASCII plot ("" is by height).
_SIGNS = {"raw": ("⠶", ":", ""), "line": ("⠤⠤", "*", "*"), "points": ("o", "o", "o"), "overlay": ("⠒⠒", "~", "~")}
_DASHED_SIGNS = ("⠤⠤⠤", "⠤⠄⠠", "⠄⠄⠄", "⠤⠄⠄")
_OTHER_SIGNS = "*+#%"
MARKS = {
    "evaluation": ("o", "points"),
    "checkpoint": ("^", "checkpoint"), "event": ("!", "event"), "pause": ("=", "event"), "rate": ("v", "cursor"),
    "rollback": ("<", "cursor"), "best": ("*", "checkpoint"), "out-of-memory": ("M", "lost"), "spike": ("S", "lost"),
}  # fmt: skip
"""The sign and the style of each kind of mark; of several in one cell the last one here is seen."""
MARK_NAMES = {
    "evaluation": "widgets.evaluation", "checkpoint": "widgets.checkpoint", "event": "widgets.event",
    "pause": "widgets.pause", "rate": "widgets.rate", "rollback": "widgets.rollback", "best": "widgets.best",
    "out-of-memory": "widgets.out-of-memory", "spike": "widgets.spike",
}  # fmt: skip


def glyph(curves: Mapping[str, Curve], name: str) -> str:
    """The character that a curve is drawn with in ASCII; "" for one that is drawn by height."""
    curve = curves[name]
    if curve.tag and (curve.dash is not None or curve.kind == "points"):
        return curve.tag
    if curve.kind != "line":
        return _SIGNS[curve.kind][2]
    lines = [other for other, each in curves.items() if each.kind == "line"]
    return _OTHER_SIGNS[lines.index(name) % len(_OTHER_SIGNS)]


def header(
    curves: Mapping[str, Curve], marks: Mapping[str, Sequence[float]], look: Look, styles: Mapping[str, str],
    axis: Axis | None,
) -> list[Row]:  # fmt: skip
    """The lines above the plot. Only curves with notes are given more than one, at most a third of the chart."""
    shown = [curve for curve in curves.values() if curve.length]
    marker = ">" if look.focused else " "
    first: list[Part] = [(f"{marker} " if look.title else marker, "title"), (look.title, "title")]
    if look.cursor is not None:
        at, step = time_label(look.cursor), round(look.cursor)
        where = text("widgets.at-tokens" if look.of_tokens else "widgets.at-step", step=step)
        where = text("widgets.at-time", time=at) if look.of_time else where
        first.append((f"  {where}", "title"))
    elif not shown:
        first.append((f"  {look.empty}", "axis"))
    first += [(f"  {each}", "title") for each in _at_cursor(marks, look)]
    lines = [first]
    flows = any(curve.note for curve in shown)
    for curve in shown:
        entry = _entry(curves, curve, look, styles[curve.name])
        if flows and _cells(lines[-1]) + _cells(entry) > look.width and len(lines) < look.height // 3:
            lines.append([])
        lines[-1] += entry
    if look.rest and _cells(lines[-1]) + cell_len(look.rest) + 2 > look.width:
        lines.append([])
    last = lines[-1] + level_legend(look.levels, axis if shown else None, look.unicode)
    if look.cursor is None:
        last += [(f"  {look.rest}", "legend")] if look.rest else []
        last += [(f"  {text('widgets.zoomed')}", "title")] if look.view.start is not None else []
        last += [(f"  {text('widgets.log-y')}", "legend")] if look.log else []
        if any(any(curve.columns.bad) for curve in shown):
            last.append((f"  x {text('widgets.not-a-number')}", "lost"))
    for kind, name in MARK_NAMES.items() if look.cursor is None else ():
        told = f"  {MARKS[kind][0]} {text(name)}"
        if kind != "evaluation" and marks.get(kind) and _cells(last) + cell_len(told) <= look.width:
            last.append((told, "legend"))
    if _cells(last) > look.width:  # one blank between them is enough before anything is cut
        last = [last[0], *((words.replace("  ", " ", 1), style) for words, style in last[1:])]
    while _cells(last) > look.width and len(last) > 2 and last[-2][1].startswith("level"):
        del last[-2:]  # a sign without its name says nothing
    lines[-1] = last
    return [_row(line, look.width) for line in lines]


def _at_cursor(marks: Mapping[str, Sequence[float]], look: Look) -> list[str]:
    """What happened at the crosshair, the weightiest first."""
    if look.cursor is None:
        return []
    near = look.reach / 2
    return [
        text(MARK_NAMES[kind]) for kind in reversed(MARKS)
        if any(abs(step - look.cursor) <= near for step in marks.get(kind, ()))
    ]  # fmt: skip


def _entry(curves: Mapping[str, Curve], curve: Curve, look: Look, style: str) -> list[Part]:
    """What is said of one curve: its sign, its name, and its note, or its value at the crosshair."""
    if curve.kind == "points" and curve.tag and look.cursor is None:
        return []  # the note of its line tells
    if look.unicode:
        sign = _SIGNS[curve.kind][0] if curve.dash is None else _DASHED_SIGNS[curve.dash % len(_DASHED_SIGNS)]
        sign = "" if curve.kind == "points" and curve.tag else sign
    else:
        sign = glyph(curves, curve.name) or ":"
        sign = "" if sign == curve.tag else sign
    told = curve.label or ("" if curve.tag else curve.name)
    if look.cursor is not None:
        found = curve.value_at(look.cursor)
        told += " -" if found is None else f" {formats.loss(found[1])}"
    elif curve.note:
        told += f" {curve.note}"
    return [(f"  {sign}{curve.tag} ", style), (told.strip(), "legend")]


def _cells(parts: Sequence[Part]) -> int:
    return sum(cell_len(words) for words, _ in parts)


def _row(parts: Sequence[Part], width: int) -> Row:
    """``parts`` in ``width`` cells: cut, or filled up. A wide letter takes two cells with one character."""
    line, names, cells = "", [], 0
    for part, name in parts:
        for letter in part:
            cells += cell_len(letter)
            if cells > width:
                break
            line += letter
            names.append(name)
    missing = width - cell_len(line)
    return line + " " * missing, tuple(names + [""] * missing)


_LETTER_EVERY = 24
"""Cells between two letters of a curve that carries its own all along."""


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

    ``of_time``: x is seconds, ``of_tokens``: tokens, not steps. ``from_zero``: the y axis of the whole run begins
    there. Points of a curve that lie farther apart than ``join_up_to`` (in x) are not joined.
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
    of_tokens: bool = False
    per: float = 1.0  # what x is divided by where it is read
    from_zero: bool = False
    join_up_to: float = math.inf
    levels: tuple[Level, ...] = ()
    rest: str = ""  # what the legend says of curves that are not shown
    waiting: tuple[str, ...] = ()  # paragraphs in the plot's place until there is a curve
    reach: float = 1.0  # in x, that a column of the crosshair stands for
    left: int = 5  # columns that the y labels took last time: usually they do again


def draw(curves: Mapping[str, Curve], marks: Mapping[str, Sequence[float]], look: Look) -> Plot:
    """The chart of ``curves`` at the size of ``look``: legend, plot with y labels, x axis with its labels."""
    styles = style_names(curves)
    if look.waiting and not any(curve.length for curve in curves.values() if curve.kind not in ("points", "overlay")):
        return _without_curves(look)
    rows = max(1, look.height - 2 - len(header(curves, marks, look, styles, None)))
    start, end = window(curves, look)
    axis, left = _value_axis(curves, look, start, end, rows)
    columns = max(4, look.width - left - 1)
    canvas = Canvas(columns, rows, look.unicode)
    _summarise(curves, start, end, canvas.dots_across)
    axis = _measured(curves, rows, look) or axis
    for name, curve in sorted(curves.items(), key=lambda each: each[1].kind != "overlay"):
        if curve.kind != "points":
            farthest = look.join_up_to / (end - start) * canvas.dots_across
            canvas.curve(curve.columns, axis, styles[name], glyph(curves, name), farthest, curve.dash or 0)
    lay_levels(canvas, look.levels, axis)
    for curve in curves.values():
        _special_points(canvas, curve, axis, start, end)
    _letters(canvas, curves, styles, axis)
    _tag(canvas, curves, styles, axis, start, end)
    if look.cursor is not None and start <= look.cursor <= end:
        column = canvas.cell_of((look.cursor - start) / (end - start))
        for row in range(rows):
            if canvas.cells[row][column] == " ":
                canvas.put(row, column, "│" if look.unicode else "|", "cursor")
    labels = _labels_by_row(axis, canvas)
    body = []
    for row in range(rows):
        label = labels.get(row, "").rjust(left)[-left:] if left else ""
        edge = ("┤" if row in labels else "│") if look.unicode else ("+" if row in labels else "|")
        line, line_styles = canvas.line(row)
        body.append((label + edge + line, ("axis",) * (left + 1) + line_styles))
    foot = _foot(marks, look, start, end, left, canvas)
    return Plot((*header(curves, marks, look, styles, axis), *body, *foot), start, end, left + 1, columns)


def _without_curves(look: Look) -> Plot:
    """An axis without a curve tells nothing: what is awaited stands there."""
    lines = [line for said in look.waiting for line in ("", *wrap(said, max(20, look.width - 4)))]
    head = _row([("> " if look.focused else "  ", "title"), (look.title, "title")], look.width)
    body = [_row([(f"  {line}", "legend")], look.width) for line in lines[: look.height - 1]]
    blank = _row([], look.width)
    return Plot((head, *body, *[blank] * (look.height - 1 - len(body))), 0.0, 1.0, 6, max(4, look.width - 6))


def window(curves: Mapping[str, Curve], look: Look) -> tuple[float, float]:
    first, last = extent(curves)
    return look.view.window(first, last, look.limit)


def extent(curves: Mapping[str, Curve]) -> tuple[float, float]:
    """First and last step of any curve."""
    filled = [curve for curve in curves.values() if curve.length and curve.kind != "overlay"]
    if not filled:
        return 0.0, 0.0
    return min(c.x[0] for c in filled), max(c.x[c.length - 1] for c in filled)


def style_names(curves: Mapping[str, Curve]) -> dict[str, str]:
    """A style for each curve: raw and points have their own, lines take turns."""
    names: dict[str, str] = {}
    lines = 0
    for name, curve in curves.items():
        if curve.kind == "line":
            names[name] = f"line-{lines % 4}"
            lines += 1
        else:
            names[name] = curve.kind
    return names


def _summarise(curves: Mapping[str, Curve], start: float, end: float, count: int) -> None:
    for curve in curves.values():
        curve.columns.update(curve.x, curve.y, curve.length, start, end, count)


def _value_axis(curves: Mapping[str, Curve], look: Look, start: float, end: float, rows: int) -> tuple[Axis, int]:
    """A first axis for the width its labels take; columns are summarised at the widest the plot can be."""
    left = look.left
    for _ in range(3):
        across = max(4, look.width - left - 1) * (2 if look.unicode else 1)
        _summarise(curves, start, end, across)
        axis = _measured(curves, rows, look) or value_axis(0, 1, 2)
        needed = max((len(label) for _, label in _apart(axis, rows)), default=1)
        if needed == left:
            break
        left = needed
    return axis, left


def _measured(curves: Mapping[str, Curve], rows: int, look: Look) -> Axis | None:
    limits = [found for curve in curves.values() if (found := curve.columns.limits())]
    if not limits:
        return None
    low, high = min(pair[0] for pair in limits), max(pair[1] for pair in limits)
    if look.view.start is None:  # a part of the run is shown as large as it can be
        for level in within_reach(look.levels, high):
            low, high = min(low, level.value), max(high, level.value)
        if look.from_zero and not look.log:
            low = min(low, 0.0)
    log = look.log and high > 0
    if log:
        low = min(v for curve in curves.values() if (v := curve.columns.positive_limit()) is not None)
    return value_axis(low, high, max(3, rows // 2), log)


def _letters(canvas: Canvas, curves: Mapping[str, Curve], styles: Mapping[str, str], axis: Axis) -> None:
    """Put the letters of dashed curves on them now and then, each at columns of its own."""
    dashed = [(name, curve) for name, curve in curves.items() if curve.dash is not None and curve.tag]
    for index, (name, curve) in enumerate(dashed):
        for column in range(3 * index % _LETTER_EVERY, canvas.columns, _LETTER_EVERY):
            dot = column * canvas.dots_across // canvas.columns
            low = curve.columns.low[dot] if dot < len(curve.columns.low) else math.nan
            if math.isfinite(low) and (low > 0 or not axis.log):
                canvas.put(
                    canvas.row_of(axis.place((low + curve.columns.high[dot]) / 2)), column, curve.tag, styles[name]
                )


def _tag(
    canvas: Canvas, curves: Mapping[str, Curve], styles: Mapping[str, str], axis: Axis, start: float, end: float
) -> None:
    """Put each tag at its curve's newest point in view; where two would meet, they stand side by side."""
    taken: set[tuple[int, int]] = set()
    for name, curve in curves.items():
        newest = curve.value_at(end) if curve.tag else None
        if newest is None or newest[0] < start or not math.isfinite(newest[1]) or (axis.log and newest[1] <= 0):
            continue
        row, column = canvas.row_of(axis.place(newest[1])), canvas.cell_of((newest[0] - start) / (end - start))
        while (row, column) in taken and column:
            column -= 1
        taken.add((row, column))
        canvas.put(row, column, curve.tag, styles[name])


def _special_points(canvas: Canvas, curve: Curve, axis: Axis, start: float, end: float) -> None:
    """Single points get their character; every place where a value is not finite gets an x at the bottom."""
    if curve.kind == "points":
        begin, stop = bisect_left(curve.x, start, 0, curve.length), bisect_right(curve.x, end, 0, curve.length)
        for index in range(begin, stop):
            value = curve.y[index]
            if math.isfinite(value) and (value > 0 or not axis.log):
                canvas.mark((curve.x[index] - start) / (end - start), axis.place(value), curve.tag or "o", "points")
    for column, bad in enumerate(curve.columns.bad):
        if bad:
            canvas.put(canvas.rows - 1, min(canvas.columns - 1, column // (2 if canvas.unicode else 1)), "x", "lost")


def _labels_by_row(axis: Axis, canvas: Canvas) -> dict[int, str]:
    height = canvas.dots_up // canvas.rows
    found: dict[int, str] = {}
    for value, label in _apart(axis, canvas.rows):
        dot = round(axis.place(value) * (canvas.dots_up - 1))
        found.setdefault(canvas.rows - 1 - min(canvas.rows - 1, dot // height), label)
    return found


def _apart(axis: Axis, rows: int) -> Sequence[tuple[float, str]]:
    """Of ticks that lie close the rounder half: all of them would stand at uneven distances."""
    ticks = axis.ticks
    if axis.log or len(ticks) < 4 or rows >= 2.5 * (len(ticks) - 1):
        return ticks
    step = ticks[1][0] - ticks[0][0]
    return [(value, value_label(value, 2 * step)) for value, _ in ticks if round(value / step) % 2 == 0]


def _foot(
    marks: Mapping[str, Sequence[float]], look: Look, start: float, end: float, left: int, canvas: Canvas
) -> tuple[Row, Row]:
    across, corner, tick = ("─", "└", "┬") if look.unicode else ("-", "+", "+")
    line, styles = [across] * canvas.columns, ["axis"] * canvas.columns
    numbers = [" "] * (left + 1 + canvas.columns)
    free = 0
    ticks = time_axis(start, end, canvas.columns) if look.of_time else step_axis(start, end, canvas.columns, look.per)
    for value, label in ticks.ticks:
        column = canvas.cell_of((value - start) / (end - start))
        line[column] = tick
        begin = min(max(0, left + 1 + column - len(label) // 2), len(numbers) - len(label))
        if begin >= free:
            numbers[begin : begin + len(label)] = label
            free = begin + len(label) + 1
    for kind, (sign, style) in MARKS.items():
        for step in marks.get(kind, ()):
            if start <= step <= end:
                column = canvas.cell_of((step - start) / (end - start))
                line[column], styles[column] = sign, style
    edge = (" " * left + corner + "".join(line), ("axis",) * (left + 1) + tuple(styles))
    return edge, ("".join(numbers), ("axis",) * len(numbers))
