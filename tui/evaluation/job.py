"""An evaluation that runs beside the screen: in a thread that waits for a child process, and can be stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump
from textual.worker import get_current_worker

from engine.common.errors import TunedeckError
from engine.messages.message import Message as Said
from tui import words
from tui.draft.child import Pace, Progress
from tui.widgets.beside import Advanced, Cancelled

if TYPE_CHECKING:
    from engine.runs.evaluation_request import EvaluationRequest
    from engine.runs.evaluations import Evaluation

_TOLD_EVERY_S = 0.5
_SECONDS_GO_ON_S = 1.0


class Ended(Message):
    """It is over: with a result, with an error, or stopped by the person with so many answers kept."""

    def __init__(
        self, found: Evaluation | None = None, problem: TunedeckError | None = None, kept: int | None = None
    ) -> None:
        super().__init__()
        self.found, self.problem, self.kept = found, problem, kept


def carry_out(asked: EvaluationRequest, screen: MessagePump) -> None:
    """Wait for the child of ``asked`` in a thread worker, and post Advanced and Ended to ``screen``."""
    from pathlib import Path

    from engine.app import evaluate
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import folder

    worker, pace, told = get_current_worker(), Pace(), time.monotonic()

    def tell(said: Progress, every_s: float) -> None:
        nonlocal told
        if worker.is_cancelled:
            raise Cancelled
        if time.monotonic() - told >= every_s:
            told = time.monotonic()
            screen.post_message(Advanced(said.text))

    def on_silence() -> None:
        tell(pace.timed(), _SECONDS_GO_ON_S)

    def on_progress(done: int, total: int | None, message: Said) -> None:
        tell(pace.timed(Progress(done, total or 0, words.said(message))), 0.0 if done == total else _TOLD_EVERY_S)

    try:
        screen.post_message(Ended(evaluate.run_request(asked, on_progress, on_silence=on_silence)))
    except (Cancelled, evaluate.Stopped):
        kept = evaluate.kept_in(folder(RunDir(Path(asked.run)), asked.name))
        screen.post_message(Ended(kept=kept))
    except TunedeckError as error:
        screen.post_message(Ended(problem=error))
