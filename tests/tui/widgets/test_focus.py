"""What has the focus keeps it while it is shown, and hands it on once it is hidden."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widgets import Input

from tui.widgets.whole import WholeScreen


class _Two(WholeScreen, Screen[None]):
    def compose(self) -> ComposeResult:
        yield Input(id="first")
        yield Input(id="second")


async def test_what_is_shown_again_before_it_hears_that_it_was_hidden_keeps_the_focus() -> None:
    async with App[None]().run_test() as pilot:
        await pilot.app.push_screen(screen := _Two())
        first = screen.query_one("#first")
        first.focus()
        await pilot.pause()
        first.post_message(events.Hide())  # of a layout that is no more
        await pilot.pause()
        assert screen.focused is first
        first.display = False
        await pilot.pause()
        assert screen.focused is screen.query_one("#second")
