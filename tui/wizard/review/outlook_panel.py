"""Time and disk on the review, and the probe that measures the time by three real steps."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial

from textual import work
from textual.message import Message

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui.draft.child import Progress, Unavailable, ask
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.flow.outlook import Row, rows
from tui.widgets.line import Drawn
from tui.wizard.pairs import pairs

_LABEL = 6


class OutlookPanel(Drawn):
    """``show`` works its rows out anew; ``measure`` runs the probe and posts Measured when it is through."""

    DEFAULT_CSS = "OutlookPanel { max-height: 7; }"

    class Measured(Message):
        """The probe ended: ``words`` say how, "" when it measured."""

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.busy = False
        self._doing = ""
        self._known: list[Row] = []
        self._shown: list[Row] | None = None

    def show(self, draft: Draft, facts: Facts, free_bytes: int | None, whole: bool) -> None:
        """``whole``: there is room for the tokens, the rate, and what merging takes later."""
        self._known = rows(draft, facts, free_bytes, whole)
        self._draw()

    def measure(self, command: tuple[str, ...], config_text: str) -> None:
        """Train three steps of this config in a child process and keep nothing but their pace."""
        self.busy = True
        self._do(text("review.measure-starting"))
        self._probe(command, config_text)
        self.screen.refresh_bindings()

    def stop(self) -> None:
        """End the probe."""
        if self.busy:
            self.workers.cancel_group(self, "probe")
            self._finish(text("review.measure-cancelled"))

    @work(group="probe", exclusive=True)
    async def _probe(self, command: tuple[str, ...], config_text: str) -> None:
        words = ""
        try:
            async with aclosing(ask(command, config_text)) as answers:
                async for said in answers:
                    if isinstance(said, Progress):
                        self._do(said.text)
                    elif isinstance(said, Unavailable):
                        words = text("review.not-measured", reason=said.message)
        except TunedeckError as error:
            words = error.said
        self._finish(words)

    def _finish(self, words: str) -> None:
        self.busy = False
        self._do("")
        self.post_message(self.Measured(words))
        self.screen.refresh_bindings()

    def _do(self, doing: str) -> None:
        self._doing = doing
        self._draw()

    def _draw(self) -> None:
        """What is being done stays in sight while the machine is read and the fit worked out anew."""
        time = text("review.label-time")
        doing = [(time, text("review.measuring", what=self._doing))] if self._doing else []
        told = [*doing, *(row for row in self._known if not doing or row[0] != time)]
        if told != self._shown:
            self._shown = told
            self.draw(partial(pairs, told, _LABEL))
