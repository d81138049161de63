"""From curves, marks and a view to the lines of text of a chart; no widget, no terminal, only text and style names."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from tui.widgets.chart_canvas import Canvas, Row
from tui.widgets.chart_legend import MARKS, fitted, glyph, header, level_sign
from tui.widgets.chart_parts import Curve, Level, Look, Plot
from tui.widgets.chart_scale import Axis, step_axis, time_axis, value_axis
from tui.widgets.chart_scale import label as value_label
from tui.widgets.line import wrap

FARTHEST = 3.0
"""A level this many times as high as everything else is only named: drawn, it would press the curves flat."""


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


_LETTER_EVERY = 24
"""Cells between two letters of a curve that carries its own all along."""


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
    head = fitted([("> " if look.focused else "  ", "title"), (look.title, "title")], look.width)
    body = [fitted([(f"  {line}", "legend")], look.width) for line in lines[: look.height - 1]]
    blank = fitted([], look.width)
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
