"""A panel says what it is in its border, whatever its title holds and whatever the terminal can draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.widgets import Input

import tui.app
from tests.tui.looking import screen_text
from tui.theme import THEMES
from tui.widgets.panel import Panel


class Panels(App[None]):
    CSS_PATH = Path(tui.app.__file__).parent / "base.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (34, "-tall")]  # noqa: RUF012

    def __init__(self, theme: str, unicode: bool = True) -> None:
        super().__init__()
        for each in THEMES.values():
            self.register_theme(each)
        self.theme = theme
        self.set_class(not unicode, "-ascii")

    def compose(self) -> ComposeResult:
        yield Panel("[b]llama[/b]", Input(), key="2", id="first")
        yield Panel("memory", Input(), id="second")


@pytest.mark.parametrize("theme", THEMES)
async def test_the_panel_with_the_focus_has_the_colour_of_the_accent(theme: str) -> None:
    app = Panels(theme)
    async with app.run_test(size=(60, 40)) as pilot:
        app.query_one("#second Input").focus()
        await pilot.pause()
        first, second = app.query_one("#first"), app.query_one("#second")
        assert second.styles.border_top[1] != first.styles.border_top[1]
        assert second.styles.border_title_color != first.styles.border_title_color


async def test_the_key_and_the_title_stand_in_the_border_and_markup_is_text() -> None:
    app = Panels("dark")
    async with app.run_test(size=(60, 40)):
        assert "╭─ 2 [b]llama[/b] ─" in screen_text(app)


async def test_a_short_window_keeps_of_the_frame_a_rule_with_the_title() -> None:
    app = Panels("dark")
    async with app.run_test(size=(60, 24)):
        assert "─ 2 [b]llama[/b] ─" in screen_text(app)
        assert not {"╭", "╰", "┌", "┐"} & set(screen_text(app))


@pytest.mark.parametrize("rows", [24, 40])
async def test_frames_are_ascii_where_the_terminal_is(rows: int) -> None:
    app = Panels("terminal", unicode=False)
    async with app.run_test(size=(60, rows)):
        for line in screen_text(app).splitlines():
            assert "2 [b]llama" not in line or line.isascii()


async def test_the_same_title_and_note_draw_nothing_again() -> None:
    app = Panels("dark")
    async with app.run_test(size=(60, 40)) as pilot:
        panel = app.query_one("#second", Panel)
        panel.note("3 rows")
        await pilot.pause()
        assert " 3 rows ─╯" in screen_text(app)
        drawn = panel._border_subtitle
        panel.note("3 rows")
        panel.rename("memory")
        assert panel._border_subtitle is drawn
