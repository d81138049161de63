"""An export that runs beside the screen: files first, then their proof, in a thread that can be stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    from engine.app.export import Plan
    from engine.runs.evaluations import Evaluation
    from engine.runs.exports import Export

_TOLD_EVERY_S = 0.3


class Exported(Message):
    """The files stand; their proof begins."""


class Ended(Message):
    """It is over. ``made`` is None where nothing was exported; ``problem`` is of the export then, else of the proof."""

    def __init__(
        self, made: Export | None = None, proof: Evaluation | None = None, problem: TunedeckError | None = None,
        was_stopped: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.made, self.proof, self.problem, self.was_stopped = made, proof, problem, was_stopped


def carry_out(plan: Plan, screen: MessagePump) -> None:
    """Export and prove in a thread worker; posts Advanced, Exported and Ended to ``screen``."""
    from engine.app import evaluate, export
    from engine.app.export_proof import proof_request, prove

    worker = get_current_worker()

    def on_silence() -> None:
        if worker.is_cancelled:
            raise Cancelled

    on_progress, made = _telling(screen, on_silence), None
    try:
        made = export.export(plan, on_progress, on_silence)
        asked = proof_request(made, plan.run)
        if asked is None or plan.run is None:
            screen.post_message(Ended(made))
            return
        screen.post_message(Exported())
        made, proof = prove(made, plan.run, asked, on_progress, on_silence)
        screen.post_message(Ended(made, proof))
    except (Cancelled, evaluate.Stopped):
        screen.post_message(Ended(made, was_stopped=True))
    except TunedeckError as error:
        screen.post_message(Ended(made, problem=error))


def _telling(screen: MessagePump, check: Callable[[], None]) -> Callable[[int, int | None, Said], None]:
    told, before, pace = 0.0, "", Pace()

    def on_progress(done: int, total: int | None, message: Said) -> None:
        nonlocal told, before
        check()
        said = words.said(message)
        timed = pace.timed(Progress(done, total or 0, said)).timed(said)
        if said == before and time.monotonic() - told < _TOLD_EVERY_S and done != total:
            return
        told, before = time.monotonic(), said
        screen.post_message(Advanced(timed, done / total if total else None))

    return on_progress
