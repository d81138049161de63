"""What runs are looked for: one line of text above the list, which narrows it while it is typed."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from engine.messages.catalogue import text
from tui.home.runlist import RunList


class Filter(Input):
    """Enter goes to the list and keeps the words, Esc shows all runs again; the arrows move in the list."""

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

    class Left(Message):
        """The words are whole, or are to be forgotten."""

        def __init__(self, clears: bool) -> None:
            super().__init__()
            self.clears = clears

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted, placeholder=text("home.filter-about"), select_on_focus=False)
        self.cursor_blink = False

    def action_leave(self, clears: bool) -> None:
        self.post_message(self.Left(clears))

    def action_move(self, by: int) -> None:
        listing = self.screen.query_one(RunList)
        place = max(0, min(listing.chosen + by, len(listing.runs) - 1))
        listing.action_move(place - listing.chosen) if place != listing.chosen else None
