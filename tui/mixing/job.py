"""A mix that is made and measured beside the screen: in a thread that waits for a child process, and can be stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from tui import words
from tui.widgets.beside import Advanced, Cancelled

if TYPE_CHECKING:
    from engine.app.mix import Plan
    from engine.runs.directory import RunDir
    from engine.runs.mixes import Mix

_TOLD_EVERY_S = 0.5


class Ended(Message):
    """It is over: measured, with an error, or stopped with so many answers ``kept``."""

    def __init__(
        self, run: RunDir | None = None, mix: Mix | None = None, problem: TunedeckError | None = None, kept: int = 0
    ) -> None:
        super().__init__()
        self.run, self.mix, self.problem, self.kept = run, mix, problem, kept


def carry_out(plan: Plan, screen: MessagePump, name: str = "", rows: int | None = None) -> None:
    """Make the mix called ``name`` and measure it on ``rows`` of each task, as ``engine.app.mix`` says.

    Waits for the child in a thread worker, and posts Advanced and Ended to ``screen``.
    """
    from engine.app import mix as mixing
    from engine.app.evaluate import Stopped

    worker, told, run = get_current_worker(), 0.0, None

    def on_silence() -> None:
        if worker.is_cancelled:
            raise Cancelled

    def on_progress(done: int, total: int | None, message: Said) -> None:
        nonlocal told
        on_silence()
        if time.monotonic() - told < _TOLD_EVERY_S and done != total:
            return
        told = time.monotonic()
        count = text("draft.count-of", done=done, total=total) if total else ""
        screen.post_message(Advanced(" ".join(part for part in (words.said(message), count) if part)))

    try:
        run = mixing.candidate(plan, name)
        screen.post_message(Ended(run, mixing.measure(plan, run, on_progress, on_silence=on_silence, rows=rows)))
    except (Cancelled, Stopped):
        screen.post_message(Ended(run, kept=mixing.answers_in(run) if run else 0))
    except TunedeckError as error:
        screen.post_message(Ended(run, problem=error))
