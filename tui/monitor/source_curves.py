"""Losses of single sources on the chart: a smoothed curve each, its held-out losses, and how it has moved of late."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile

from rich.cells import cell_len, set_cell_size

from engine.common.clean_text import clean
from engine.runs.by_source import AVERAGE, HELD_OUT, sources_of
from engine.runs.curves import Series
from engine.runs.state import RunState
from tui import words
from tui.widgets.chart import Chart

MOST = 8
"""Sources that are shown; more curves could not be told apart."""
_LETTERS = "abcdefgh"
_NAME_CELLS = 16
_FEWEST_POINTS = 8
_DASHES = 4


def feed(chart: Chart, state: RunState, unicode: bool) -> None:
    """Give ``chart`` the sources of ``state``, each with a letter, a line style, and its newest losses."""
    names = sources_of(state.series)
    shown = names[:MOST]
    cells = max(6, min(_NAME_CELLS, chart.size.width // 2 - 24))
    for index, (name, label) in enumerate(zip(shown, short_names(shown, cells, unicode), strict=True)):
        average, held_out = state.series.get(AVERAGE + name), state.series.get(HELD_OUT + name)
        letter = _LETTERS[index]
        if average is not None:
            # Colours come round after four; then another dash keeps two of the same colour apart.
            dash = (index + index // _DASHES) % _DASHES
            note = _note(average, held_out, letter.upper())
            chart.set_series(
                AVERAGE + name, average.x, average.y, average.length, "line", label, letter, note, dash
            )  # fmt: skip
    for letter, name in zip(_LETTERS, shown, strict=False):
        held_out = state.series.get(HELD_OUT + name)
        if held_out is not None:
            chart.set_series(
                HELD_OUT + name, held_out.x, held_out.y, held_out.length, "points", tag=letter.upper()
            )  # fmt: skip
    chart.rest = f"{len(names) - MOST} more sources" if len(names) > MOST else ""


def change(series: Series) -> float | None:
    """How far the newest value is from the one at three quarters of the steps so far; None where there are too few."""
    last = series.last()
    if last is None or series.length < _FEWEST_POINTS:
        return None
    first, newest = series.x[0], series.x[series.length - 1]
    begins = first + 0.75 * (newest - first)
    at = next(index for index in range(series.length - 1, -1, -1) if series.x[index] <= begins)
    return last - series.y[at]


def short_names(names: Sequence[str], cells: int, unicode: bool) -> list[str]:
    """``names`` cleaned and within ``cells``: of long ones the middle goes, or what they begin with alike."""
    gap = "…" if unicode else ".."
    whole = [clean(name, keep_newlines=False) for name in names]
    cut = [_short(name, cells, gap) for name in whole]
    labels = []
    for name, label in zip(whole, cut, strict=True):
        alike = [other for other, its in zip(whole, cut, strict=True) if its == label]
        if len(alike) > 1:  # the middle was what told them apart
            rest = name[_begins_alike(alike) :]
            label = gap + set_cell_size(rest, min(cell_len(rest), cells - len(gap))).rstrip()
        labels.append(label)
    return labels


def _begins_alike(names: Sequence[str]) -> int:
    """How many letters ``names`` have in common from the beginning."""
    return sum(1 for _ in takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False)))


def _short(name: str, cells: int, gap: str) -> str:
    if cell_len(name) <= cells:
        return name
    tail = (cells - len(gap)) // 2
    end = ""
    for letter in reversed(name):
        if cell_len(letter + end) > tail:
            break
        end = letter + end
    return set_cell_size(name, cells - len(gap) - tail).rstrip() + gap + end


def _note(average: Series, held_out: Series | None, letter: str) -> str:
    """``0.412 -0.021 A 0.511``: newest, change, held out."""
    parts = [words.loss(average.last())]
    moved = change(average)
    if moved is not None and math.isfinite(moved):
        parts.append(f"{moved:+.3f}" if abs(moved) >= 0.0005 else "flat")
    if held_out is not None and held_out.last() is not None:
        parts.append(f"{letter} {words.loss(held_out.last())}")
    return " ".join(parts)
