"""Work beside a screen, in a thread that waits for a child process: how it tells that it got on, and how it is left."""

from __future__ import annotations

from textual.message import Message


class Advanced(Message):
    """It got on: what it does, and the share that is done, None where nobody knows."""

    def __init__(self, said: str, share: float | None = None) -> None:
        super().__init__()
        self.said, self.share = said, share

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Advanced)


class Cancelled(Exception):
    """Raised inside the wait for a child that nobody waits for any more."""
