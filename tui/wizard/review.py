"""Step 6, review: every value with its source, the check of the rows, warnings with their remedies, and the start."""

from __future__ import annotations

import shlex
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.config import toml
from engine.config.rules import Issue
from engine.data.text import clean
from engine.errors import ConfigError, TunedeckError
from engine.runs.directory import write_atomic
from tui.widgets.form import FormField
from tui.widgets.form_list import Pick, PickList
from tui.wizard import fields, figures
from tui.wizard.check_panel import CheckPanel
from tui.wizard.draft import DEFAULT, flatten
from tui.wizard.fixes import Warning, warnings
from tui.wizard.step import Step
from tui.world import world_of

FILE = "file"


class ReviewStep(Step):
    NAME = "review"
    QUESTION = "Is this what you want?"

    class Fixed(Message):
        """A remedy changed the draft."""

    def body(self) -> ComposeResult:
        self._start_when_checked = False
        self._refused: TunedeckError | None = None
        yield CheckPanel(id="check")
        yield Static(id="warnings")
        yield PickList(self._values(), title_width=26, id="values")
        yield Static(Content("Without a screen:  tunedeck run FILE   (F6 saves the file)"), id="command")
        form = FormField(FILE, "Save config as", f"{self._slug()}.toml", hint="Enter saves, Esc not")
        form.display = False
        yield form

    def on_mount(self) -> None:
        self._show_warnings()
        self.check(again=False)

    def focus_first(self) -> None:
        """The Start button has the focus; the flow gives it."""

    # The check of the rows

    def check(self, again: bool = True) -> None:
        """Look at the rows in the background, unless that was done for this very config."""
        try:
            text = toml.dumps(self.draft.resolve())
        except ConfigError:
            return
        panel = self.query_one(CheckPanel)
        known = self.facts.inspection_of(self.draft)
        if known is not None and not again:
            panel.show(known)
            return
        self._refused = None
        panel.start(self.services.inspect_command, text, self.draft.rows_key())

    @on(CheckPanel.Ended)
    def _checked(self, event: CheckPanel.Ended) -> None:
        self._refused = event.refused
        if event.inspection is not None:
            self.facts.inspection, self.facts.inspected = event.inspection, event.key
        self._show_warnings()
        self.post_message(self.Touched())
        if self._start_when_checked:
            self._start_when_checked = False
            if event.inspection is not None:
                self.done()

    def can(self, action: str) -> bool | None:
        if action == "cancel":
            return any(panel.busy for panel in self.query(CheckPanel))
        return action == "save_file" or (action == "check" and not self.can("cancel"))

    def cancel(self) -> None:
        self._start_when_checked = False
        self.query_one(CheckPanel).stop()

    def hold(self) -> bool:
        panel = self.query_one(CheckPanel)
        if panel.busy:
            self._start_when_checked = True
            self.say("It starts as soon as the rows are checked; ctrl+x stops the check, then Start does not wait.")
        return panel.busy

    def findings(self) -> list[Issue]:
        found = [warning.issue for warning in self._warnings if warning.issue.level == "error"]
        if self._refused is not None:
            found.append(Issue("error", "data", str(self._refused)))
        root = Path(world_of(self).root)
        found_so_far = figures.consequence(self.draft, self.facts)
        disk = figures.disk_issue(found_so_far, self.services.free_bytes(root), root)
        return [*found, disk] if disk else found

    async def show_findings(self, findings: list[Issue]) -> None:
        if findings:
            self.say(f"Not started. {clean(str(findings[0]), keep_newlines=False)}", wrong=True)

    # Warnings and remedies

    def _show_warnings(self) -> None:
        self._warnings: list[Warning] = warnings(self.draft, self.facts.inspection_of(self.draft))[:9]
        lines: list[tuple[str, str] | str] = []
        for number, warning in enumerate((w for w in self._warnings if w.issue.level != "note"), start=1):
            remedy = f"  [{number}: {warning.fix.words}]" if warning.fix else ""
            text = clean(str(warning.issue), keep_newlines=False)
            lines += ["\n"] * bool(lines)
            lines.append((f"! {text}{remedy}", "bold" if warning.issue.level == "error" else ""))
        shown = self.query_one("#warnings", Static)
        shown.display = bool(lines)
        shown.update(Content.assemble(*lines))

    def fix(self, number: int) -> None:
        """Apply the remedy of that number, if there is one."""
        shown = [warning for warning in self._warnings if warning.issue.level != "note"]
        fix = shown[number - 1].fix if number <= len(shown) else None
        if fix is None:
            return
        fix.apply(self.draft)
        self.query_one("#values", PickList).set_picks(self._values())
        self._show_warnings()
        self.say(f"{fix.dotted}: {fix.words}.")
        self.post_message(self.Fixed())
        self.check(again=False)

    # The values

    def _values(self) -> list[Pick]:
        try:
            config = self.draft.resolve().config.model_dump()
        except ConfigError:
            return [Pick(name, name, fields.show(value)) for name, value in self.draft.values.items()]
        found = [(name, value, self.draft.source(name)) for name, value in flatten(config)]
        order = {"you": 0, "detected": 1, DEFAULT: 3}
        found.sort(key=lambda entry: order.get(entry[2], 2))
        return [Pick(name, name, _tight(value), tail=f"{_origin(source):<8}") for name, value, source in found]

    # Saving the config

    def save_file(self) -> None:
        form = self.query_one(FormField)
        form.display = True
        form.focus_control()

    def submitted(self, form: FormField) -> None:
        path = Path(form.text.strip() or "run.toml").expanduser()
        try:
            if path.exists():
                form.show_error("there is a file of that name; give another one.")
                return
            write_atomic(path.absolute(), toml.dumps(self.draft.resolve()))
        except (OSError, TunedeckError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            form.show_error(f"it can't be saved: {why}.")
            return
        form.display = False
        command = f"tunedeck run {shlex.quote(clean(str(path), keep_newlines=False))}"
        self.query_one("#command", Static).update(Content(f"Saved. Without a screen:  {command}"))
        self.screen.query_one("#go-next").focus()

    async def close(self) -> bool:
        form = self.query_one(FormField)
        was_open = bool(form.display)
        form.display = False
        return was_open

    def say(self, text: str, wrong: bool = False) -> None:
        command = self.query_one("#command", Static)
        command.set_class(wrong, "wrong")
        command.update(Content(("! " if wrong else "") + text))

    def _slug(self) -> str:
        name = str(self.draft.get("run.name") or self.draft.get("model.name_or_path") or "run")
        return "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(name).name.lower()).strip("-.") or "run"


def _tight(value: object) -> str:
    """A value in a column of 24; of a long path the end tells more than the beginning."""
    text = fields.show(value) or "empty"
    return ".." + text[-22:] if len(text) > 24 and text.startswith("/") else text


def _origin(source: str) -> str:
    return "preset" if source.startswith("preset ") else source
