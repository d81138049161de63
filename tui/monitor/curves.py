"""Which series of a run the chart shows: one quantity at a time, loss first; those of single sources told apart."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from rich.cells import cell_len, set_cell_size

from engine.messages import formats
from engine.messages.catalogue import text
from engine.metrics.forgetting import LOOK_DIVERGENCE, STOP_DIVERGENCE
from engine.runs import events as ev
from engine.runs.by_source import AVERAGE, HELD_OUT, sources_of
from engine.runs.curves import Series
from engine.runs.state import MarkKind, RunState
from tui import words
from tui.widgets.chart import Chart
from tui.widgets.chart_legend import MARKS
from tui.widgets.chart_parts import Level

MOST = 8
"""Sources that are shown; more curves could not be told apart."""
_LETTERS = "abcdefgh"
_NAME_CELLS = 16
_FEWEST_POINTS = 8
_DASHES = 4


def feed_sources(chart: Chart, state: RunState, unicode: bool) -> None:
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
    chart.rest = text("monitor.more-sources", more=len(names) - MOST) if len(names) > MOST else ""


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
    whole = [words.source_name(name) for name in names]
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
    parts = [formats.loss(average.last())]
    moved = change(average)
    if moved is not None and math.isfinite(moved):
        parts.append(f"{moved:+.3f}" if abs(moved) >= 0.0005 else text("monitor.flat"))
    if held_out is not None and held_out.last() is not None:
        parts.append(f"{letter} {formats.loss(held_out.last())}")
    return " ".join(parts)


MEMORY = "memory over time"
FORGETTING = "forgetting"
TITLES = {
    "loss": "app.loss", MEMORY: "monitor.memory-over-time", "learning_rate": "monitor.learning-rate",
    "grad_norm": "monitor.gradient-norm", "tokens_per_second": "monitor.tokens-per-second",
    "memory": "monitor.memory-by-step", FORGETTING: "forgetting.curve", "sources": "monitor.loss-by-source",
}  # fmt: skip
_BY_STEP = ("loss", "learning_rate", "grad_norm", "tokens_per_second")
_OVERLAY = "overlay"
_GIB = 2**30
_OWN_SIGN = "r"
_KINDS: dict[MarkKind, str] = {
    "checkpoint": "checkpoint", "warning": "event", "pause": "pause", "rate": "rate", "rollback": "rollback",
    "out-of-memory": "out-of-memory", "spike": "spike",
}  # fmt: skip
"""The chart's kind of mark for each kind of the run's."""


@dataclass(frozen=True)
class Earlier:
    """Another run whose curves lie below: its id, what the legend calls it, and its series."""

    run: str
    label: str
    series: Mapping[str, Series]


def best_of(state: RunState) -> ev.Eval | None:
    """The evaluation with the lowest held-out loss, once there are two to choose from."""
    found = [(each.loss, each) for each in state.evals if each.moment != "before" and each.loss is not None]
    found = [pair for pair in found if math.isfinite(pair[0])]
    return min(found, key=lambda pair: pair[0])[1] if len(found) > 1 else None


class CurveFeed:
    """Feeds a chart from snapshots; keeps what it must convert.

    ``names`` are the quantities it turns through; ``titled``: the chart itself says which one it shows.
    """

    def __init__(self, names: Sequence[str] = (), titled: bool = True) -> None:
        self._names = tuple(names) or (*TITLES, "sources")
        self._titled = titled
        self.quantity = self._names[0]
        self.earlier: Earlier | None = None
        self._in_gib: dict[str, tuple[Sequence[float], array[float]]] = {}

    def quantities(self, state: RunState) -> list[str]:
        """What this run has to show."""
        more = {MEMORY: bool(_over_time(state)), FORGETTING: f"{FORGETTING}/general" in state.series}
        more["sources"] = len(sources_of(state.series)) > 1
        found = [name for name in TITLES if name in self._names and (name in state.series or more.get(name))]
        return found or [self._names[0]]

    def turn(self, state: RunState) -> str:
        """Go to the next quantity and return its name."""
        all_of_them = self.quantities(state)
        here = all_of_them.index(self.quantity) if self.quantity in all_of_them else -1
        self.quantity = all_of_them[(here + 1) % len(all_of_them)]
        return self.quantity

    @property
    def title(self) -> str:
        """What the chosen quantity is called."""
        return text(TITLES[self.quantity])

    def feed(self, chart: Chart, state: RunState, anew: bool = False) -> None:
        """Give ``chart`` the curves of the chosen quantity and redraw it; ``anew`` drops the old ones first."""
        if anew:
            chart.clear_series()
        over_time = self.quantity == MEMORY
        chart.chart_title = self.title if self._titled else ""
        chart.set_time(over_time)
        chart.from_zero = self.quantity == "memory"
        chart.limit = None if over_time else state.total_steps
        if self.quantity == "loss":
            _set(chart, state, "loss", "raw", text("monitor.train"))
            _set(chart, state, "loss_average", "line", text("monitor.average"))
            _set(chart, state, "eval_loss", "points", text("monitor.eval"))
        elif self.quantity == "sources":
            feed_sources(chart, state, chart.unicode)
        elif over_time:
            self._memory_over_time(chart, state)
        elif self.quantity == FORGETTING:
            _forgetting(chart, state)
        elif self.quantity == "memory":
            self._gib(chart, state, "memory", text("monitor.allocated"))
        else:
            _set(chart, state, self.quantity, "line", text("monitor.each-step"))
        self._overlay(chart)
        self._mark(chart, state, over_time)
        chart.redraw()

    def _overlay(self, chart: Chart) -> None:
        """The same quantity of the earlier run, where it has it by the step."""
        name = "loss_average" if self.quantity == "loss" else self.quantity
        series = self.earlier.series.get(name) if self.earlier and self.quantity in _BY_STEP else None
        if self.earlier is None or series is None:
            chart.drop_series(_OVERLAY)
        else:
            chart.set_series(_OVERLAY, series.x, series.y, series.length, "overlay", self.earlier.label)

    def _memory_over_time(self, chart: Chart, state: RunState) -> None:
        """Each GPU and the run's own share, or resident memory; with what was predicted and what there is."""
        gpu = state.own_gpu
        for name in _over_time(state):
            kind, _, index = name.partition("/")
            if kind == "gpu":
                self._gib(chart, state, name, f"GPU {index}", index[-1:])
            elif kind == "reserved" and gpu is not None and index == str(gpu.index):
                self._gib(chart, state, name, text("monitor.this-run"), _OWN_SIGN)
            elif kind == "rss":
                self._gib(chart, state, name, text("monitor.resident"))
        total = gpu.total if gpu else state.device.ram_total if state.device else None
        predicted = state.predicted_bytes
        # The prediction first: the sign of each line must not depend on the other one.
        levels = [Level(predicted / _GIB, text("monitor.predicted", bytes=predicted))] if predicted else []
        levels += [Level(total / _GIB, text("monitor.total", bytes=total))] if total else []
        chart.set_levels(levels)

    def _mark(self, chart: Chart, state: RunState, over_time: bool) -> None:
        first, best = state.first_t or 0.0, best_of(state)
        happened = [(_KINDS[mark.kind], mark.step, mark.t) for mark in state.marks]
        happened += [("evaluation", each.step, each.t) for each in state.evals if each.moment != "before"]
        happened += [("best", best.step, best.t)] if best else []
        for kind in MARKS:
            places = [t - first if over_time else step for what, step, t in happened if what == kind]
            chart.set_marks(kind, [place for place in places if place is not None])

    def _gib(self, chart: Chart, state: RunState, name: str, label: str, tag: str = "") -> None:
        series = state.series[name]
        chart.set_series(name, series.x, self._converted(name, series), series.length, "line", label, tag)

    def _converted(self, name: str, series: Series) -> array[float]:
        source, converted = self._in_gib.get(name, (None, array("d")))
        if source is not series.y or len(converted) > series.length:
            converted = array("d")
        converted.extend(value / _GIB for value in series.y[len(converted) : series.length])
        self._in_gib[name] = (series.y, converted)
        return converted


def _over_time(state: RunState) -> list[str]:
    """The curves of memory over time: those of the GPUs where there are any, else the resident memory."""
    gpus = sorted(name for name in state.series if name.startswith(("gpu/", "reserved/")))
    return gpus or (["rss"] if "rss" in state.series else [])


def _forgetting(chart: Chart, state: RunState) -> None:
    """Divergence from the base on general text and on the run's own prompts, with the limits of the marks.

    They count from where the run began: an adapter that is continued is far from the base already.
    """
    for name, label, letter in (("general", "forgetting.general", "g"), ("prompts", "forgetting.prompts", "p")):
        series = state.series.get(f"{FORGETTING}/{name}")
        if series is not None:
            chart.set_series(
                f"{FORGETTING}/{name}", series.x, series.y, series.length, "line", text(label), letter,
                formats.number(series.last()),
            )  # fmt: skip
    limits = ((LOOK_DIVERGENCE, "forgetting.look"), (STOP_DIVERGENCE, "forgetting.stop"))
    start = (state.forgetting[-1].kl_before if state.forgetting else None) or 0.0
    chart.set_levels([Level(start + value, text(label)) for value, label in limits])


def _set(chart: Chart, state: RunState, name: str, kind: str, label: str) -> None:
    series = state.series.get(name)
    if series is not None:
        chart.set_series(name, series.x, series.y, series.length, kind, label)
