"""Sharing an exported adapter on the hub: where to, who sees it, and what would be sent."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from engine.app.hub_push import Push, files_of, local_base, plan_push
from engine.common.errors import TunedeckError
from engine.messages import formats
from engine.messages.catalogue import text
from engine.runs.exports import Export
from tui.widgets.form import FormField
from tui.widgets.form_dialog import FormDialog
from tui.widgets.line import Prose


class PushScreen(FormDialog[Push | None]):
    """Asks for the repository of ``made``, an exported adapter. Gives what is to be sent, None for nothing."""

    CSS_PATH: ClassVar = ["export.tcss"]
    HEADING, ACCEPT = "hub.push-title", "hub.push"

    def __init__(self, made: Export) -> None:
        super().__init__()
        self._made = made

    def fields(self) -> ComposeResult:
        sent, base = files_of(self._made), local_base(self._made)
        files = [text("metric-words.beside", value=name, about=formats.size(size)) for name, size in sent.items()]
        yield FormField("repo", text("hub.repository"), "", about=text("hub.repository-about"))
        yield FormField("seen", text("hub.seen"), options=[text("hub.seen-private"), text("hub.seen-public")])
        total = text("hub.files", count=len(sent), size=sum(sent.values()), files=files)
        yield Prose(total, classes="dialog-text")
        if base:
            yield Prose(f"! {text('hub.local-base', base=base)}", classes="dialog-text")
        yield Prose(text("hub.read-card", card=f"{self._made.path}/README.md"), classes="dialog-text")

    def action_accept(self) -> None:
        try:
            planned = plan_push(self._made, self.field("repo").text.strip(), self.field("seen").picked == 0)
        except TunedeckError as error:
            self.field("repo").show_error(error.said)  # where it is seen, however long the list of files below
            self.field("repo").focus_control()
            return
        self.dismiss(planned)
