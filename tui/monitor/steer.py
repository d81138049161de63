"""Send commands to a runner from a thread, and tell when it has answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from engine.runs import control, story
from engine.runs.directory import RunDir
from engine.runs.state import RunState

ASKED: dict[control.Command, str] = {
    "stop": "home.stop-asked", "save": "monitor.save-asked", "pause": "monitor.pause-asked",
    "resume": "monitor.resume-asked", "sample": "monitor.sample-asked", "set": "forgetting.replay-asked",
    "rollback": "steering.rollback-asked",
}  # fmt: skip


class Steering:
    """Remembers which commands of this screen are still unanswered."""

    def __init__(self, run: RunDir, tell: Callable[[str, str], None]) -> None:
        self.run = run
        self._tell = tell
        self._waiting: dict[int, control.Command] = {}
        self._heard: int | None = None

    @property
    def pauses(self) -> bool:
        """Whether a pause was asked for that has not begun."""
        return "pause" in self._waiting.values()

    def note(self, state: RunState) -> str:
        """What was asked for and is still to come, and when."""
        if not self.pauses or state.ended:
            return ""
        return text("monitor.pausing" if state.step and state.state == "running" else "monitor.pausing-first")

    def send(self, command: control.Command, values: dict[str, Any] | None = None) -> None:
        """Write the command with its ``values``; meant for a thread. Every outcome is told."""
        try:
            seq = control.send(self.run, command, values)
        except TunedeckError as error:
            self._tell(str(error), "error")
            return
        self._waiting[seq] = command
        is_rate = "rate" in (values or {})
        self._tell(text("steering.rate-asked" if is_rate else ASKED[command]), "information")

    def heard(self, state: RunState) -> None:
        """Tell the runner's answers that came with ``state``, also those to commands that others gave meanwhile."""
        if self._heard is not None:
            for seq in [seq for seq in state.acks if seq > (self._heard or 0) and seq not in self._waiting]:
                self._tell(text(story.answer_to(state.acks[seq])), "information")
        self._heard = max(state.acks, default=0)
        answered = max((seq for seq in self._waiting if seq in state.acks), default=0)
        for seq in list(self._waiting):
            ack = state.acks.get(seq)
            if ack is not None:
                del self._waiting[seq]
                self._tell(text(story.answer(ack)), "information" if ack.ok else "warning")
            elif state.ended or seq < answered:  # answers come in order: this one was never read
                del self._waiting[seq]
