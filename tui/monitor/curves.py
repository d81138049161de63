"""Which series of a run the chart shows: one quantity at a time, loss first."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from engine.runs.by_source import sources_of
from engine.runs.curves import Series
from engine.runs.state import RunState
from tui import words
from tui.monitor import source_curves
from tui.widgets.chart import Chart
from tui.widgets.chart_levels import Level

MEMORY = "memory over time"
TITLES = {
    "loss": "loss",
    MEMORY: "memory, GiB",
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm",
    "tokens_per_second": "tokens/s",
    "memory": "memory by step, GiB",
    "sources": "loss by source",
}
_GIB = 2**30
_OWN_SIGN = "r"


class CurveFeed:
    """Feeds a chart from snapshots; keeps what it must convert."""

    def __init__(self) -> None:
        self.quantity = "loss"
        self._in_gib: dict[str, tuple[Sequence[float], array[float]]] = {}

    def quantities(self, state: RunState) -> list[str]:
        """What this run has to show."""
        found = [name for name in TITLES if name in state.series or (name == MEMORY and _over_time(state))] or ["loss"]
        if len(sources_of(state.series)) > 1:
            found.append("sources")
        return found

    def turn(self, state: RunState) -> str:
        """Go to the next quantity and return its name."""
        all_of_them = self.quantities(state)
        here = all_of_them.index(self.quantity) if self.quantity in all_of_them else -1
        self.quantity = all_of_them[(here + 1) % len(all_of_them)]
        return self.quantity

    def feed(self, chart: Chart, state: RunState, anew: bool = False) -> None:
        """Give ``chart`` the curves of the chosen quantity and redraw it; ``anew`` drops the old ones first."""
        if anew:
            chart.clear_series()
        over_time = self.quantity == MEMORY
        chart.chart_title = TITLES[self.quantity]
        chart.set_time(over_time)
        chart.limit = None if over_time else state.total_steps
        if self.quantity == "loss":
            _set(chart, state, "loss", "raw", "train")
            _set(chart, state, "loss_average", "line", "average")
            _set(chart, state, "eval_loss", "points", "eval")
        elif self.quantity == "sources":
            source_curves.feed(chart, state, chart.unicode)
        elif over_time:
            self._memory_over_time(chart, state)
        elif self.quantity == "memory":
            self._gib(chart, state, "memory", "allocated")
        else:
            _set(chart, state, self.quantity, "line", "each step")
        self._mark(chart, state, over_time)
        chart.redraw()

    def _memory_over_time(self, chart: Chart, state: RunState) -> None:
        """Each GPU and the run's own share, or resident memory; with what was predicted and what there is."""
        gpu = state.own_gpu
        for name in _over_time(state):
            kind, _, index = name.partition("/")
            if kind == "gpu":
                self._gib(chart, state, name, f"GPU {index}", index[-1:])
            elif kind == "reserved" and gpu is not None and index == str(gpu.index):
                self._gib(chart, state, name, "run", _OWN_SIGN)
            elif kind == "rss":
                self._gib(chart, state, name, "resident")
        total = gpu.total if gpu else state.device.ram_total if state.device else None
        predicted = state.predicted_bytes
        # The prediction first: the sign of each line must not depend on the other one.
        levels = [Level(predicted / _GIB, f"predicted {words.gib(predicted)}")] if predicted else []
        levels += [Level(total / _GIB, f"total {words.gib(total)}")] if total else []
        chart.set_levels(levels)

    def _mark(self, chart: Chart, state: RunState, over_time: bool) -> None:
        if over_time:
            first = state.first_t or 0.0
            chart.set_marks("checkpoint", [checkpoint.t - first for checkpoint in state.checkpoints])
            shortage = [state.out_of_memory.t - first] if state.out_of_memory else []
            chart.set_marks("event", [*(warning.t - first for warning in state.warnings), *shortage])
            return
        chart.set_marks("checkpoint", [checkpoint.step for checkpoint in state.checkpoints])
        chart.set_marks("event", [warning.step for warning in state.warnings if warning.step is not None])

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


def _set(chart: Chart, state: RunState, name: str, kind: str, label: str) -> None:
    series = state.series.get(name)
    if series is not None:
        chart.set_series(name, series.x, series.y, series.length, kind, label)
