"""The line that says how many models there are, and how far the fetching of another one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from engine.messages.message import Message as Doing
from tui.draft.services import STARTER
from tui.flow import describe
from tui.widgets.beside import Advanced, Cancelled

if TYPE_CHECKING:
    from engine.models.card import ModelCard
    from tui.draft.services import Services


class FetchLine(Static):
    """Looks a model's name up, fetches it if need be, and says so. Posts Looked once it is through, unless stopped."""

    class Looked(Message):
        """A typed name was looked up, or the starter fetched: ``card``, or ``error`` why there is none."""

        def __init__(self, name: str, card: ModelCard | None, error: TunedeckError | None, go_on: bool) -> None:
            super().__init__()
            self.name, self.card, self.error, self.go_on = name, card, error, go_on

    def __init__(self, services: Services, id: str) -> None:
        super().__init__(Content(text("wizard-model.searching")), id=id, classes="quiet")
        self._services = services
        self.job = ""
        """Code of what is under way; "" for nothing."""

    def start(self, name: str, revision: str, allow_pickle: bool, go_on: bool) -> None:
        """Look ``name`` up; ``go_on`` travels with the answer."""
        fetches = name == STARTER
        self.job = "wizard-model.fetching" if fetches else "wizard-model.looking-up"
        self.say(text("wizard-model.fetching-name" if fetches else "wizard-model.looking-up-name", name=name))
        self._work(name, revision, allow_pickle, go_on)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """Give a fetch up; what was fetched so far stays, and the next one goes on from there."""
        self.workers.cancel_group(self, "look-up")
        self._ended()

    def say(self, words: str, wrong: bool = False) -> None:
        self.update(Content(("! " if wrong else "") + clean(words, keep_newlines=False)))
        self.set_class(wrong, "wrong")

    @work(thread=True, group="look-up", exclusive=True)
    def _work(self, name: str, revision: str, allow_pickle: bool, go_on: bool) -> None:
        worker = get_current_worker()

        def progress(done: int, total: int | None, message: Doing) -> None:
            if worker.is_cancelled:
                raise Cancelled
            self.post_message(Advanced(describe.progress(done, total, text(message))))

        card, error = None, None
        try:
            card = self._services.get_model(name, revision, allow_pickle, progress)
        except Cancelled:
            return
        except TunedeckError as problem:
            error = problem
        if not worker.is_cancelled:
            self.post_message(self.Looked(name, card, error, go_on))

    @on(Advanced)
    def _advanced(self, event: Advanced) -> None:
        event.stop()
        if self.job:
            self.say(text("wizard-model.advanced", progress=event.said))

    @on(Looked)
    def _looked(self) -> None:
        self._ended()

    def _ended(self) -> None:
        self.job = ""
        self.screen.refresh_bindings()
