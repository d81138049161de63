"""Tells the log what a run is busy with, often enough to watch and seldom enough to keep the log small."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

from engine.messages.message import Message
from engine.runs import events as ev

Unit = Literal["", "bytes", "rows", "batches", "answers", "steps"]
MESSAGES = {
    "import": "events.importing", "download": "events.downloading", "merge": "events.merging",
    "prove": "events.proving", "read": "events.reading", "fetch": "events.fetching", "tokenise": "events.tokenising",
    "wait": "events.waiting-for-rows", "load": "events.loading", "join": "events.joining",
    "rehearsal": "events.rehearsing", "evaluate before": "events.evaluating-before",
    "evaluate during": "events.evaluating", "evaluate after": "events.evaluating-after",
    "evaluate test before": "events.testing-before", "evaluate test after": "events.testing-after",
    "answer before": "events.answering", "answer during": "events.answering", "answer after": "events.answering",
    "answer": "events.answering-as", "answer base": "events.answering-as", "answer few-shot": "events.answering-as",
    "answer old-adapter": "events.answering-as", "answer tuned": "events.answering-as",
    "forgetting": "forgetting.measuring", "train": "events.training", "score": "user-metric.scoring",
    "measure": "strength.measuring-loss", "tasks": "evaluate.running-tasks", "judge": "judge.judging",
}  # fmt: skip
"""The phases of a run by their names in its log, and what is said of each."""

Sink = Callable[[ev.Event], None]
_MOST_OFTEN_S = 0.5


class Report(Protocol):
    """Tells how far a counted phase is, and in the place of what is said of the phase ``message`` where given."""

    def __call__(self, done: float, total: float | None, message: Message | str = "") -> None: ...


class Phases:
    """Emits Phase events: named phases at once, counted ones only when they last, twice a second at most.

    ``sink`` takes whatever else is to be told. ``check`` may raise to end what is going on; each report of a counted
    phase asks it.
    """

    def __init__(self, sink: Sink, check: Callable[[], None] = lambda: None) -> None:
        self.sink, self.check = sink, check
        self._shown = ""

    def begin(self, name: str, **args: Any) -> None:
        """Say that ``name``, one of ``MESSAGES``, is going on now, unless that was the last thing said."""
        if name != self._shown:
            self._shown = name
            self.sink(ev.Phase(name=name, message=Message(MESSAGES[name], **args)))

    def progress(self, name: str, unit: Unit = "", **args: Any) -> Report:
        """Gives a Report; what is over within half a second is never mentioned."""
        said = Message(MESSAGES[name], **args)
        last_t = time.monotonic()

        def report(done: float, total: float | None, message: Message | str = "") -> None:
            nonlocal last_t
            self.check()
            now = time.monotonic()
            ended = done == total and self._shown == name
            if now - last_t < _MOST_OFTEN_S and not ended:
                return
            last_t, self._shown = now, name
            self.sink(
                ev.Phase(
                    name=name,
                    message=Message.from_json(message) if message else said,
                    done=done,
                    total=total,
                    unit=unit,
                )
            )

        return report
