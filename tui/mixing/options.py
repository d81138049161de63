"""What a mix is called and how many rows of each task it is asked: a small form over the mix screen."""

from __future__ import annotations

from typing import NamedTuple

from textual.app import ComposeResult

from engine.messages.catalogue import text
from tui.widgets.form import FormField
from tui.widgets.form_dialog import FormDialog


class Options(NamedTuple):
    """``name`` of the mix, "" for one made of its parents'; ``rows`` of each task: 0 all, None as each run has it."""

    name: str = ""
    rows: int | None = None


class OptionsScreen(FormDialog[Options | None]):
    """Asks for both, beginning with those of now. Gives None where nothing is to change."""

    HEADING, ACCEPT = "mixes.options-title", "mixes.options-take"

    def __init__(self, now: Options, default_name: str) -> None:
        super().__init__()
        self._now, self._default_name = now, default_name

    def fields(self) -> ComposeResult:
        rows = "" if self._now.rows is None else str(self._now.rows)
        yield FormField("name", text("mixes.name"), self._now.name or self._default_name)
        yield FormField("rows", text("mixes.rows"), rows, hint=text("evaluate.count-hint"))

    def action_accept(self) -> None:
        given, name = self.field("rows").text.strip(), self.field("name").text.strip()
        if given and not given.isdecimal():
            self.field("rows").show_error(text("evaluate.count-wrong"))
            return
        self.dismiss(Options("" if name == self._default_name else name, int(given) if given else None))
