"""A small form over a screen."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.form import FormButton, FormField
from tui.widgets.whole import WholeScreen

Given = TypeVar("Given")


class FormDialog(WholeScreen, ModalScreen[Given], Generic[Given]):
    """Enter in a field and its own button accept it, Esc and the other button give ``NOTHING``."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar = [*keys.bindings(keys.CHAT_DIALOG), *keys.over_dialog("help", "copy", "quit")]
    KEY_TABLES: ClassVar = (("widgets.keys", keys.CHAT_DIALOG),)
    LEFT_BESIDE = False
    HEADING, ACCEPT = "", ""
    """Codes of the title and of the button."""
    NOTHING: ClassVar[Any] = None

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(text(self.HEADING), markup=False, classes="dialog-title")
            yield from self.fields()
            with Horizontal(classes="dialog-buttons"):
                yield FormButton(text(self.ACCEPT), id="accept")
                yield FormButton(text("keys.cancel-leave"), id="cancel")

    def fields(self) -> ComposeResult:
        """What stands between the title and the buttons."""
        raise NotImplementedError

    def field(self, name: str) -> FormField:
        return next(field for field in self.query(FormField) if field.name == name)

    @on(FormButton.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(self.NOTHING)

    @on(FormField.Submitted)
    @on(FormButton.Pressed, "#accept")
    def _accepted(self) -> None:
        self.action_accept()

    def action_accept(self) -> None:
        """Dismiss with what the fields say, or say what is wrong with them."""
        raise NotImplementedError
