"""To choose the theme: the list, and a sample of what screens are made of that shows each one at once."""

from __future__ import annotations

import math
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from engine.common import settings
from engine.common.errors import reason_of
from engine.messages.catalogue import part, text
from engine.messages.message import Message
from tui import keys, messages
from tui.terminal import THEME
from tui.theme import THEMES, allowed, named
from tui.widgets import pieces
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.chart import Chart
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Prose
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.world import world_of

STEPS = 120
NAMES = {
    "dark": "themes.dark", "light": "themes.light", "contrast": "themes.contrast",
    "color-blind": "themes.color-blind", "terminal": "themes.terminal",
}  # fmt: skip


class ThemesScreen(WholeScreen, Screen[None]):
    """Shows the theme under the cursor; Enter keeps it, Esc goes back to the one there was."""

    CSS_PATH = "themes.tcss"
    AUTO_FOCUS = "PickList"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.THEMES)
    HELP = "themes.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.THEMES),)

    def compose(self) -> ComposeResult:
        self._before = self.app.theme
        terminal = world_of(self).terminal
        can_show = allowed(terminal)
        picks = [
            Pick(name, text(NAMES[name]), part(Message(NAMES[name]), "about"), name in can_show,
                 "" if name in can_show else text("themes.needs-more"))
            for name in THEMES
        ]  # fmt: skip
        why = ""
        if terminal.sixteen:
            why = text("themes.no-colours" if terminal.colours == "none" else "themes.sixteen")
        elif named():
            why = text("themes.decided", variable=THEME)
        yield TopLine(text("themes.title"))
        with Horizontal(id="themes"):
            with Panel(text("themes.list"), id="theme-list"):
                yield PickList(picks, self._before, title_width=16)
                yield Prose(why, classes="muted why-few")
                yield Prose(part(Message("themes.help"), "about"), classes="muted about-themes")
            with Panel(text("themes.sample"), id="theme-sample"):
                yield Static(self._pieces(terminal.unicode), id="theme-pieces")
                yield _chart(terminal.unicode)
        yield KeyBar(keys.in_bar(keys.THEMES, keys.EVERYWHERE))

    def on_mount(self) -> None:
        why = self.query_one(".why-few", Prose)
        why.display = bool(why.words)
        self.query_one(Chart).redraw()

    def _pieces(self, unicode: bool) -> Content:
        states = (("runs.running", "good"), ("runs.paused", "look"), ("runs.failed", "lost"))
        return Content("\n").join([
            pieces.row(*(pieces.badge(text(code), tone) for code, tone in states), gap=1),  # type: ignore[arg-type]
            pieces.row(
                pieces.figure(text("app.loss"), "0.412"), pieces.figure("tokens/s", "1,294"),
                pieces.figure(text("monitor.memory"), "14.2", "GiB", "look"),
            ),
            pieces.row(pieces.gauge(0.6, 18, unicode, "good"), pieces.gauge(0.9, 12, unicode, "look")),
        ])  # fmt: skip

    @on(PickList.Moved)
    def _preview(self, message: PickList.Moved) -> None:
        message.stop()
        if message.pick.enabled:
            self._show(message.pick.id)

    @on(PickList.Chosen)
    def _chosen(self, message: PickList.Chosen) -> None:
        message.stop()
        self.action_keep()

    def _show(self, name: str) -> None:
        if name != self.app.theme:
            self.app.theme = name
            self.call_after_refresh(self._redraw)

    def _redraw(self) -> None:
        """Of the list: its line under the cursor was drawn before its styles were those of the theme."""
        self.query_one(PickList).refresh()

    def action_keep(self) -> None:
        """Keep the theme under the cursor, also for the next start."""
        pick = self.query_one(PickList).current
        if pick is None or not pick.enabled:
            return
        self._show(pick.id)
        try:
            settings.keep(pick.id, "ui", "theme")
        except OSError as error:
            told = text("themes.not-kept", path=settings.file(), why=reason_of(error))
            self.notify(told, severity="error", markup=False)
            return
        self.dismiss()
        if pick.id != self._before:
            self.app.post_message(messages.ThemeChosen())
        self.app.notify(text("themes.kept", name=text(NAMES[pick.id])))

    def action_leave(self) -> None:
        self._show(self._before)
        self.dismiss()


def _chart(unicode: bool) -> Chart:
    made, steps = Chart(text("app.loss"), unicode), [float(step) for step in range(1, STEPS)]
    mean = [0.4 + 2 * math.exp(-step / 30) for step in steps]
    made.set_series("raw", steps, [y + 0.2 * math.sin(x * x) for x, y in zip(steps, mean, strict=True)], kind="raw",
                    label=text("monitor.train"))  # fmt: skip
    made.set_series("mean", steps, mean, label=text("monitor.average"))
    made.set_series("eval", steps[29::30], [y + 0.1 for y in mean[29::30]], kind="points", label=text("monitor.eval"))
    made.can_focus = False
    return made
