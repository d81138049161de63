"""What of a monitor comes back when its run is watched again: panes, the curve of the loss's, scale and zoom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.runs.directory import RunDir
from engine.runs.state import RunState
from tui import session
from tui.monitor.layout import Panes
from tui.monitor.panes import CurvePane
from tui.widgets.chart_scale import View


def remembered(run: RunDir, panes: Panes, ended: bool, pane: CurvePane, earlier: str) -> dict[str, Any]:
    """As plain JSON. ``panes`` are those that a person chose, [] while nobody did; ``curve`` likewise.

    ``earlier`` is the id of the run whose curve lies below.
    """
    return {
        "run": str(run.path), "panes": list(panes.chosen or ()), "ended": ended,
        "curve": pane.feed.quantity if pane.is_chosen else "", "log_y": pane.chart.log_y,
        "zoom": pane.chart.view.kept, "earlier": earlier,
    }  # fmt: skip


class Recalled:
    """What was remembered of ``run``; of another run nothing is taken up."""

    def __init__(self, kept: Mapping[str, Any], run: RunDir) -> None:
        self._kept = kept if kept.get("run") == str(run.path) else {}

    @property
    def had_ended(self) -> bool:
        return self._kept.get("ended") is True

    @property
    def panes(self) -> list[str]:
        """Names of the panes that were chosen."""
        kept = self._kept.get("panes")
        return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []

    @property
    def earlier(self) -> str:
        """The id of the run whose curve lay below."""
        return session.texts(self._kept, "earlier")

    def take_up(self, pane: CurvePane, state: RunState) -> None:
        """Show the curve as it was, once ``state`` has one."""
        if not self._kept or state.step is None:
            return
        quantity, chart = session.one_of(self._kept, "curve", pane.feed.quantities(state)), pane.chart
        pane.is_chosen, pane.feed.quantity = quantity is not None, quantity or pane.feed.quantity
        chart.log_y = self._kept.get("log_y") is True
        pane.feed.feed(chart, state, anew=True)
        zoom = View.of_kept(session.numbers(self._kept, "zoom", 3))
        if zoom != chart.view:
            chart.view = zoom
            chart.redraw()
        self._kept = {}
