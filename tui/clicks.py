"""Of two clicks at once, as of one who clicks everything twice, the second never acts on what the first one opened."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from textual import events
from textual.app import App
from textual.screen import Screen
from textual.widget import Widget

_LONGEST_S = 1.0
"""Of a wait for one that is at work: it may itself wait for the app."""


class Clicks:
    """What is sent to ``app`` right behind a click waits until that is done with; then it may be another screen's.

    A click goes to a widget, and what that asks of the app comes back as a message: a second click would pass it.
    """

    def __init__(self, app: App[None]) -> None:
        self._app = app
        self._late: deque[events.Event] = deque()
        self._clicked: Screen[object] | None = None

    async def holds(self, event: events.Event) -> bool:
        """Whether ``event`` is not to be handled now: it comes again behind what the click asked for, or not at all."""
        app, is_second = self._app, isinstance(event, events.MouseDown) and self._is_second(event)
        if self._late and self._late[0] is event:
            self._late.popleft()
            if is_second and app.screen is not self._clicked:
                app._mouse_down_widget = None  # else letting the button go would make a click of it
                return True
        elif self._late or is_second:
            if not self._late:
                await self._done()
            self._late.append(event)
            app.call_later(app.on_event, event)
            return True
        if isinstance(event, events.MouseUp):
            self._clicked = app.screen
        return False

    def _is_second(self, event: events.MouseDown) -> bool:
        """As Textual counts a double click: at the same place, so soon after the first."""
        app = self._app
        at, before = app._click_chain_last_offset, app._click_chain_last_time
        is_soon = before is not None and event.time - before <= app.CLICK_CHAIN_TIME_THRESHOLD
        return is_soon and at == event.screen_offset

    async def _done(self) -> None:
        """Wait until what was clicked, and all around it that passes its messages on, are through with it."""
        clicked: Widget | None = self._app._mouse_down_widget
        around = clicked.ancestors_with_self if clicked is not None else ()
        for each in around:
            if each is not self._app:
                done = asyncio.Event()
                if each.call_later(done.set):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(done.wait(), _LONGEST_S)
