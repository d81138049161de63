"""What a list is to be narrowed to: one line of text above it, which narrows it while it is typed."""

from __future__ import annotations

from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.widgets.form import Entry


class Narrowed(Protocol):
    """Who has the list; told at once, so that the list is narrowed before what is pressed next."""

    def narrow(self, wanted: str) -> None:
        """Show only what holds ``wanted``."""

    def move_to(self, by: int) -> None:
        """The cursor goes ``by`` so many lines, and stays in the list."""

    def leave_filter(self, clears: bool) -> None:
        """The words are whole, or are to be forgotten."""


class Filter(Entry):
    """Enter goes to the list and keeps the words, Esc shows all lines again; the arrows move in the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,tab", "leave(False)", show=False),
        Binding("escape", "leave(True)", show=False),
        *(
            Binding(key, f"move({by})", show=False)
            for key, by in (("up", -1), ("down", 1), ("pageup", -10), ("pagedown", 10))
        ),
    ]
    DEFAULT_CSS = """
    Filter { height: 1; border: none; padding: 0 2; background: $background; }
    Filter:focus { border: none; background: $background; }
    """

    def __init__(self, listing: Narrowed, wanted: str, about: str) -> None:
        super().__init__(wanted, placeholder=about, select_on_focus=False)
        self._listing = listing
        self.cursor_blink = False

    def watch_value(self, value: str) -> None:
        if self.is_attached:
            self._listing.narrow(value.strip())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def action_leave(self, clears: bool) -> None:
        self._listing.leave_filter(clears)

    def action_move(self, by: int) -> None:
        self._listing.move_to(by)
