"""The six panes of the monitor: each draws its slice of a run's state, and only while it is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from engine.messages.catalogue import text
from engine.runs.state import RunState
from tui import keys
from tui.monitor import memory
from tui.monitor.curves import FORGETTING, MEMORY, CurveFeed
from tui.monitor.layout import PANES
from tui.widgets.bars import KeyBar
from tui.widgets.chart import Chart
from tui.widgets.line import Block, Line
from tui.widgets.log import LogPane
from tui.widgets.panel import Panel
from tui.world import world_of

NAMES = {
    "loss": "monitor.pane-loss", "rate": "monitor.pane-rate", "memory": "monitor.pane-memory",
    "sources": "monitor.pane-sources", "samples": "monitor.pane-samples", "log": "monitor.pane-log",
}  # fmt: skip
"""What the strip calls each."""
NEXT = ("talk", "report", "export", "go_on", "duplicate", "evaluate", "strength")
"""Keys that lead on from a result, the weightiest first: the last ones yield where there is no room for all."""
_SIDE_BY_SIDE = 14  # rows: two charts one above the other would be too low in fewer


def named(name: str, ended: bool) -> str:
    """A pane in a word; the samples are the result once the run has ended."""
    return text("monitor.pane-result" if name == "samples" and ended else NAMES[name])


class PaneAsked(Message):
    """A person wants the pane called so opened or closed."""

    def __init__(self, pane: str) -> None:
        super().__init__()
        self.pane = pane


class KeyLine(KeyBar):
    """Keys in a line of their own amid a screen; those that do nothing now are greyed or left out."""


class Pane(Panel):
    """``kind`` is its name in PANES. A click on its title closes it."""

    def __init__(self, kind: str, *children: Widget) -> None:
        super().__init__(text(NAMES[kind]), *children, key=str(PANES.index(kind) + 1), id=f"pane-{kind}")
        self.kind = kind

    def show(self, state: RunState) -> None:
        """Draw ``state``, the newest; nothing is sent where nothing changed."""

    def turn(self, state: RunState) -> None:
        """Show the next of its curves, where it has several."""

    def on_click(self, event: events.Click) -> None:
        if event.screen_y == self.region.y:
            event.stop()
            self.post_message(PaneAsked(self.kind))


class CurvePane(Pane):
    """A chart of one quantity at a time, out of ``names``; its title says which."""

    def __init__(self, kind: str, names: tuple[str, ...], *below: Widget, unicode: bool) -> None:
        self.chart = Chart(unicode=unicode)
        super().__init__(kind, self.chart, *below)
        self.feed = CurveFeed(names, titled=False)
        self.is_chosen = False
        """Whether a person chose the curve; else it is the first that the run has."""

    def show(self, state: RunState) -> None:
        before = self.feed.quantity
        if not self.is_chosen:
            self.feed.quantity = self.feed.quantities(state)[0]
        self.rename(self.feed.title)
        self.feed.feed(self.chart, state, anew=self.feed.quantity != before)

    def turn(self, state: RunState) -> None:
        self.is_chosen = True
        self.feed.turn(state)
        self.rename(self.feed.title)
        self.feed.feed(self.chart, state, anew=True)


class RatePane(Pane):
    """Learning rate and gradient norm, one above the other, or side by side where it is low."""

    def __init__(self, unicode: bool) -> None:
        self.charts = (Chart(unicode=unicode), Chart(unicode=unicode))
        super().__init__("rate", Container(*self.charts))
        self.feeds = (CurveFeed(("learning_rate",)), CurveFeed(("grad_norm",)))

    def on_resize(self) -> None:
        super().on_resize()
        self._mind_height()

    def _mind_height(self) -> None:
        self.set_class(self.size.height < _SIDE_BY_SIDE, "-low")

    def show(self, state: RunState) -> None:
        self._mind_height()  # one that is opened at a size it had before is not told of it
        for feed, chart in zip(self.feeds, self.charts, strict=True):
            chart.waiting = (text("monitor.from-first-step"),)
            feed.feed(chart, state)


class MemoryPane(CurvePane):
    """Memory over time with what was predicted, then what each GPU holds and who else is on it."""

    LINES: ClassVar = {False: 2, True: 4}

    def __init__(self, unicode: bool) -> None:
        self.line = Line(id="machine")
        super().__init__("memory", (MEMORY, "memory"), self.line, unicode=unicode)

    def show(self, state: RunState) -> None:
        self.chart.waiting = (text("monitor.memory-awaited"),)
        super().show(state)
        world, width = world_of(self), self.line.content_size.width or self.content_size.width
        most = self.LINES[self.content_size.height > _SIDE_BY_SIDE]
        lines = memory.machine_lines(state, max(1, width), world.terminal.unicode, most)
        if self.line.styles.height is None or self.line.styles.height.value != len(lines):
            self.line.styles.height = len(lines)
        self.line.show(Text("\n").join(lines))


class SourcesPane(CurvePane):
    """The loss of each source; of a run with one source there is nothing to tell apart."""

    def __init__(self, unicode: bool) -> None:
        super().__init__("sources", ("sources",), unicode=unicode)

    def show(self, state: RunState) -> None:
        self.chart.waiting = (text("monitor.one-source" if state.step else "monitor.from-first-step"),)
        super().show(state)


class SamplesPane(Pane):
    """Answers while the run goes on, the result once it has ended; ``block`` is given what to show by the screen."""

    def __init__(self) -> None:
        self.block = Block(id="result")
        self._scrolled = VerticalScroll(self.block, can_focus=False, id="result-scroll")
        known = {key.id: key for key in keys.MONITOR}
        self.leads_on = KeyLine([replace(known[name], yields=True) for name in NEXT], id="next")
        super().__init__("samples", self._scrolled, self.leads_on)

    def show(self, state: RunState) -> None:
        self.rename(named("samples", state.ended))
        self.leads_on.display = state.state in ("finished", "stopped")

    def scroll_lines(self, lines: int) -> None:
        self._scrolled.scroll_relative(y=lines, animate=False)


class StoryPane(Pane):
    """The log, newest line at the bottom, each line whole."""

    def __init__(self) -> None:
        self.log_pane = LogPane(wrap=True, id="log")
        super().__init__("log", self.log_pane)

    def show(self, state: RunState) -> None:
        self.log_pane.show(state.log, state.is_abandoned)

    def scroll_lines(self, lines: int) -> None:
        self.log_pane.scroll_lines(-lines)


def all_panes(unicode: bool) -> tuple[Pane, ...]:
    """One of each, in the order of their keys."""
    return (
        CurvePane("loss", ("loss", FORGETTING, "tokens_per_second"), unicode=unicode), RatePane(unicode),
        MemoryPane(unicode), SourcesPane(unicode), SamplesPane(), StoryPane(),
    )  # fmt: skip


class PaneStrip(Widget):
    """A line with the name of each pane after its key; those that are shown stand out, and are marked without colours.

    A click opens or closes one.
    """

    DEFAULT_CSS = "PaneStrip { height: 1; }"

    def __init__(self) -> None:
        super().__init__(id="strip")
        self._shown: tuple[str, ...] = ()
        self._ended = False

    def show(self, shown: tuple[str, ...], ended: bool) -> None:
        if (shown, ended) != (self._shown, self._ended):
            self._shown, self._ended = shown, ended
            self.refresh()

    def _labels(self) -> list[str]:
        return [f" {number} {named(name, self._ended)} " for number, name in enumerate(PANES, 1)]

    def render(self) -> Content:
        parts: list[Content] = []
        for name, label in zip(PANES, self._labels(), strict=True):
            here = name in self._shown
            if here and world_of(self).terminal.sixteen:
                label = f"[{label[1:-1]}]"
            said = Content.assemble((label[:2], "bold $accent"), (label[2:], "bold" if here else "$muted"))
            parts.append(said.stylize_before("on $panel") if here else said)
        return Content("").join(parts)

    def on_click(self, event: events.Click) -> None:
        place = event.x
        for name, label in zip(PANES, self._labels(), strict=True):
            width = cell_len(label)
            if 0 <= place < width:
                self.post_message(PaneAsked(name))
            place -= width
