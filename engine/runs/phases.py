"""Tells the log what a run is busy with, often enough to watch and seldom enough to keep the log small."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from engine.runs import events as ev

Sink = Callable[[ev.Event], None]
_MOST_OFTEN_S = 0.5


class Report(Protocol):
    """Tells how far a counted phase is, in other words than the phase's own where given."""

    def __call__(self, done: float, total: float | None, words: str = "") -> None: ...


class Phases:
    """Emits Phase events: named phases at once, counted ones only when they last, twice a second at most.

    ``sink`` takes whatever else is to be told. ``check`` may raise to end what is going on; each report of a counted
    phase asks it.
    """

    def __init__(self, sink: Sink, check: Callable[[], None] = lambda: None) -> None:
        self.sink, self.check = sink, check
        self._shown = ""

    def begin(self, name: str, message: str) -> None:
        """Say that ``name`` is going on now, unless that was the last thing said."""
        if name != self._shown:
            self._shown = name
            self.sink(ev.Phase(name=name, message=message))

    def progress(self, name: str, message: str, unit: str = "") -> Report:
        """Gives a Report; what is over within half a second is never mentioned."""
        last_t = time.monotonic()

        def report(done: float, total: float | None, words: str = "") -> None:
            nonlocal last_t
            self.check()
            now = time.monotonic()
            ended = done == total and self._shown == name
            if now - last_t < _MOST_OFTEN_S and not ended:
                return
            last_t, self._shown = now, name
            self.sink(ev.Phase(name=name, message=words or message, done=done, total=total, unit=unit))

        return report
