"""Asking a model whether it is base or chat, and what it said, on screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui import keys
from tui.draft.child import Progress, Result, ask
from tui.flow.kind import told
from tui.widgets.clickable import Hints
from tui.widgets.whole import WholeScreen


class KindPanel(Static):
    """Asks the model in a child process; ``say`` gets progress and failures. Posts Answered with what it said."""

    DEFAULT_CSS = "KindPanel { display: none; }"

    class Said(Message):
        """How far it is, or why there is no answer."""

        def __init__(self, words: str, wrong: bool = False) -> None:
            super().__init__()
            self.words, self.wrong = words, wrong

    class Answered(Message):
        """The child's result."""

        def __init__(self, values: dict[str, Any]) -> None:
            super().__init__()
            self.values = values

    busy = False

    def start(self, command: tuple[str, ...], config_text: str) -> None:
        self.busy = True
        self.post_message(self.Said(text("wizard-model.test-starting")))
        self._ask(command, config_text)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give it up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "kind")
            self._end(text("wizard-model.test-cancelled"))

    @work(group="kind", exclusive=True)
    async def _ask(self, command: tuple[str, ...], config_text: str) -> None:
        try:
            async for said in ask(command, config_text):
                if isinstance(said, Progress):
                    self.post_message(self.Said(text("wizard-model.test-progress", what=said.text)))
                elif isinstance(said, Result):
                    self._end("")
                    self.post_message(self.Answered(said.values))
                else:
                    self._end(text("wizard-model.test-refused", reason=said.message))
        except TunedeckError as error:
            self._end(error.said, wrong=True)

    def _end(self, words: str, wrong: bool = False) -> None:
        self.busy = False
        self.post_message(self.Said(words, wrong))
        self.screen.refresh_bindings()


class KindScreen(WholeScreen, ModalScreen[str]):
    """Dismissed with base or chat when a person takes that verdict over, else with ""."""

    AUTO_FOCUS = "VerticalScroll"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,f5", "take('')", "Close"),
        Binding("b", "take('base')", "It is base"),
        Binding("c", "take('chat')", "It is chat"),
        *keys.over_dialog("help", "copy", "quit"),
    ]

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self._values = values

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog"):
            yield Static(text("wizard-model.verdict-title"), markup=False, classes="dialog-title")
            for paragraph in told(self._values):
                yield Static(Content(paragraph), classes="dialog-text")
            takes = ("take('base')", "take('chat')", "help", "take('')")
            yield Hints(text("wizard-model.verdict-keys"), takes, classes="muted")

    def copied(self) -> str:
        return "\n\n".join(told(self._values))

    def action_take(self, kind: str) -> None:
        self.dismiss(kind)
