"""How the sources of the data step are read: looked into in the background, with the evidence and the first rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui.flow import source_text
from tui.flow.sources import Item, key_of, reading_of
from tui.widgets.line import Prose
from tui.wizard.data import text as data_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.data.files.preview import Preview

_PREVIEW_ROWS = 5
_LEAST_WIDTH, _LEAST_HEIGHT = 30, 4


class Evidence(Prose):
    """Looks into sources, remembers what they are, and says of one why it is read as it is."""

    class Read(Message):
        """A source was looked into; ``key`` says how it was read (see ``key_of``)."""

        def __init__(self, key: str, found: Preview | TunedeckError) -> None:
            super().__init__()
            self.key, self.found = key, found

    def __init__(self, preview: Callable[[Mapping[str, Any], int], Preview], id: str) -> None:
        super().__init__(id=id, classes="explain")
        self._open = preview
        self.known: dict[str, Preview | TunedeckError] = {}

    def of(self, item: Item) -> Preview | TunedeckError | None:
        """What the source was found to be, or why it can't be read; None while it is being read."""
        return self.known.get(key_of(item))

    def look(self, item: Item) -> None:
        """Look into it; posts Read."""
        self._look(reading_of(item))

    @work(thread=True, group="preview")
    def _look(self, source: dict[str, Any]) -> None:
        found: Preview | TunedeckError
        try:
            found = self._open(source, _PREVIEW_ROWS)
        except TunedeckError as error:
            found = error
        self.app.call_from_thread(self._keep, key_of(source), found)

    def _keep(self, key: str, found: Preview | TunedeckError) -> None:
        self.known[key] = found
        self.post_message(self.Read(key, found))

    def show(self, item: Item | None) -> None:
        """Of ``item``; None where there is no source at all."""
        found = self.of(item) if item is not None else None
        self.set_class(isinstance(found, TunedeckError), "wrong")
        self.say(source_text.evidence(item is not None, found))


class FirstRows(Static):
    """The first rows of a source as they come out, as many as there is room for."""

    def show(self, named: bool, found: Preview | TunedeckError | None) -> None:
        """``named`` is false while there is no source at all: then what one may look like is shown."""
        if not named:
            self.update(Content.styled(text("wizard-data.forms"), "$muted"))
            return
        if found is None or isinstance(found, TunedeckError) or not found.rows:
            self.update("")
            return
        width, height = self.content_size.width or 60, self.content_size.height or 6
        lines = data_text.first_rows(found.rows, max(_LEAST_WIDTH, width), max(_LEAST_HEIGHT, height) - 1)
        self.update(Content.assemble((f"{text('wizard-data.first-rows')}\n", "bold"), "\n".join(lines)))
