"""Home before the first run: what tunedeck does, and the keys to begin with."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.bars import KeyRow
from tui.widgets.line import Prose
from tui.widgets.panel import Panel

_KEYS = ("demo", "new", "help")


class FirstSteps(Container):
    """A card in the middle of the screen."""

    def compose(self) -> ComposeResult:
        table = {key.id: key for key in (*keys.HOME, *keys.EVERYWHERE)}
        yield Panel(
            text("home.start-new"), Prose(text("home.empty")), *(KeyRow(table[name]) for name in _KEYS), id="card"
        )
