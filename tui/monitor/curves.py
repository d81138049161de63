"""Which series of a run the chart shows: one quantity at a time, loss first."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from engine.data.text import clean
from engine.runs.curves import Series
from engine.runs.state import RunState
from tui.widgets.chart import Chart

TITLES = {
    "loss": "loss",
    "learning_rate": "learning rate",
    "grad_norm": "gradient norm",
    "tokens_per_second": "tokens/s",
    "memory": "memory, GiB",
    "sources": "loss by source",
}


class CurveFeed:
    """Feeds a chart from snapshots; keeps what it must convert."""

    def __init__(self) -> None:
        self.quantity = "loss"
        self._memory: tuple[Sequence[float], array[float]] = (array("d"), array("d"))

    def quantities(self, state: RunState) -> list[str]:
        """What this run has to show."""
        found = [name for name in TITLES if name in state.series] or ["loss"]
        if sum(name.startswith("loss/") for name in state.series) > 1:
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
        chart.chart_title = TITLES[self.quantity]
        chart.limit = state.total_steps
        if self.quantity == "loss":
            _set(chart, state, "loss", "raw", "train")
            _set(chart, state, "loss_average", "line", "average")
            _set(chart, state, "eval_loss", "points", "eval")
        elif self.quantity == "sources":
            for name in sorted(state.series):
                if name.startswith("loss/"):
                    _set(chart, state, name, "line", clean(name.removeprefix("loss/"), keep_newlines=False))
        elif self.quantity == "memory" and "memory" in state.series:
            series = state.series["memory"]
            chart.set_series("memory", series.x, self._gib(series), series.length, "line", "allocated")
        else:
            _set(chart, state, self.quantity, "line", "each step")
        chart.set_marks("checkpoint", [checkpoint.step for checkpoint in state.checkpoints])
        chart.set_marks("event", [warning.step for warning in state.warnings if warning.step is not None])
        chart.redraw()

    def _gib(self, series: Series) -> array[float]:
        source, converted = self._memory
        if source is not series.y or len(converted) > series.length:
            converted = array("d")
        converted.extend(value / 2**30 for value in series.y[len(converted) : series.length])
        self._memory = (series.y, converted)
        return converted


def _set(chart: Chart, state: RunState, name: str, kind: str, label: str) -> None:
    series = state.series.get(name)
    if series is not None:
        chart.set_series(name, series.x, series.y, series.length, kind, label)
