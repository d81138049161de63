"""The comparison of new rows with what an old adapter has learnt, on screen: progress, the verdict, a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.message import Message

from engine.common.errors import ConfigError, TunedeckError
from engine.messages.catalogue import text
from tui.draft.child import Progress
from tui.draft.draft import Draft
from tui.draft.relation import Measured, asked, compare, key_of, line
from tui.widgets.line import Prose
from tui.wizard.strategy.relation_screen import RelationScreen

if TYPE_CHECKING:
    from tui.draft.facts import Facts


class RelationPanel(Prose):
    """Nothing to see until there is something to say. Posts Ended once the child is through, whatever came of it."""

    DEFAULT_CSS = "RelationPanel { height: auto; max-height: 4; width: 1fr; padding: 0 0 0 2; display: none; }"

    class Ended(Message):
        """``measured`` is None when it was stopped or could not be told."""

        def __init__(self, measured: Measured | None) -> None:
            super().__init__()
            self.measured = measured

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.busy = False

    def ask(self, command: tuple[str, ...], draft: Draft, facts: Facts) -> None:
        """Show what was measured of these rows, from where it can be measured again; else measure it."""
        found = facts.measured_of(draft)
        if found is None:
            self.start(command, draft)
            return

        def again(wanted: bool | None) -> None:
            if wanted:
                self.start(command, draft)

        self.app.push_screen(RelationScreen(found, str(draft.get("strategy.kind"))), again)

    def start(self, command: tuple[str, ...], draft: Draft) -> None:
        """Compare the draft's new rows; a comparison under way is given up."""
        try:
            config = asked(draft)
        except ConfigError as error:
            why = str(error.issues[0]) if error.issues else error.title
            self.say(text("strategy.compare-refused", reason=why), wrong=True)
            return
        self.busy = True
        self.say(text("strategy.compare-starting"))
        self._compare(command, config, key_of(draft), str(draft.get("strategy.kind")))
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give the comparison up; the child is ended."""
        if self.busy:
            self.workers.cancel_group(self, "relation")
            self._finish(text("strategy.compare-cancelled"), None)

    def say(self, words: str, wrong: bool = False) -> None:
        """Show ``words``; "" takes the panel away."""
        self.set_class(wrong, "wrong")
        if words != self.words:
            self.words = words
            self.display = bool(words)
            self.refresh(layout=True)

    @work(group="relation", exclusive=True)
    async def _compare(self, command: tuple[str, ...], config_text: str, key: str, chosen: str) -> None:
        try:
            async for said in compare(command, config_text, key):
                if isinstance(said, Progress):
                    self.say(text("strategy.compare-progress", what=said.text))
                elif isinstance(said, Measured):
                    self._finish(line(said, chosen), said)
                else:
                    self._finish(text("strategy.not-compared", reason=said.message), None)
        except TunedeckError as error:
            self._finish(text("strategy.error", reason=error.reason), None, wrong=True)

    def _finish(self, words: str, measured: Measured | None, wrong: bool = False) -> None:
        self.busy = False
        self.say(words, wrong)
        self.post_message(self.Ended(measured))
        self.screen.refresh_bindings()
