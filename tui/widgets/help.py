"""The help: what a screen is for and every key it has, made from the one table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui import keys
from tui.keys import Key
from tui.widgets.whole import WholeScreen


class HelpScreen(WholeScreen, ModalScreen[None]):
    """``about`` teaches in two to six sentences; ``tables`` are the keys that work on the asking screen."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS = [  # noqa: RUF012
        Binding("escape,question_mark,f1,enter,q", "dismiss", "Close"),
        Binding("ctrl+q", "app.quit", "Quit"),
    ]

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
            yield Static("Esc closes this. Up and down read on.", classes="muted")

    async def action_dismiss(self, result: None = None) -> None:
        self.dismiss(result)


def _table(title: str, table: Sequence[Key]) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(min_width=6)
    rows.add_column()
    for key in table:
        rows.add_row(Text(f"  {key.shown}", style="bold"), key.tooltip)
    return Group(Text(title, style="bold"), rows)
