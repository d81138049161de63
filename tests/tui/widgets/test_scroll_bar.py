"""Words that fill a scrolled area stop one blank before its bar."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

import tui.app
from tests.tui.looking import screen_text
from tui.theme import DARK
from tui.widgets.line import Drawn, Prose

LETTERS = "x" * 1000


def drawn() -> Drawn:
    made = Drawn()
    made.draw(lambda width: [Content("x" * width)] * 30)
    return made


class Scrolled(App[None]):
    CSS_PATH = Path(tui.app.__file__).with_name("base.tcss")

    def __init__(self, held: Widget) -> None:
        super().__init__()
        self.held = held
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield VerticalScroll(self.held)


@pytest.mark.parametrize("make", [lambda: Static(LETTERS), lambda: Prose(LETTERS), drawn])
async def test_a_blank_parts_the_words_from_the_bar(make: type[Static]) -> None:
    async with Scrolled(make()).run_test(size=(40, 10)) as pilot:
        area = pilot.app.query_one(VerticalScroll)
        assert area.show_vertical_scrollbar
        bar = area.vertical_scrollbar.region.x
        assert {line.ljust(bar)[bar - 2 : bar] for line in screen_text(pilot.app).splitlines()} == {"x "}
