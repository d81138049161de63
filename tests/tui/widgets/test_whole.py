"""Nobody is called who has no children any more."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from tests.tui.looking import until
from tui.widgets.whole import WholeScreen


class _Late(Widget):
    """Goes, and then a thread has something to tell its screen."""

    async def on_unmount(self) -> None:
        screen = self.screen
        assert isinstance(screen, _Screen)
        await asyncio.to_thread(screen.in_screen, screen.hear, "late")
        screen.is_told = True


class _Screen(WholeScreen, Screen[None]):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.is_told = False

    def compose(self) -> ComposeResult:
        yield _Late(id="late")

    def hear(self, said: str) -> None:
        self.heard.append(said)


async def test_what_a_thread_has_to_say_to_a_screen_that_goes_is_dropped() -> None:
    async with App[None]().run_test() as pilot:
        await pilot.app.push_screen(screen := _Screen())
        await asyncio.to_thread(screen.in_screen, screen.hear, "in time")
        screen.dismiss()
        await until(pilot, lambda: screen.is_told)
        assert screen.heard == ["in time"]
