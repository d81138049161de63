"""Step 4, data: the files to learn from, how their rows are read, and how many are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult

from engine.common.clean_text import shorten
from engine.common.errors import TunedeckError
from engine.config.provenance import DEFAULT
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft.findings import ROWS
from tui.draft.mix_sources import short
from tui.flow import data, source_text
from tui.flow.answers import answer, message_of
from tui.flow.data import ADD, RUN
from tui.flow.paths import absolute, is_there
from tui.flow.sources import is_new, keep, key_of, part, reading_of, rows_by_path
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
from tui.wizard.columns.screen import ColumnsScreen
from tui.wizard.data.reading import Evidence, FirstRows
from tui.wizard.data.relation import RelatingStep
from tui.wizard.mix.line import MixLine
from tui.wizard.mix.opening import open_mix
from tui.wizard.paths import PathSuggester
from tui.wizard.picker import FilePicker
from tui.wizard.quality.opening import open_doctor
from tui.wizard.review.check_panel import CheckPanel
from tui.wizard.step import make_field
from tui.wizard.strategy.relation_panel import RelationPanel
from tui.wizard.xray.opening import open_xray

if TYPE_CHECKING:
    from engine.data.files.preview import Preview

FORMAT = "data.0.format"
TITLE, LEAST_TITLE = 24, 10
"""Cells for the name of a source, and where what is said of it needs the room."""


class DataStep(RelatingStep):
    NAME = "data"
    FILTERS = "#data-list"

    def body(self) -> ComposeResult:
        self._items = data.asked(self.draft)
        self._at = 0
        self._go_on = False
        self._just_typed: dict[str, str] = {}
        yield FormField(
            ADD, text("wizard-data.add"), suggester=PathSuggester(self._suggest),
            placeholder=text("wizard-data.add-hint"), hint=text("wizard-data.browse"),
        )  # fmt: skip
        yield PickList(title_width=TITLE, id="data-list")
        yield Evidence(self.services.preview, id="data-evidence")
        yield make_field(FORMAT, self.draft, label=text("wizard-data.format"))
        held_out, label = data.held_out_field(self.draft)
        yield make_field(held_out, self.draft, label=text(label))
        yield MixLine(id="data-mix")
        yield RelationPanel(id="relation")
        yield CheckPanel(self.facts, brief=True, id="check")
        yield FirstRows(id="data-preview")

    def on_mount(self) -> None:
        for item in self._items:
            self._evidence.look(item)
        self._show()
        self.tell_relation()

    def focus_first(self) -> None:
        (self.query_one(PickList) if self._new_items else self._form(ADD).control).focus()

    @property
    def _new_items(self) -> list[dict[str, Any]]:
        return [item for item in self._items if is_new(item)]

    def _form(self, name: str) -> FormField:
        return next(form for form in self.query(FormField) if form.key == name)

    @property
    def _evidence(self) -> Evidence:
        return self.query_one(Evidence)

    def _found(self, item: Mapping[str, Any]) -> Preview | TunedeckError | None:
        return self._evidence.of(item)

    # Adding and removing

    def _suggest(self, name: str) -> None:
        hint = text("wizard-data.complete", name=shorten(name, 16)) if name else text("wizard-data.browse")
        self._form(ADD).set_hint(hint)

    def on_key(self, event: events.Key) -> None:
        """A path typed while the list has the focus goes where paths are typed."""
        if event.is_printable and event.character not in ("?", " ") and self.query_one(PickList).has_focus:
            event.stop()
            self._form(ADD).type_on(event.character or "")

    def on_paste(self, event: events.Paste) -> None:
        if self.query_one(PickList).has_focus and event.text.strip():
            event.stop()
            self._form(ADD).type_on(event.text.splitlines()[0])

    def submitted(self, form: FormField) -> None:
        if form.key == ADD and form.text.strip():
            self.add(form.text)
        else:
            self.done()

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    def add(self, typed: str) -> None:
        """One more source: a path, or ``run:`` and the name of a run."""
        path = absolute(typed)
        if path in [item["path"] for item in self._items]:
            self._form(ADD).show_error(text("wizard-data.listed-already"))
            return
        self._form(ADD).show_error("")
        self._form(ADD).text = ""
        self._items.append({"path": path})
        self._just_typed[path] = typed
        self._at = len(self._items) - 1
        self._evidence.look(self._items[-1])
        self._show()
        self.screen.refresh_bindings()

    def take_out(self) -> None:
        """Take the source under the cursor out of the list."""
        if self.can("take_out"):
            del self._items[self._at]
            self._at = max(0, self._at - 1)
            self._show()
            self.commit()
            self._show()  # the draft's origins have moved up as well
            self.tell_relation()
            self._tell_check()
            self.post_message(self.Touched())
            self.screen.refresh_bindings()
            if not self._items:
                self._form(ADD).focus_control()

    def browse(self) -> None:
        """Open the file picker where the last file was found."""
        start = Path(str(self._items[-1]["path"])).parent if self._items else Path.cwd()

        def chosen(path: Path | None) -> None:
            if path is not None:
                self.add(str(path))
                self.query_one(PickList).focus()

        self.app.push_screen(FilePicker(start), chosen)

    def can(self, action: str) -> bool | None:
        if action == "cancel":
            return any(panel.busy for panel in (*self.query(CheckPanel), *self.query(RelationPanel)))
        if action == "compare":
            return None if self.can("cancel") else bool(self.draft.get("strategy.adapter") and self._new_items)
        if action == "columns":
            return bool(self._items) and not str(self._items[self._at]["path"]).startswith(RUN)
        if action == "mix":
            return len(self._items) > 1 or bool(self._items and self.draft.get("strategy.adapter"))
        if action == "take_out":
            return self.query_one(PickList).has_focus and bool(self._items)
        if action in ("check", "xray"):
            return bool(self._items)
        return action == "browse" or super().can(action)

    # Looking into the files

    @on(Evidence.Read)
    def _read(self, event: Evidence.Read) -> None:
        self._refuse_what_is_not_there(event)
        self._count()
        self._show()
        self._tell_check()
        self._go_where_it_is_unclear(event)
        self.post_message(self.Touched())
        if self._go_on and all(map(self._found, self._items)):
            self._go_on = False
            self.done()

    def _refuse_what_is_not_there(self, event: Evidence.Read) -> None:
        """A name just typed that leads nowhere is no source: it goes back into its field, with the reason."""
        item = next((item for item in self._items if key_of(item) == event.key), None)
        typed = self._just_typed.pop(str(item["path"]), None) if item else None
        if item is None or typed is None or not isinstance(event.found, TunedeckError) or is_there(item["path"]):
            return
        self._items.remove(item)
        self._at = max(0, len(self._items) - 1)
        self._go_on = False
        field = self._form(ADD)
        field.text = field.text or typed
        field.show_error(event.found.said)
        field.focus_control()
        self.commit()

    def _go_where_it_is_unclear(self, event: Evidence.Read) -> None:
        """To the file in the list, from where F2 maps its columns, unless something is being typed."""
        at = next((index for index, item in enumerate(self._items) if key_of(item) == event.key), None)
        adding = self._form(ADD)
        if at is not None and adding.control.has_focus and not adding.text and source_text.is_unclear(event.found):
            self._at = at
            self._show()
            self.query_one(PickList).focus()

    # Showing

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._take_reading()
        self._at = self.query_one(PickList).cursor
        self._show()

    def _show(self) -> None:
        width = self.query_one(PickList).content_size.width
        picks = self._picks(brief=False)
        if width and _title_width(picks, width) < LEAST_TITLE:
            picks = self._picks(brief=True)
        listed = self.query_one(PickList)
        listed.display = bool(picks)
        listed.title_width = max(LEAST_TITLE, _title_width(picks, width)) if width else TITLE
        listed.set_picks(picks, chosen=str(self._at))
        listed.choose(str(self._at))
        item = self._items[self._at] if self._items else None
        found = self._found(item) if item else None
        self._form(FORMAT).display = item is not None
        if item:
            self._form(FORMAT).text = str(item.get("format", "auto"))
        self._evidence.show(item)
        self.query_one(FirstRows).show(item is not None, found)

    def _picks(self, brief: bool) -> list[Pick]:
        """``brief``: not who put a source into the mix."""
        return [
            Pick(
                str(index),
                short(item["path"]),
                source_text.summary(self._found(item)),
                tail=part(item, DEFAULT if brief else self.draft.source(f"data.{index}.path")),
            )
            for index, item in enumerate(self._items)
        ]

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # What is wrong with the rows, on request, and which column is what

    def check(self) -> None:
        """Open the doctor, which examines the rows unless that was done."""
        self.commit()
        open_doctor(self)

    def _tell_check(self) -> None:
        """What is known of the rows in the list as they are read now."""
        self.commit()
        panel = self.query_one(CheckPanel)
        panel.display = bool(self._items)
        panel.show(self.draft)

    @on(CheckPanel.Ended)
    def _checked(self, event: CheckPanel.Ended) -> None:
        self.post_message(self.Touched())

    async def reread(self) -> None:
        self._items = data.asked(self.draft)
        for item in self._items:
            if self._found(item) is None:
                self._evidence.look(item)
        self._show()
        self._tell_check()
        self.tell_relation()

    def columns(self) -> None:
        """Map the columns of the file under the cursor."""
        self._take_reading()
        item = self._items[self._at]

        def mapped(reading: dict[str, Any] | None) -> None:
            if reading is not None:
                for name, (value, default) in reading.items():
                    keep(item, name, value, default)
                self._evidence.look(item)
                self._show()

        self.app.push_screen(ColumnsScreen(reading_of(item), self.services.head), mapped)

    def xray(self) -> None:
        """Show the rows token by token, from the first of the file under the cursor."""
        self.commit()
        open_xray(self, self._at)

    def cancel(self) -> None:
        self.query_one(CheckPanel).stop()
        self.query_one(RelationPanel).stop()

    def mix(self) -> None:
        """Compose the mix of the sources on a board of its own."""
        self.commit()
        open_mix(self)

    @on(MixLine.Guessed)
    def _guessed(self) -> None:
        self.post_message(self.Touched())

    # How the rows are read

    @on(FormField.Changed)
    def _changed(self, event: FormField.Changed) -> None:
        if event.field.key == FORMAT:
            self._take_reading()

    def _take_reading(self) -> None:
        """The format from the form into the file it belongs to; look again when it changed."""
        if not self._items:
            return
        item = self._items[self._at]
        before = key_of(item)
        keep(item, "format", self._form(FORMAT).text, "auto")
        if key_of(item) != before:
            self._evidence.look(item)
            self._show()

    # Going on

    def hold(self) -> bool:
        typed = self._form(ADD).text.strip()
        if typed:
            self.add(typed)
        self._take_reading()
        if not all(map(self._found, self._items)):
            self._go_on = True
            return True
        return False

    def commit(self) -> None:
        self._take_reading()
        data.choose(self.draft, self._items, self._found)
        self._count()
        for form in self.query(FormField):
            if form.key.startswith("dataset."):
                answer(self.draft, form.key, form.text)

    def _count(self) -> None:
        """Rows of the files in the list, for the line of consequences."""
        found = {str(item["path"]): self._found(item) for item in self._items}
        self.facts.rows = rows_by_path(self._items, found)
        self.query_one(MixLine).show(self.draft, self.facts)

    def findings(self) -> list[Issue]:
        return data.findings(self.draft, self.facts, self._items, self._found)

    async def show_trouble(self, finding: Issue) -> None:
        if finding.field == ROWS:
            self.query_one(CheckPanel).say(f"! {message_of(finding)}", wrong=True)
            return
        self._at = int(finding.field.split(".")[1])
        self._show()
        self.query_one(PickList).focus()


def _title_width(picks: Sequence[Pick], width: int) -> int:
    """Cells left for the names: of a name the end may be gone, of a number nothing."""
    said = max((cell_len(pick.detail) + cell_len(pick.tail) + bool(pick.tail) for pick in picks), default=0)
    return min(TITLE, width - said - 3)
