"""Sharing an exported adapter on the hub: where to, who sees it, and what would be sent."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.app.hub_push import Push, plan_push
from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs.exports import Export
from tui import keys
from tui.widgets.form import FormButton, FormField
from tui.widgets.line import Prose
from tui.widgets.whole import WholeScreen


class PushScreen(WholeScreen, ModalScreen[Push | None]):
    """Asks for the repository of ``made``, an exported adapter. Gives what is to be sent, None for nothing."""

    CSS_PATH: ClassVar = ["export.tcss"]
    AUTO_FOCUS = "Input"
    BINDINGS = keys.bindings(keys.CHAT_DIALOG)
    KEY_TABLES: ClassVar = (("widgets.keys", keys.CHAT_DIALOG),)
    LEFT_BESIDE = False

    def __init__(self, made: Export) -> None:
        super().__init__()
        self._made = made
        self._seen = [text("hub.seen-private"), text("hub.seen-public")]

    def compose(self) -> ComposeResult:
        files = ", ".join(f"{clean(name)} ({formats.size(size)})" for name, size in self._made.files.items())
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(text("hub.push-title"), markup=False, classes="dialog-title")
            yield FormField("repo", text("hub.repository"), "", about=text("hub.repository-about"))
            yield FormField("seen", text("hub.seen"), self._seen[0], options=self._seen)
            yield Prose(text("hub.files", files=files), classes="dialog-text")
            yield Prose(text("hub.read-card", card=f"{self._made.path}/README.md"), classes="dialog-text")
            yield Prose("", classes="push-trouble")
            with Horizontal(classes="dialog-buttons"):
                yield FormButton(text("hub.push"), id="push")
                yield FormButton(text("keys.cancel-leave"), id="cancel")

    def _field(self, name: str) -> FormField:
        return next(field for field in self.query(FormField) if field.name == name)

    @on(FormButton.Pressed, "#cancel")
    def action_cancel(self) -> None:
        self.dismiss(None)

    @on(FormField.Submitted)
    @on(FormButton.Pressed, "#push")
    def action_accept(self) -> None:
        try:
            planned = plan_push(
                self._made, self._field("repo").text.strip(), self._seen.index(self._field("seen").text) == 0
            )
        except TunedeckError as error:
            trouble = self.query_one(".push-trouble", Prose)
            trouble.words = clean(error.said, keep_newlines=False)
            trouble.refresh(layout=True)
            return
        self.dismiss(planned)
