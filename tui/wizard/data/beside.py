"""The first rows beside a step that rests on them, in a window that has room for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on, work
from textual.message import Message

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui.draft.draft import Draft
from tui.flow.sources import is_new, key_of, reading_of
from tui.widgets.line import Drawn
from tui.widgets.panel import Panel
from tui.widgets.whole import Whole
from tui.wizard.data.text import first_rows

if TYPE_CHECKING:
    from engine.data.files.preview import Preview

STEPS = ("settings", "review")
_ROWS = 5
_HEIGHT = 14


class RowsBeside(Whole, Panel):
    """The rows of the draft's first new source. It is looked into once, and again when it is read in another way."""

    class Read(Message):
        """``key`` says how the source was read."""

        def __init__(self, key: str, found: Preview | None) -> None:
            super().__init__()
            self.key, self.found = key, found

    def __init__(self, preview: Callable[[Mapping[str, Any], int], Preview], id: str) -> None:
        super().__init__(text("wizard-data.rows-beside"), Drawn(), id=id)
        self._open = preview
        self._key = ""

    def show(self, draft: Draft, step: str) -> None:
        """Beside ``step``; nothing where there is no file."""
        source = next(filter(is_new, draft.data_sources()), None) if step in STEPS else None
        key = key_of(source) if source else ""
        if key != self._key:
            self._key = key
            self.remove_class("-known")
            if source:
                self._look(key, reading_of(source))

    @work(thread=True, group="preview", exclusive=True)
    def _look(self, key: str, source: dict[str, Any]) -> None:
        try:
            self.post_message(self.Read(key, self._open(source, _ROWS)))
        except TunedeckError:
            self.post_message(self.Read(key, None))  # the data step says what is wrong

    @on(Read)
    def _show_read(self, message: Read) -> None:
        rows = message.found.rows if message.found is not None else ()
        if message.key == self._key and rows:
            self.query_one(Drawn).draw(partial(first_rows, rows, height=_HEIGHT))
            self.add_class("-known")
