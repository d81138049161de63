"""Textual without what no test looks at: sheets read again, idle widgets asked whether they are, frames for nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.app import ScreenStackError
from textual.cache import LRUCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.pilot import Pilot, WaitForScreenTimeout
from textual.screen import Screen

_ROUNDS = 5
"""What one handles may give another something to do; who always has is not waited for."""


def read_stylesheets_once(patch: pytest.MonkeyPatch) -> None:
    """The rules of a stylesheet, which hang on the theme's colours alone, are read once for all apps of a process."""
    read: dict[tuple[tuple[str, str], ...], LRUCache[tuple[object, ...], list[RuleSet]]] = {}
    init, set_variables = Stylesheet.__init__, Stylesheet.set_variables

    def share(sheet: Stylesheet) -> None:
        sheet._parse_cache = read.setdefault(tuple(sorted(sheet._variables.items())), LRUCache(1024))

    def shared_init(self: Stylesheet, *, variables: dict[str, str] | None = None) -> None:
        init(self, variables=variables)
        share(self)

    def shared_variables(self: Stylesheet, variables: dict[str, str]) -> None:
        self._parse_cache = LRUCache(1)  # it clears its own
        set_variables(self, variables)
        share(self)

    patch.setattr(Stylesheet, "__init__", shared_init)
    patch.setattr(Stylesheet, "set_variables", shared_variables)


def wait_for_the_busy_alone(patch: pytest.MonkeyPatch) -> None:
    """Before a pause Textual sends each of a hundred widgets a message and waits until it came: those at rest are left
    alone, and the others waited for until all are."""

    async def wait(self: Pilot[Any], timeout: float = 30.0) -> bool:
        app = self.app
        for _ in range(_ROUNDS):
            await asyncio.sleep(0)
            try:
                pumps = [app, *app.screen.walk_children(with_self=True)]
            except ScreenStackError:
                return False
            busy = [pump for pump in pumps if not _rests(pump)]
            if not busy:
                break
            if not await _all_have_come(busy, app._exception_event, timeout):
                return False
        return True

    patch.setattr(Pilot, "_wait_for_screen", wait)


def _rests(pump: MessagePump) -> bool:
    """Whether it handled all it got and waits for the next."""
    if pump._pending_message is not None or pump._next_callbacks or not pump._message_queue.empty():
        return False
    return any(not waiter.done() for waiter in pump._message_queue.ready_event._waiters)  # type: ignore[attr-defined]


async def _all_have_come(busy: list[MessagePump], broken: asyncio.Event, timeout: float) -> bool:
    """Whether each came to a message sent to it now; not where the app broke meanwhile."""
    left = 0
    done = asyncio.Event()

    def come() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    left = sum(pump.call_later(come) for pump in busy)
    if not left:
        return True
    waiters = [asyncio.create_task(event.wait()) for event in (done, broken)]
    ready, _ = await asyncio.wait(waiters, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for waiter in waiters:
        waiter.cancel()
    if not ready:
        raise WaitForScreenTimeout(f"still at work after {timeout:.0f} s")
    return not left


def draw_nothing_unseen(patch: pytest.MonkeyPatch) -> None:
    """No frame is made that nobody sees: ``screen_text`` draws what a test reads.

    Pictures are, and those of dialogs, which need what lies behind.
    """
    render = Compositor.render_update

    def unseen(self: Compositor, full: bool = False, screen_stack: list[Screen[Any]] | None = None, **more: Any) -> Any:
        if full or screen_stack:
            return render(self, full, screen_stack, **more)
        self._dirty_regions.clear()
        return None

    patch.setattr(Compositor, "render_update", unseen)
