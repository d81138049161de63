"""Every widget of the design system in each of its states: ``python -m tui.gallery``; t another theme, a ASCII."""

from __future__ import annotations

import argparse
import math
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget
from textual.widgets import Static

from engine.messages import language
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs.state import LogLine
from tui import keys
from tui.keys import Key
from tui.theme import THEMES, PlainScrollBar
from tui.widgets import pieces
from tui.widgets.bars import KeyBar, KeyRow, TopLine
from tui.widgets.chart import Chart
from tui.widgets.choosers import Card, Cards, Pick, PickList
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.form import FormButton, FormField
from tui.widgets.line import Prose
from tui.widgets.log import LogPane
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen

STEPS = 240
KEYS = (
    Key("theme", "t", "gallery.key-theme"),
    Key("ascii", "a", "gallery.key-ascii"),
    Key("ask", "d", "gallery.key-dialog"),
    Key("say", "m", "gallery.key-notices"),
    Key("leave", "q", "keys.quit"),
)
PICKS = (
    Pick("first", "smollm2-135m", "chat model", tail="0.3 GiB"),
    Pick("second", "[b]llama-8b[/b]", "chosen; markup in names is text", tail="16.1 GiB"),
    Pick("third", "mixtral-8x22b", "does not fit", enabled=False, tail="281.0 GiB"),
)
CARDS = (
    Card("continue", "continue", "Goes on training the adapter there is."),
    Card("merge", "merge", "Makes the old skill permanent first."),
    Card("fresh", "fresh", "Nothing to go on from.", enabled=False),
)
LOG = (
    ("info", Message("runs.running")), ("good", Message("widgets.checkpoint")),
    ("warning", Message("widgets.spike")), ("error", Message("widgets.out-of-memory")),
)  # fmt: skip


def _loss(step: float) -> float:
    return 0.4 + 2 * math.exp(-step / 60)


class GalleryScreen(WholeScreen, Screen[None]):
    """``unicode`` false draws with ASCII alone. Tab walks through what can have the focus."""

    AUTO_FOCUS = "#focused Input"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(KEYS), Binding("escape", "leave", show=False)]
    DEFAULT_CSS = """
    GalleryScreen {
        #gallery { grid-size: 1; grid-rows: auto; height: auto; }
        &.-wide #gallery { grid-size: 2; grid-gutter: 0 1; }
        Chart { height: 8; }
        LogPane { height: 4; }
        Horizontal { height: auto; }
    }
    """

    def __init__(self, unicode: bool) -> None:
        super().__init__()
        self._unicode = unicode

    def compose(self) -> ComposeResult:
        yield TopLine("tui.gallery", self.app.theme)
        with VerticalScroll(can_focus=False), Grid(id="gallery"):
            yield Panel("Panel, FormField, Choice, FormButton", *self._form(), key="1", id="focused")
            yield Panel("badge, figure, gauge, chip", Static(self._pieces()))
            yield Panel("PickList", PickList(PICKS, "second", id="picks"))
            yield Panel("Cards", Cards(CARDS, "continue", self._unicode))
            yield Panel("Chart", self._chart())
            yield Panel("LogPane", LogPane())
            yield Panel("KeyRow", *(KeyRow(key) for key in KEYS[:2]))
            yield Panel("Prose, FormButton", *self._question())
        yield KeyBar(KEYS)

    def on_mount(self) -> None:
        self.query_one(Chart).redraw()
        self.query_one(LogPane).show([LogLine(60.0 * at, *each) for at, each in enumerate(LOG)])

    def _form(self) -> list[Widget]:
        wrong = FormField("epochs", "epochs", "-1")
        wrong.show_error(text("gallery.wrong"))
        return [
            FormField("rate", "learning rate", "2e-4", hint="0 < x < 1"),
            FormField("method", "quantization", "nf4", options=("none", "nf4", "int8")),
            wrong,
            Horizontal(FormButton(text("keys.next")), FormButton(text("keys.previous"))),
        ]

    def _question(self) -> list[Widget]:
        yes, no = FormButton(text("widgets.yes")), FormButton(text("widgets.no"))
        no.disabled = True
        return [Prose(text("gallery.empty")), Horizontal(yes, no)]

    def _pieces(self) -> Content:
        states: tuple[tuple[str, pieces.Tone], ...] = (
            (text("runs.running"), "good"), (text("runs.paused"), "look"), (text("runs.failed"), "lost"), ("LoRA", ""),
        )  # fmt: skip
        figures = (("loss", "0.412", "", ""), ("tokens/s", "1,294", "", ""), ("VRAM", "14.2", "GiB", "look"))
        gauges: tuple[tuple[float, pieces.Tone], ...] = ((0.3, "good"), (0.8, "look"), (1.0, "lost"))
        return Content("\n").join([
            pieces.row(*(pieces.badge(*each) for each in states), gap=1),
            pieces.row(*(pieces.figure(*each) for each in figures)),  # type: ignore[arg-type]
            *(pieces.gauge(share, 24, self._unicode, tone) for share, tone in gauges),
            pieces.row(*(pieces.chip(key.shown, key.text) for key in KEYS)),
        ])  # fmt: skip

    def _chart(self) -> Chart:
        made, steps = Chart("loss", self._unicode), [float(step) for step in range(1, STEPS)]
        noisy = [_loss(x) + 0.2 * math.sin(x * x) for x in steps]
        made.set_series("raw", steps, noisy, kind="raw", label="train")
        made.set_series("mean", steps, [_loss(x) for x in steps], label="average")
        made.set_series("eval", steps[59::60], [_loss(x) + 0.1 for x in steps[59::60]], kind="points", label="eval")
        return made

    def action_theme(self) -> None:
        """The next theme."""
        names = [*THEMES]
        self.app.theme = names[(names.index(self.app.theme) + 1) % len(names)]
        self.query_one(TopLine).show(right=self.app.theme)

    async def action_ascii(self) -> None:
        """With ASCII alone, or with Unicode again."""
        self._unicode = not self._unicode
        self.app.set_class(not self._unicode, "-ascii")
        ScrollBar.renderer = ScrollBarRender if self._unicode else PlainScrollBar
        await self.recompose()
        self.on_mount()

    def action_ask(self) -> None:
        self.app.push_screen(ConfirmScreen(text("app.unsaved"), text("app.unsaved-about"), (), text("keys.quit")))

    def action_say(self) -> None:
        for severity in ("information", "warning", "error"):
            self.notify(text("app.keeps-running"), severity=severity)

    def action_leave(self) -> None:
        self.app.exit()


class GalleryApp(App[None]):
    """Shows the gallery with the product's own styles."""

    CSS_PATH = "base.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012

    def __init__(self, theme: str = "dark", unicode: bool = True) -> None:
        super().__init__()
        for each in THEMES.values():
            self.register_theme(each)
        self.theme, self._unicode = theme, unicode
        self.set_class(not unicode, "-ascii")
        ScrollBar.renderer = ScrollBarRender if unicode else PlainScrollBar

    def get_default_screen(self) -> Screen[None]:
        return GalleryScreen(self._unicode)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tui.gallery", description=__doc__)
    asked.add_argument("--theme", choices=[*THEMES], default="dark")
    asked.add_argument("--ascii", action="store_true")
    asked.add_argument("--lang", choices=[*language.LANGUAGES], default="en")
    given = asked.parse_args()
    language.use(given.lang)
    GalleryApp(given.theme, not given.ascii).run()


if __name__ == "__main__":
    main()
