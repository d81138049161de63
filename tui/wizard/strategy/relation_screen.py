"""All that was measured of how new rows relate to what an old adapter has learnt, and what follows from it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.messages.catalogue import text
from tui import keys
from tui.draft.relation import CONFIDENCE, VERDICTS, WAYS, Measured
from tui.widgets.clickable import Hints
from tui.widgets.whole import WholeScreen


class RelationScreen(WholeScreen, ModalScreen[bool]):
    """Dismissed with True to measure again."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f9,enter,q", "leave(False)", "Close"),
        Binding("m", "leave(True)", "Measure again"),
        *keys.over_dialog("help", "copy", "quit"),
    ]

    def __init__(self, found: Measured, chosen: str) -> None:
        super().__init__()
        self._found, self._chosen = found, chosen

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(text("strategy.relation-title"), markup=False, classes="dialog-title")
            for paragraph in told(self._found, self._chosen):
                yield Static(Content(paragraph), classes="dialog-text")
            yield Hints(text("strategy.relation-keys"), ("leave(False)", "leave(True)", "help"), classes="muted")

    def copied(self) -> str:
        return "\n\n".join(told(self._found, self._chosen))

    def action_leave(self, again: bool) -> None:
        self.dismiss(again)


def told(found: Measured, chosen: str) -> list[str]:
    """Verdict, figures, confidence, and what would change it: a paragraph each."""
    advice, relation = found.advice, found.relation
    said = {"verdict": text(VERDICTS[advice.verdict]), "way": text(WAYS[advice.strategy])}
    measured = {"confidence": text(CONFIDENCE[advice.confidence]), "new": relation.new_rows}
    return [
        text("strategy.relation-verdict", **said)
        if advice.strategy == chosen
        else text("strategy.relation-verdict-differs", **said, chosen=text(WAYS[chosen])),
        "\n".join(f"- {text(reason)}" for reason in advice.reasons),
        text("strategy.relation-measured-both", **measured, old=relation.old_rows)
        if relation.old_rows
        else text("strategy.relation-measured", **measured),
        text("strategy.relation-change", what=advice.would_change),
    ]
