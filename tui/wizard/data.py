"""Step 4, data: the files to learn from, how their rows are read, and how many are held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.config import toml
from engine.config.rules import Issue
from engine.data.text import shorten
from engine.errors import ConfigError, TunedeckError
from tui.widgets.form import FormField
from tui.widgets.form_list import Pick, PickList
from tui.wizard import data_text, fields
from tui.wizard.check_panel import CheckPanel
from tui.wizard.data_item import columns_of, is_new, keep, key_of, part, reading_key, rows_by_path, short
from tui.wizard.draft import DETECTED
from tui.wizard.paths import PathSuggester, absolute
from tui.wizard.picker import FilePicker
from tui.wizard.relation_panel import RelationPanel
from tui.wizard.step import Step, make_field

if TYPE_CHECKING:
    from engine.data.preview import Preview

FORMAT, COLUMNS, ADD = "data.0.format", "data.0.columns", "path"
BROWSE = "F3 browses"
_PREVIEW_ROWS = 5


class DataStep(Step):
    NAME = "data"
    QUESTION = "What should it learn from?"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("delete,backspace", "remove", "Remove", show=False)]

    class Read(Message):
        """A source was looked into: its preview, or why it can't be used."""

        def __init__(self, key: str, preview: Preview | None, error: TunedeckError | None) -> None:
            super().__init__()
            self.key, self.preview, self.error = key, preview, error

    def body(self) -> ComposeResult:
        self._items = [self._asked(index, item) for index, item in enumerate(self.draft.data_sources())]
        self._found: dict[str, Preview | TunedeckError] = {}
        self._at = 0
        self._go_on = False
        yield FormField(
            ADD, "Add a file", suggester=PathSuggester(self._suggest), placeholder="path, then Enter", hint=BROWSE
        )
        yield PickList(title_width=24, id="data-list")
        yield Static(id="data-evidence", classes="explain")
        yield make_field(FORMAT, self.draft, label="Format")
        yield make_field(COLUMNS, self.draft, label="Columns", placeholder="prompt=yours, completion=yours")
        if self.draft.get("dataset.eval_rows") is None:
            yield make_field("dataset.eval_share", self.draft, label="Held-out share")
        else:
            yield make_field("dataset.eval_rows", self.draft, label="Held-out rows")
        yield RelationPanel(id="relation")
        yield CheckPanel(id="check")
        yield Static(id="data-preview")

    def _asked(self, index: int, item: dict[str, Any]) -> dict[str, Any]:
        """A source without what was found out about it, so that it is found out again."""
        return {name: value for name, value in item.items() if self.draft.source(f"data.{index}.{name}") != DETECTED}

    def on_mount(self) -> None:
        self._form(COLUMNS).display = False
        self.query_one(CheckPanel).display = False
        for item in self._items:
            self._look(item)
        self._show()
        self._tell_relation()

    def focus_first(self) -> None:
        (self.query_one(PickList) if self._new_items else self._form(ADD).control).focus()

    @property
    def _new_items(self) -> list[dict[str, Any]]:
        return [item for item in self._items if is_new(item)]

    def _form(self, name: str) -> FormField:
        return next(form for form in self.query(FormField) if form.key == name)

    # Adding and removing

    def _suggest(self, name: str) -> None:
        self._form(ADD).set_hint(f"Right: {shorten(name, 16)}" if name else BROWSE)

    def submitted(self, form: FormField) -> None:
        if form.key == ADD and form.text.strip():
            self._add(form.text)
        else:
            self.done()

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    def _add(self, typed: str) -> None:
        path = absolute(typed)
        if path in [item["path"] for item in self._items]:
            self._form(ADD).show_error("this file is in the list already.")
            return
        self._form(ADD).show_error("")
        self._form(ADD).text = ""
        self._items.append({"path": path})
        self._at = len(self._items) - 1
        self._look(self._items[-1])
        self._show()
        self.screen.refresh_bindings()

    def action_remove(self) -> None:
        if self.query_one(PickList).has_focus and self._items:
            del self._items[self._at]
            self._at = max(0, self._at - 1)
            self._show()
            self.commit()
            self._show()  # the draft's origins have moved up as well
            self._tell_relation()
            self.post_message(self.Touched())
            self.screen.refresh_bindings()
            if not self._items:
                self._form(ADD).focus_control()

    def browse(self) -> None:
        """Open the file picker where the last file was found."""
        start = Path(str(self._items[-1]["path"])).parent if self._items else Path.cwd()

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._add(str(path))
                self.query_one(PickList).focus()

        self.app.push_screen(FilePicker(start), chosen)

    def can(self, action: str) -> bool | None:
        if action == "cancel":
            return any(panel.busy for panel in (*self.query(CheckPanel), *self.query(RelationPanel)))
        if action == "compare":
            return None if self.can("cancel") else bool(self.draft.get("strategy.adapter") and self._new_items)
        return action == "browse" or (action == "check" and bool(self._items) and not self.can("cancel"))

    # Looking into the files

    def _look(self, item: dict[str, Any]) -> None:
        self._preview(str(item["path"]), str(item.get("format", "auto")), columns_of(item))

    @work(thread=True, group="preview")
    def _preview(self, path: str, format: str, columns: dict[str, str]) -> None:
        preview, error = None, None
        try:
            preview = self.services.preview(path, format, columns, _PREVIEW_ROWS)
        except TunedeckError as problem:
            error = problem
        self.post_message(self.Read(reading_key(path, format, columns), preview, error))

    @on(Read)
    def _read(self, event: Read) -> None:
        self._found[event.key] = event.error or event.preview  # type: ignore[assignment]
        self._count()
        self._show()
        self.post_message(self.Touched())
        if self._go_on and all(self._key(item) in self._found for item in self._items):
            self._go_on = False
            self.done()

    # Showing

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._take_reading()
        self._at = self.query_one(PickList).cursor
        self._show()

    def _show(self) -> None:
        picks = [
            Pick(
                str(index),
                short(item["path"]),
                data_text.summary(self._found.get(self._key(item))),
                tail=part(item, self.draft.source(f"data.{index}.path")),
            )
            for index, item in enumerate(self._items)
        ]
        listed = self.query_one(PickList)
        listed.display = bool(picks)
        listed.set_picks(picks, chosen=str(self._at))
        listed.choose(str(self._at))
        item = self._items[self._at] if self._items else None
        found = self._found.get(self._key(item)) if item else None
        for name in (FORMAT, COLUMNS):
            self._form(name).display = item is not None
        self._form(COLUMNS).display = bool(item and (columns_of(item) or isinstance(found, TunedeckError)))
        if item:
            self._form(FORMAT).text = str(item.get("format", "auto"))
            if not self._form(COLUMNS).control.has_focus:
                self._form(COLUMNS).text = fields.show(columns_of(item))
        self._show_evidence(item, found)
        self._show_rows(found)

    def _show_evidence(self, item: dict[str, Any] | None, found: Preview | TunedeckError | None) -> None:
        about = self.query_one("#data-evidence", Static)
        about.set_class(isinstance(found, TunedeckError), "wrong")
        about.update(Content(data_text.evidence(item is not None, found)))

    def _show_rows(self, found: Preview | TunedeckError | None) -> None:
        target = self.query_one("#data-preview", Static)
        if found is None or isinstance(found, TunedeckError) or not found.rows:
            target.update("")
            return
        width, height = target.content_size.width or 60, target.content_size.height or 6
        lines = data_text.first_rows(found.rows, max(30, width), max(4, height) - 1)
        target.update(Content.assemble(("first rows, as the model will see them\n", "bold"), "\n".join(lines)))

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # The check of the rows, on request

    def check(self) -> None:
        """Show how the rows look to the model's tokenizer, in place of the preview."""
        self.commit()
        panel = self.query_one(CheckPanel)
        panel.display = True
        try:
            panel.start(self.services.inspect_command, toml.dumps(self.draft.resolve()), self.draft.rows_key())
        except ConfigError as error:
            panel.refuse(error)

    @on(CheckPanel.Ended)
    def _checked(self, event: CheckPanel.Ended) -> None:
        if event.inspection is not None:
            self.facts.inspection, self.facts.inspected = event.inspection, event.key
        self.post_message(self.Touched())

    def cancel(self) -> None:
        self.query_one(CheckPanel).stop()
        self.query_one(RelationPanel).stop()

    # Their relation to what an old adapter has learnt, on request

    def compare(self) -> None:
        """Measure it; the verdict says whether the strategy that was chosen suits these rows."""
        self.commit()
        self.query_one(RelationPanel).ask(self.services.relation_command, self.draft, self.facts)

    def _tell_relation(self) -> None:
        """What was measured of these rows, or that it can be, or that nothing old is mixed in."""
        panel = self.query_one(RelationPanel)
        if not panel.busy:
            panel.say(data_text.relation(self.draft, self.facts))

    @on(RelationPanel.Ended)
    def _compared(self, event: RelationPanel.Ended) -> None:
        if event.measured is not None:
            self.facts.measured = event.measured

    # How the rows are read

    @on(FormField.Changed)
    def _changed(self, event: FormField.Changed) -> None:
        if event.field.key == FORMAT:
            self._take_reading()

    @on(FormField.Left)
    def _left(self, event: FormField.Left) -> None:
        if event.field.key == COLUMNS:
            self._take_reading()

    def _take_reading(self) -> None:
        """Format and columns from the form into the file they belong to; look again when they changed."""
        if not self._items:
            return
        item = self._items[self._at]
        before = self._key(item)
        columns = fields.parse(fields.spec_of(COLUMNS), self._form(COLUMNS).text)
        keep(item, "format", self._form(FORMAT).text, "auto")
        keep(item, "columns", columns, {})
        if self._key(item) != before and isinstance(columns, dict):
            self._look(item)
            self._show()

    @staticmethod
    def _key(item: dict[str, Any]) -> str:
        return key_of(item)

    # Going on

    def hold(self) -> bool:
        typed = self._form(ADD).text.strip()
        if typed:
            self._add(typed)
        self._take_reading()
        if any(self._key(item) not in self._found for item in self._items):
            self._go_on = True
            return True
        return False

    def commit(self) -> None:
        self._take_reading()
        self.draft.set_data(self._items)
        for index, item in enumerate(self._items):
            found = self._found.get(self._key(item))
            # A folder's files are each looked at by themselves; what one file showed is kept with the run.
            if found is not None and not isinstance(found, TunedeckError) and found.files == 1:
                self.draft.set(f"data.{index}.format", found.detected.format, DETECTED)
                self.draft.set(f"data.{index}.columns", dict(found.detected.columns), DETECTED)
        self._count()
        for form in self.query(FormField):
            if form.key.startswith("dataset."):
                self.draft.set(form.key, fields.parse(fields.spec_of(form.key), form.text))

    def _count(self) -> None:
        """Rows of the files in the list, for the line of consequences."""
        found = {str(item["path"]): self._found.get(self._key(item)) for item in self._items}
        self.facts.rows = rows_by_path(self._items, found)

    def findings(self) -> list[Issue]:
        found = self.field_issues(["dataset.eval_share", "dataset.eval_rows"])
        if not self._new_items:
            what = "name at least one file with new rows." if self._items else "name at least one file."
            found.append(Issue("error", ADD, what, "F3 browses."))
        for index, item in enumerate(self._items):
            if isinstance(self._found.get(self._key(item)), TunedeckError):
                found.append(
                    Issue("error", f"data.{index}", "this file can't be used.", "Mend it, or Delete removes it.")
                )
        return found

    async def show_trouble(self, finding: Issue) -> None:
        self._at = int(finding.field.split(".")[1])
        self._show()
        self.query_one(PickList).focus()
