"""Two lines that say what the answers so far lead to, while no memory can be told."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class ConsequenceLine(Static):
    """At the foot of the wizard; redrawn only when its words change."""

    DEFAULT_CSS = "ConsequenceLine { height: 2; width: 1fr; padding: 0 1; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.words = ""

    def say(self, words: str, note: str = "") -> None:
        """``note`` follows on a line of its own."""
        both = f"{words}\n{note}" if note else words
        if both != self.words:
            self.words = both
            self.update(Content(both))
