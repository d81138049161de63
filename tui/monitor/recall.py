"""What of a monitor comes back when its run is watched again: view, curve, scale and zoom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.runs.directory import RunDir
from engine.runs.state import RunState
from tui import session
from tui.monitor.curves import CurveFeed
from tui.widgets.chart import Chart
from tui.widgets.chart_scale import View


def remembered(run: RunDir, view: str, ended: bool, feed: CurveFeed, chart: Chart) -> dict[str, Any]:
    """As plain JSON. ``zoom`` is first and last step in view and whether the newest is followed; [] is the whole."""
    shown = chart.view
    zoom = [] if shown.start is None else [shown.start, shown.end, int(shown.follow)]
    return {
        "run": str(run.path), "view": view, "ended": ended, "curve": feed.quantity, "log_y": chart.log_y, "zoom": zoom,
    }  # fmt: skip


class Recalled:
    """What was remembered of ``run``; of another run nothing is taken up."""

    def __init__(self, kept: Mapping[str, Any], run: RunDir) -> None:
        self._kept = kept if kept.get("run") == str(run.path) else {}

    @property
    def had_ended(self) -> bool:
        return self._kept.get("ended") is True

    def view(self, views: Sequence[str]) -> str:
        """The view that was shown, else the first."""
        return session.one_of(self._kept, "view", views) or views[0]

    def take_up(self, feed: CurveFeed, chart: Chart, state: RunState) -> None:
        """Show the curve as it was, once ``state`` has it."""
        quantity = session.one_of(self._kept, "curve", feed.quantities(state))
        if quantity is None:
            return
        feed.quantity, chart.log_y = quantity, self._kept.get("log_y") is True
        feed.feed(chart, state, anew=True)
        zoom = session.numbers(self._kept, "zoom", 3)
        if zoom and 0 <= zoom[0] < zoom[1]:
            chart.view = View(zoom[0], zoom[1], follow=bool(zoom[2]))
            chart.redraw()
        self._kept = {}
