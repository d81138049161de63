"""The mix on one line, under the list of sources in the data step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on, work
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from tui.draft import mix_sources as sources
from tui.wizard.mix import draw

if TYPE_CHECKING:
    from engine.data.mixing.source_figures import SourceFigures
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


class MixLine(Static):
    """Hidden while there is one source. What is not known of a source is guessed from its head; posts Guessed then."""

    DEFAULT_CSS = "MixLine { height: 1; width: 1fr; padding: 0 0 0 2; }"

    class Guessed(Message):
        """``figures`` of a source were guessed and are in the facts; None where it can't be read."""

        def __init__(self, key: str, figures: SourceFigures | None) -> None:
            super().__init__()
            self.key, self.figures = key, figures

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id, markup=False)
        self.display = False
        self.words = ""
        self._asked: set[str] = set()
        self._draft: Draft | None = None
        self._facts: Facts | None = None

    def show(self, draft: Draft, facts: Facts) -> None:
        self._draft, self._facts = draft, facts
        items = draft.data_sources()
        self.display = len(items) > 1
        dataset = sources.dataset_of(draft)
        for item in items:
            key = sources.guess_key(draft, item)
            if key not in facts.guessed and key not in self._asked:
                self._asked.add(key)
                self._guess(key, lambda item=item: sources.guess_of(item, dataset))
        self._tell()

    def on_resize(self) -> None:
        self._tell()

    def _tell(self) -> None:
        words = ""
        if self.display and self._draft is not None and self._facts is not None:
            words = draw.in_short(sources.board_of(self._draft, self._facts), self.content_size.width or 60)
        if words != self.words:
            self.words = words
            self.update(Content(words))

    @work(thread=True, group="preview")
    def _guess(self, key: str, guess: Callable[[], SourceFigures | None]) -> None:
        self.post_message(self.Guessed(key, guess()))

    @on(Guessed)
    def _guessed(self, event: Guessed) -> None:
        if event.figures is not None and self._facts is not None:
            self._facts.guessed[event.key] = event.figures
            self._tell()
