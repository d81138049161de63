"""Which panes the monitor shows, and the keys that open, close, turn and scroll them."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on, work
from textual.worker import get_current_worker

from engine.messages.catalogue import text
from engine.runs import mixes
from engine.runs.by_source import sources_of
from engine.runs.directory import RunDir
from tui import shell
from tui.monitor import result
from tui.monitor.acting import ActingMonitor
from tui.monitor.curves import CurveFeed, Earlier
from tui.monitor.earlier import curves_of, earlier_runs
from tui.monitor.layout import PANES, Panes, Room, room_of
from tui.monitor.panes import CurvePane, Pane, PaneAsked, PaneStrip, RatePane, SamplesPane, StoryPane
from tui.widgets.chart import Chart
from tui.world import world_of


class ArrangedMonitor(ActingMonitor):
    """The monitor as its panes: ``panes`` says which of them a person chose."""

    def __init__(self, run: RunDir, only_watches: bool = False) -> None:
        super().__init__(run, only_watches)
        self.panes = Panes()
        self._before: Sequence[RunDir] = ()
        self.mix = mixes.read(run)
        """What is known of a mix of adapters, which no training made; None for every other run."""

    @property
    def has_result(self) -> bool:
        return self.state.ended and bool(result.headline(self.state) or self.state.evaluations)

    @property
    def room(self) -> Room:
        return room_of(*(self.size if self.size.width else self.app.size))

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the panes on the screen."""
        if self.mix is not None and self.panes.chosen is None:
            return ("samples",)
        return self.panes.shown(self.room, self.has_result, len(sources_of(self.state.series)))

    def arrange_panes(self) -> None:
        shown, room = self.shown, self.room
        for pane in self.query(Pane):
            pane.display = pane.kind in shown
        for place, names in (("upper", PANES[:2]), ("lower", PANES[2:4]), ("charts", PANES[:4]), ("texts", PANES[4:])):
            self.query_one(f"#{place}").display = any(name in shown for name in names)
        has_charts = any(name in PANES[:4] for name in shown)
        classes = {f"-columns-{columns}": columns == room.columns for columns in (1, 2, 3)} | {
            "-log-below": has_charts and "samples" not in shown, "-log-alone": "samples" not in shown,
            "-no-charts": not has_charts, "-result": self.has_result,
        }  # fmt: skip
        self.update_classes(classes)  # all at once: each change styles the whole screen anew
        self.query_one(PaneStrip).show(shown, self.state.ended)
        focused = self.focused
        if isinstance(focused, Chart) and not _is_seen(focused):
            seen = next((chart for chart in self.query(Chart) if _is_seen(chart)), None)
            self.set_focus(seen)

    def action_pane(self, number: int) -> None:
        name = PANES[number - 1]
        self.panes.toggle(name, self.shown, self.room)
        self.arrange_panes()
        chart = next(iter(self.query_one(f"#pane-{name}").query(Chart)), None)
        if chart is not None and name in self.shown:
            chart.focus()
        self.call_after_refresh(self.show_state)

    def action_details(self) -> None:
        """Show the log of what failed."""
        self.show_log()

    def show_log(self) -> None:
        if "log" not in self.shown:
            self.action_pane(PANES.index("log") + 1)

    @on(PaneAsked)
    def _pane_asked(self, message: PaneAsked) -> None:
        message.stop()
        self.action_pane(PANES.index(message.pane) + 1)

    def show_curves(self) -> None:
        if not set(self.shown) & set(PANES[:4]):
            self.action_pane(1)
        self.show_state()

    @property
    def _pane_of_focus(self) -> Pane | None:
        """The pane that has the focus, else the first that is shown."""
        focused = self.focused
        held = [each for each in focused.ancestors if isinstance(each, Pane)] if focused is not None else []
        return next(iter([*held, *(pane for pane in self.query(Pane) if pane.display)]), None)

    def action_curve(self) -> None:
        """The next curve of the pane with the focus; where that is none of curves, of the loss."""
        pane = self._pane_of_focus
        if not isinstance(pane, CurvePane):
            if "loss" not in self.shown:
                self.action_pane(1)
            pane = self.query_one("#pane-loss", CurvePane)
        pane.turn(self.state)

    @property
    def subjects(self) -> tuple[str, ...]:
        return (self.run_dir.id,)

    def copied(self) -> str:
        """The line that was searched for; where log or samples are alone their newest; else the command to the run."""
        if self.state.log and (self.wanted or self.shown == ("log",)):
            return self.query_one(StoryPane).log_pane.copied()
        if self.shown == ("samples",) and self.state.samples:
            return self.state.samples[-1].answer
        return shell.command("resume" if self.resumable else "open", self.run_dir.id)

    def action_overlay(self) -> None:
        """Lay the curve of an earlier run below, then that of the next one, and after the last none."""
        shown = [each.id for each in self._before].index(self.earlier) + 1 if self.earlier else 0
        if self.earlier and shown == len(self._before):
            self._lay_below(None)
        else:
            self._find_earlier(shown)

    @property
    def earlier(self) -> str:
        """The id of the run whose curve lies below, "" while there is none."""
        return next((feed.earlier.run for feed in self._feeds if feed.earlier is not None), "")

    @work(thread=True, group="earlier", exclusive=True)
    def _find_earlier(self, at: int) -> None:
        """Those that there are when the first one is wanted stay the ones to choose from."""
        worker, before = get_current_worker(), self._before
        if not at:
            before = earlier_runs(self.run_dir, world_of(self).root)
        found = curves_of(before[at]) if before else None
        if worker.is_cancelled:
            return
        if found is None:
            self.tell(text("monitor.no-earlier"), "information")
        else:
            self.in_screen(self._lay_below, found, before)

    @work(thread=True, group="earlier", exclusive=True)
    def lay_below(self, run: str) -> None:
        """The curve of the run with this id, where it is still one to choose from."""
        worker, before = get_current_worker(), earlier_runs(self.run_dir, world_of(self).root)
        found = next((each for each in before if each.id == run), None)
        if found is not None and not worker.is_cancelled:
            self.in_screen(self._lay_below, curves_of(found), before)

    def _lay_below(self, found: Earlier | None, before: Sequence[RunDir] = ()) -> None:
        self._before = before
        for feed in self._feeds:
            feed.earlier = found
        self.show_state()

    @property
    def _feeds(self) -> list[CurveFeed]:
        """Those of the panes whose curves are by the step of one run."""
        return [self.query_one("#pane-loss", CurvePane).feed, *self.query_one(RatePane).feeds]

    def action_log_y(self) -> None:
        focused = self.focused
        (focused if isinstance(focused, Chart) else self.query_one(Chart)).toggle_log_y()

    def action_scroll(self, lines: int) -> None:
        """Move through what is too long for its pane: the samples or the result where they are shown, else the log."""
        if "samples" in self.shown:
            self.query_one(SamplesPane).scroll_lines(lines)
        elif "log" in self.shown:
            self.query_one(StoryPane).scroll_lines(lines)


def _is_seen(chart: Chart) -> bool:
    return all(each.display for each in chart.ancestors_with_self if isinstance(each, (Chart, Pane)))
