"""The columns' screen: which column of a file is what, with the rows as they come out on every change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.data.rows.convert import to_row
from engine.messages.catalogue import text
from tui import keys
from tui.flow.mapping import ColumnMap, Line
from tui.widgets.bars import KeyBar, TopLine
from tui.widgets.choosers import PickList
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.wizard.columns import words

if TYPE_CHECKING:
    from engine.data.files.preview import Head
    from engine.data.rows.messages import RawRow

Reading = dict[str, Any]
_DEFAULTS: Reading = {"format": "auto", "columns": {}, "tags": {}, "labels": {}}


class MappingList(PickList):
    """The lines that can be set. Posts Typed for what is typed on one, "" for a character taken away; and Turned."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "screen.row_back", "Previous row", show=False),
        Binding("pagedown", "screen.row_on", "Next row", show=False),
    ]

    class Typed(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Turned(Message):
        """The value under the cursor was clicked: ``by`` is -1 on the arrow before it, else 1."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    def on_click(self, event: events.Click) -> None:
        row = self._top + event.y
        detail = self._picks[row].detail if row < len(self._picks) else ""
        cell = event.x - 3 - min(self.title_width, self.content_size.width - 2)
        value, arrow, _ = detail.partition(" >")
        if detail.startswith("< ") and 0 <= cell < cell_len(value + arrow):
            event.prevent_default()  # two clicks turn twice, and choose nothing
            self.action_move(row - self.cursor)
            self.post_message(self.Turned(-1 if cell < 2 else 1))

    def on_key(self, event: events.Key) -> None:
        if event.key == "backspace" or (event.is_printable and event.character):
            event.stop()
            self.post_message(self.Typed("" if event.key == "backspace" else event.character or ""))

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self.post_message(self.Typed(clean(event.text, keep_newlines=False)))


class ColumnsScreen(WholeScreen, Screen[Reading | None]):
    """Dismissed with format, columns, tags and labels of the ``source``, each with its default; None to leave all.

    ``open_head`` reads the first rows of a source, in a thread.
    """

    CSS_PATH = "columns.tcss"
    AUTO_FOCUS = "#mapping"
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings(keys.COLUMNS)
    HELP = "columns.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.COLUMNS),)

    class Opened(Message):
        """The head of the source was read, or why it can't be."""

        def __init__(self, head: Head | None, error: TunedeckError | None) -> None:
            super().__init__()
            self.head, self.error = head, error

    def __init__(self, source: Mapping[str, Any], open_head: Callable[[Mapping[str, Any]], Head]) -> None:
        super().__init__()
        self._source, self._open_head = dict(source), open_head
        self._mapping: ColumnMap | None = None
        self._before: Reading = {}
        self._by_itself = ""
        self._row = 0

    def compose(self) -> ComposeResult:
        name = clean(str(self._source["path"]), keep_newlines=False).rpartition("/")[2]
        yield TopLine(text("columns.title", name=name))
        yield Static(text("columns.reading"), id="columns-state", markup=False)
        with Vertical(id="columns-body"):
            with Panel(text("columns.meaning"), id="columns-said"):
                yield MappingList(title_width=words.TITLE_WIDTH, id="mapping", filters=False)
                yield Static(id="mapping-about")
                yield Static(id="columns-head")
                yield PickList(title_width=words.TITLE_WIDTH, id="columns-list")
            with Panel(text("columns.as-read"), id="columns-out"):
                yield Static(id="row-head")
                yield Static(id="row-out")
        yield KeyBar(keys.in_bar(keys.COLUMNS))

    def on_mount(self) -> None:
        self._open()

    @work(thread=True, group="preview")
    def _open(self) -> None:
        try:
            head = self._open_head(self._source)
        except TunedeckError as error:
            self.post_message(self.Opened(None, error))
        else:
            self.post_message(self.Opened(head, None))

    @on(Opened)
    def _opened(self, event: Opened) -> None:
        if event.head is None:
            self._state(words.trouble(event.error) if event.error else "", wrong=True)
            return
        self._by_itself = words.by_itself(event.head, self._source)
        self._mapping = ColumnMap.begun(event.head, self._source)
        self._before = self._mapping.reading()
        self._show()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # What is shown

    @property
    def line(self) -> Line | None:
        """The one under the cursor."""
        pick = self.query_one("#mapping", PickList).current
        lines = self._mapping.lines() if self._mapping else []
        return next((line for line in lines if pick and line.id == pick.id), None)

    @property
    def raw(self) -> RawRow | None:
        return self._mapping.head.rows[self._row] if self._mapping else None

    def _show(self) -> None:
        mapping, raw = self._mapping, self.raw
        if mapping is None or raw is None:
            return
        self.query_one("#mapping", PickList).set_picks(words.picks(mapping, raw))
        self.query_one("#columns-list", PickList).set_picks(words.column_picks(mapping, raw))
        count = len(mapping.head.columns)
        files = mapping.head.files
        several = text("columns.count-of-files", columns=count, files=files) if files > 1 else ""
        self._tell("#columns-head", several or text("columns.count", columns=count))
        self._tell("#row-head", text("columns.row", row=raw.number, at=self._row + 1, shown=len(mapping.head.rows)))
        self._show_about()
        self._show_row(mapping, raw)

    def _show_row(self, mapping: ColumnMap, raw: RawRow) -> None:
        out = self.query_one("#row-out", Static)
        width, height = max(30, out.size.width), max(3, self.query_one("#columns-out").size.height - 1)
        try:
            found = mapping.found()
            lines = list(words.row_as_it_comes_out(to_row(raw, found), width, height))
        except TunedeckError as error:
            self._state(f"{self._by_itself}\n{words.trouble(error)}", wrong=True)
            out.update(Content(text("columns.no-row")))
            return
        now = text("columns.now", format=found.format, evidence=found.evidence)
        self._state(f"{self._by_itself}\n{now}", wrong=False)
        out.update(Content("\n".join(lines)))

    def _show_about(self) -> None:
        line, lines = self.line, self._mapping.lines() if self._mapping else []
        at = lines.index(line) + 1 if line else 0
        said = text("columns.about", at=at, fields=len(lines), text=words.about(line)) if line else ""
        self._tell("#mapping-about", said)

    def _state(self, said: str, wrong: bool) -> None:
        state = self.query_one("#columns-state", Static)
        state.set_class(wrong, "wrong")
        state.update(Content(said))

    def _tell(self, selector: str, said: str) -> None:
        self.query_one(selector, Static).update(Content(said))

    @on(PickList.Moved, "#mapping")
    def _moved(self) -> None:
        self._show_about()

    @on(PickList.Chosen)
    def _chosen(self) -> None:
        self.action_keep()

    # What the keys do

    def action_turn_on(self) -> None:
        self._turn(1)

    def action_turn_back(self) -> None:
        self._turn(-1)

    def action_row_on(self) -> None:
        self._go(1)

    def action_row_back(self) -> None:
        self._go(-1)

    def _turn(self, by: int) -> None:
        line, mapping = self.line, self._mapping
        if line is None or mapping is None:
            return
        options = mapping.options(line)
        if options:
            value = mapping.value(line)
            at = options.index(value) if value in options else 0
            mapping.set(line, options[max(0, min(len(options) - 1, at + by))])
            self._show()

    @on(MappingList.Typed)
    def _typed(self, event: MappingList.Typed) -> None:
        """A letter goes to the next column that begins with it; a label's name is typed."""
        line, mapping = self.line, self._mapping
        if line is None or mapping is None:
            return
        value, options = mapping.value(line), mapping.options(line)
        if not options:
            mapping.set(line, value + event.text if event.text else value[:-1])
        elif event.text:
            at = options.index(value) if value in options else 0
            wanted = event.text.casefold()
            later = [*options[at + 1 :], *options[: at + 1]]
            mapping.set(line, next((name for name in later if name.casefold().startswith(wanted)), value))
        self._show()

    @on(MappingList.Turned)
    def _value_clicked(self, event: MappingList.Turned) -> None:
        self._turn(event.by)

    def _go(self, by: int) -> None:
        if self._mapping is not None:
            self._row = max(0, min(len(self._mapping.head.rows) - 1, self._row + by))
            self._show()

    def action_keep(self) -> None:
        if self._mapping is None:
            return
        try:
            self._mapping.found()
        except TunedeckError as error:
            self._state(f"{text('columns.not-kept')}\n{words.trouble(error)}", True)
            return
        reading = self._mapping.reading()
        changed = {name: (value, _DEFAULTS[name]) for name, value in reading.items()}
        self.dismiss(None if reading == self._before else changed)

    def action_leave(self) -> None:
        self.dismiss(None)
