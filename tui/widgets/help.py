"""The help: what a screen is for and every key it has, made from the one table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui import keys
from tui.keys import Key


class HelpScreen(ModalScreen[None]):
    """``about`` teaches in two to six sentences; ``tables`` are the keys that work on the asking screen."""

    BINDINGS = [Binding("escape,question_mark,f1,enter,q", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, title: str, about: str, tables: Sequence[tuple[str, Sequence[Key]]]) -> None:
        super().__init__()
        self._title, self._about, self._tables = title, about, tables

    @classmethod
    def of(cls, screen: Screen[Any]) -> HelpScreen:
        """The help of ``screen``, from its HELP_TITLE, HELP and KEY_TABLES where it has them."""
        tables = (*getattr(screen, "KEY_TABLES", ()), ("Everywhere", keys.EVERYWHERE))
        return cls(getattr(screen, "HELP_TITLE", "Keys"), getattr(screen, "HELP", ""), tables)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(self._title, markup=False, classes="dialog-title")
            if self._about:
                yield Static(self._about, markup=False, classes="dialog-text")
            for title, table in self._tables:
                yield Static(_table(title, table), classes="dialog-text")
            yield Static("Esc closes this.", classes="muted")

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(result)


def _table(title: str, table: Sequence[Key]) -> Text:
    width = max(len(key.shown) for key in table)
    text = Text(title, style="bold")
    for key in table:
        text.append(f"\n  {key.shown:<{width}}  ", style="bold")
        text.append(key.tooltip, style="not bold")
    return text
