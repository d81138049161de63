"""One line that says what the answers so far lead to."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class ConsequenceLine(Static):
    """Always in sight at the foot of the wizard; redrawn only when its words change."""

    DEFAULT_CSS = "ConsequenceLine { height: 1; width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.words = ""

    def say(self, words: str) -> None:
        if words != self.words:
            self.words = words
            self.update(Content(words))
