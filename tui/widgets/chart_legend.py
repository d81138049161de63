"""The lines above a plot: a sign, a name and a value for each curve, level and kind of mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from engine.messages import formats
from engine.messages.catalogue import text
from tui.widgets.chart_canvas import Row
from tui.widgets.chart_parts import Curve, Level, Look
from tui.widgets.chart_scale import Axis, time_label

_LEVEL_SIGNS = (("╌", "-"), ("═", "="))  # the first level and the second one: braille plots, ASCII plots
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
        x = round(look.cursor) if look.per == 1 else f"{look.cursor / look.per:.2f}"
        where = text("widgets.at-time", time=time_label(look.cursor)) if look.of_time else text(look.at, x=x)
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
    return [fitted(line, look.width) for line in lines]


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


def fitted(parts: Sequence[Part], width: int) -> Row:
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
