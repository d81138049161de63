"""Words that do something when they are clicked; they look like any others."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import Reactive
from textual.style import Style
from textual.widgets import Static

_BETWEEN = "   "


def acts(words: Content, action: str) -> Content:
    """``words`` which run ``action`` on a click, in a Clickable; "" for none."""
    return words.stylize(Style.from_meta({"@click": action})) if action else words


class Clickable(Static):
    """Holds such words; Textual itself would underline them as links."""

    auto_links = Reactive(False)


class Hints(Clickable):
    """A line that says what keys do, three blanks apart; a click on a part runs its action of ``actions``."""

    def __init__(self, words: str, actions: Sequence[str], classes: str | None = None) -> None:
        super().__init__(hints(words, actions), classes=classes)


def hints(words: str, actions: Sequence[str]) -> Content:
    """The line of a Hints, for words that change."""
    parts = words.split(_BETWEEN)
    said = [
        acts(Content(part), f"screen.{action}" if action else "") for part, action in zip(parts, actions, strict=True)
    ]
    return Content(_BETWEEN).join(said)
