"""Look at an app under test as a person does: the visible text, and waiting for it to change."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.message import Message
from textual.pilot import Pilot

from engine.messages.catalogue import text as said

__all__ = ["click_on", "opened", "said", "screen_text", "until", "until_shows"]

PATIENCE_S = 60.0
"""Only what never comes takes so long; on a busy machine all else is late at times."""


def screen_text(app: App[Any]) -> str:
    """What is on the screen now, line by line."""
    rows = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in row).rstrip() for row in rows)


async def until(pilot: Pilot[Any], holds: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Let the app work until ``holds()`` is true; fails with what is on the screen."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"never came true; the screen shows\n{screen_text(pilot.app)}"
        await pilot.pause(0.02)
    await pilot.pause()


async def until_shows(pilot: Pilot[Any], text: str, seconds: float = PATIENCE_S) -> None:
    await until(pilot, lambda: text in screen_text(pilot.app), seconds)


@asynccontextmanager
async def opened(app: App[None], message: Message, shows: str) -> AsyncIterator[tuple[App[None], Pilot[None]]]:
    """``app``, in which ``message`` has opened a screen that shows a text."""
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(message)
        await until_shows(pilot, shows)
        yield app, pilot


async def click_on(pilot: Pilot[Any], words: str, times: int = 1) -> None:
    """Click where ``words`` stand on the screen, so many ``times`` at once."""
    lines = screen_text(pilot.app).splitlines()
    row = next((row for row, line in enumerate(lines) if words in line), None)
    assert row is not None, f"{words!r} is not there; the screen shows\n{screen_text(pilot.app)}"
    await pilot.click(offset=(cell_len(lines[row].partition(words)[0]), row), times=times)
