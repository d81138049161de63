"""What a mix is called and how many rows of each task it is asked: a small form over the mix screen."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.messages.catalogue import text
from tui import keys
from tui.widgets.form import FormButton, FormField
from tui.widgets.whole import WholeScreen


class Options(NamedTuple):
    """``name`` of the mix, "" for one made of its parents'; ``rows`` of each task: 0 all, None as each run has it."""

    name: str = ""
    rows: int | None = None


class OptionsScreen(WholeScreen, ModalScreen[Options | None]):
    """Asks for both, beginning with those of now. Gives None where nothing is to change."""

    AUTO_FOCUS = "Input"
    BINDINGS = keys.bindings(keys.CHAT_DIALOG)
    KEY_TABLES: ClassVar = (("widgets.keys", keys.CHAT_DIALOG),)
    DEFAULT_CSS = "OptionsScreen .dialog-buttons { margin-top: 1; }"
    LEFT_BESIDE = False

    def __init__(self, now: Options, default_name: str) -> None:
        super().__init__()
        self._now, self._default_name = now, default_name

    def compose(self) -> ComposeResult:
        rows = "" if self._now.rows is None else str(self._now.rows)
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(text("mixes.options-title"), markup=False, classes="dialog-title")
            yield FormField("name", text("mixes.name"), self._now.name or self._default_name)
            yield FormField("rows", text("mixes.rows"), rows, hint=text("evaluate.count-hint"))
            with Horizontal(classes="dialog-buttons"):
                yield FormButton(text("mixes.options-take"), id="take")
                yield FormButton(text("keys.cancel-leave"), id="cancel")

    def _field(self, name: str) -> FormField:
        return next(field for field in self.query(FormField) if field.name == name)

    @on(FormButton.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(None)

    @on(FormField.Submitted)
    @on(FormButton.Pressed, "#take")
    def action_accept(self) -> None:
        given, name = self._field("rows").text.strip(), self._field("name").text.strip()
        if given and not given.isdecimal():
            self._field("rows").show_error(text("evaluate.count-wrong"))
            return
        self.dismiss(Options("" if name == self._default_name else name, int(given) if given else None))
