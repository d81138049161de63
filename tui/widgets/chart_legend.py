"""The head of a chart: its title, what each curve is, and what the marks mean; on more than one line where needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from tui import words
from tui.widgets import chart_levels
from tui.widgets.chart_canvas import Row
from tui.widgets.chart_scale import Axis, time_label

if TYPE_CHECKING:
    from tui.widgets.chart_plot import Curve, Look

Part = tuple[str, str]
"""A text and the name of its style."""

# The character of each kind of curve in the legend (braille, ASCII) and in an ASCII plot ("" is by height).
_SIGNS = {"raw": ("⠶", ":", ""), "line": ("⠤⠤", "*", "*"), "points": ("o", "o", "o")}
_DASHED_SIGNS = ("⠤⠤⠤", "⠤⠄⠠", "⠄⠄⠄", "⠤⠄⠄")
_OTHER_SIGNS = "*+#%"
MARKS = {"checkpoint": "^", "event": "!"}


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
    first: list[Part] = [("> " if look.focused else "  ", "title"), (look.title, "title")]
    if look.cursor is not None:
        where = f"at {time_label(look.cursor)}" if look.of_time else f"step {look.cursor:,.0f}"
        first.append((f"  {where}", "title"))
    elif not shown:
        first.append((f"  {look.empty}", "axis"))
    lines = [first]
    flows = any(curve.note for curve in shown)
    for curve in shown:
        entry = _entry(curves, curve, look, styles[curve.name])
        if flows and _cells(lines[-1]) + _cells(entry) > look.width and len(lines) < look.height // 3:
            lines.append([])
        lines[-1] += entry
    if look.rest and _cells(lines[-1]) + len(look.rest) + 2 > look.width:
        lines.append([])
    last = lines[-1] + chart_levels.legend(look.levels, axis if shown else None, look.unicode)
    if look.cursor is None:
        last += [(f"  {look.rest}", "legend")] if look.rest else []
        last += [("  log y", "legend")] if look.log else []
        last += [("  zoomed", "title")] if look.view.start is not None else []
        if any(any(curve.columns.bad) for curve in shown):
            last.append(("  x not a number", "lost"))
    for kind in marks if look.cursor is None else ():
        told = f"  {MARKS.get(kind, '')} {kind}"
        if marks[kind] and kind in MARKS and _cells(last) + len(told) <= look.width:
            last.append((told, "legend"))
    lines[-1] = last
    return [_row(line, look.width) for line in lines]


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
    text = curve.label or ("" if curve.tag else curve.name)
    if look.cursor is not None:
        found = curve.value_at(look.cursor)
        text += " -" if found is None else f" {words.loss(found[1])}"
    elif curve.note:
        text += f" {curve.note}"
    return [(f"  {sign}{curve.tag} ", style), (text.strip(), "legend")]


def _cells(parts: Sequence[Part]) -> int:
    return sum(cell_len(text) for text, _ in parts)


def _row(parts: Sequence[Part], width: int) -> Row:
    """``parts`` in ``width`` cells: cut, or filled up. A wide letter takes two cells with one character."""
    text, names, cells = "", [], 0
    for part, name in parts:
        for letter in part:
            cells += cell_len(letter)
            if cells > width:
                break
            text += letter
            names.append(name)
    missing = width - cell_len(text)
    return text + " " * missing, tuple(names + [""] * missing)
