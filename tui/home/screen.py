"""Home: the runs there are, and how to start something new."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen

from tui import keys, messages
from tui.widgets.bars import KeyBar, TopLine


class HomeScreen(Screen[None]):
    BINDINGS = keys.bindings(keys.HOME)

    def compose(self) -> ComposeResult:
        yield TopLine("tunedeck")
        yield KeyBar(keys.in_bar(keys.HOME, keys.EVERYWHERE))

    def action_new(self) -> None:
        self.post_message(messages.WizardAsked())
