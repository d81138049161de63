"""Step 6, review: the run in a sentence, what was chosen, warnings with remedies, time and disk, the start."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.common.errors import ConfigError, TunedeckError
from engine.config import toml
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.findings import findings_of, said
from tui.draft.mix_sources import inspection_of, report_of
from tui.draft.relation import can_ask, line
from tui.flow import review
from tui.flow.outlook import summary
from tui.flow.settings import SEEDS
from tui.flow.values import about
from tui.widgets.choosers import PickList
from tui.widgets.clickable import Clickable, acts
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.form import FormField
from tui.widgets.line import Prose, wrap
from tui.wizard.quality.opening import open_doctor
from tui.wizard.review.check_panel import CheckPanel, begin
from tui.wizard.review.outlook_panel import OutlookPanel
from tui.wizard.review.values import MORE, values
from tui.wizard.step import Step, make_field
from tui.wizard.strategy.relation_panel import RelationPanel
from tui.world import world_of

if TYPE_CHECKING:
    from engine.app.findings import Finding
    from engine.config.presets import Resolved
    from engine.memory.fit import Fit

FILE, NAME = "file", "run.name"
LEAST_WIDTH = 56
TALL = 30
"""Lines of a terminal from which the whole sentences are shown."""


class ReviewStep(Step):
    NAME = "review"
    FILTERS = "#values"

    class Fixed(Message):
        """A remedy changed the draft."""

    class FilesRead(Message):
        """What model, adapter, data, disk and rights say of the draft with the values ``key``."""

        def __init__(self, found: tuple[Finding, ...], key: str) -> None:
            super().__init__()
            self.found, self.key = found, key

    def body(self) -> ComposeResult:
        self._start_when_checked = False
        self._refused: TunedeckError | None = None
        self._risked = False
        self._shown_fit = self.facts.fit
        self._found: list[Finding] = []
        self._command = ""
        self._unfolded = False
        yield Prose(id="summary")
        yield CheckPanel(self.facts, id="check")
        yield RelationPanel(id="relation")
        yield Clickable(id="warnings")
        yield make_field(NAME, self.draft, label=text("review.name"), placeholder=text("review.name-hint"))
        yield PickList(values(self.draft, self.facts.fit), title_width=28, id="values")
        yield Prose(id="value-about", classes="quiet")
        yield OutlookPanel(id="outlook")
        yield Static(Content(text("review.without-screen")), id="command")
        form = FormField(
            FILE, text("review.save-as"), review.file_name(self.draft), hint=text("review.save-hint"), id="save-as"
        )
        form.display = False
        yield form

    def on_mount(self) -> None:
        self._show_warnings()
        self._show_outlook()
        self._explain()
        self._check_unless_known()
        self._look_at_files()

    def focus_first(self) -> None:
        """The Start button has the focus; the flow gives it."""

    # The check of the rows

    def check(self) -> None:
        """Open the doctor, which examines the rows unless that was done."""
        open_doctor(self)

    def _check_unless_known(self) -> None:
        """Examine the rows in the background, unless that was done for these very ones."""
        if report_of(self.draft, self.facts) and inspection_of(self.draft, self.facts):
            self.query_one(CheckPanel).show(self.draft)
        elif not self.draft.issues():
            begin(self)

    @on(CheckPanel.Ended)
    def _checked(self, event: CheckPanel.Ended) -> None:
        self._refused = event.refused
        self._show_warnings()
        self._show_outlook()
        self.post_message(self.Touched())
        if self._start_when_checked:
            self._wait_no_more()
            if event.examined is not None and event.refused is None:
                self.done()

    def _wait_no_more(self) -> None:
        self._start_when_checked = False
        self._say_command()

    def can(self, action: str) -> bool | None:
        if action == "cancel":
            panels = (*self.query(CheckPanel), *self.query(OutlookPanel), *self.query(RelationPanel))
            return any(panel.busy for panel in panels)
        if action == "compare":
            return can_ask(self.draft) and (not self.can("cancel") or None)
        if action == "measure":
            return not self.can("cancel")
        return action in ("save_file", "check") or super().can(action)

    def cancel(self) -> None:
        if self._start_when_checked:
            self._wait_no_more()
        self.query_one(CheckPanel).stop()
        self.query_one(OutlookPanel).stop()
        self.query_one(RelationPanel).stop()

    def compare(self) -> None:
        """Measure how the rows relate to what the old adapter has learnt."""
        self.query_one(RelationPanel).ask(self.services.relation_command, self.draft, self.facts)

    @on(RelationPanel.Ended)
    def _compared(self, event: RelationPanel.Ended) -> None:
        if event.measured is not None:
            self.facts.measured = event.measured
            self.query_one(RelationPanel).say("")
            self._show_warnings()
            self.say(line(event.measured, str(self.draft.get("strategy.kind"))))

    def hold(self) -> bool:
        if self.query_one(CheckPanel).busy:
            self._start_when_checked = True
            self.say(text("review.waits"))
            return True
        fit = self.facts.fit
        if fit is None or not review.is_risk(fit) or self._risked or self.findings():
            self.query_one(OutlookPanel).stop()  # the run wants all of the machine
            self.query_one(RelationPanel).stop()
            return False
        self._ask_whether_to_risk(fit)
        return True

    def _ask_whether_to_risk(self, fit: Fit) -> None:
        def answered(yes: bool | None) -> None:
            self._risked = bool(yes)
            if yes:
                self.done()
            else:
                self.say(text("review.not-risked"))

        question = ConfirmScreen(
            text("review.risk-title"), review.risk(fit), yes=text("review.risk-yes"), no=text("review.risk-no")
        )
        self.app.push_screen(question, answered)

    def findings(self) -> list[Issue]:
        return [finding.issue for finding in self._found if finding.level == "error"]

    async def show_findings(self, findings: list[Issue]) -> None:
        wrong = [finding for finding in self._found if finding.level == "error"]
        if wrong:
            self.say(text("review.not-started", reason=said(wrong[0])), wrong=True)

    # Warnings and remedies

    def _look_at_files(self) -> None:
        """Let a thread look at everything the draft names, unless that was done for these very answers."""
        try:
            resolved = self.draft.resolve()
        except ConfigError:
            return  # the draft's own errors are shown
        if self.facts.files_of(self.draft) is None:
            self._read_files(resolved, self.draft.values_key())

    @work(thread=True, group="files", exclusive=True)
    def _read_files(self, resolved: Resolved, key: str) -> None:
        from engine.app.check import files_of

        self.post_message(self.FilesRead(files_of(resolved), key))

    @on(FilesRead)
    def _files_read(self, event: FilesRead) -> None:
        self.facts.files, self.facts.filed = event.found, event.key
        self._show_warnings()

    def _show_warnings(self) -> None:
        self._found = findings_of(self.draft, self.facts, self._refused)
        lines: list[Content] = []
        shown = self.query_one("#warnings", Static)
        width = shown.content_size.width or self.size.width - 2 or LEAST_WIDTH
        for number, finding in enumerate(review.shown(self._found), start=1):
            words = wrap(review.warning(number, finding), width)
            told = Content.styled("\n".join(words), "$error" if finding.level == "error" else "$warning")
            lines.append(acts(told, f"screen.fix({number})" if finding.remedy else ""))
        shown.display = bool(lines)
        shown.update(Content("\n").join(lines))

    def fix(self, number: int) -> None:
        """Apply the remedy of that number, if there is one."""
        numbered = review.shown(self._found)
        done = review.apply(self.draft, self.facts, numbered[number - 1]) if number <= len(numbered) else ""
        if not done:
            return
        self._show_values()
        self._show_warnings()
        self.say(done)
        self.post_message(self.Fixed())
        self._check_unless_known()
        self._look_at_files()

    # The values, the time and the disk

    def weighed(self) -> None:
        if self._shown_fit is not self.facts.fit:
            self._show_values()
            self._show_warnings()
            self._show_outlook()

    async def reread(self) -> None:
        self._show_values()
        self._show_warnings()
        self._check_unless_known()
        self._look_at_files()

    def _show_values(self) -> None:
        self._shown_fit = self.facts.fit
        self.query_one("#values", PickList).set_picks(values(self.draft, self.facts.fit, self._unfolded))
        self._explain()

    @on(PickList.Chosen, "#values")
    def _turned(self, event: PickList.Chosen) -> None:
        """Unfold what nobody chose, or fold it away; the cursor goes to the first of what came, or stays."""
        event.picklist.mark("")
        if event.pick.id == MORE:
            at, self._unfolded = event.picklist.cursor, not self._unfolded
            self._show_values()
            if self._unfolded:
                event.picklist.cursor = at
                self._explain()

    @on(PickList.Filtering, "#values")
    def _unfold(self) -> None:
        self._unfolded = True
        self._show_values()

    @on(PickList.Moved, "#values")
    def _explain(self) -> None:
        """Say of the value under the cursor what it is, or why auto chose it."""
        pick = self.query_one("#values", PickList).current
        self._tell("#value-about", about(pick.id, self.facts.fit) if pick and pick.id != MORE else "")

    def _show_outlook(self) -> None:
        free = self.services.free_bytes(Path(world_of(self).root))
        self._tell("#summary", summary(self.draft, self.facts))
        self.query_one(OutlookPanel).show(self.draft, self.facts, free, self.app.size.height >= TALL)

    def measure(self) -> None:
        """Measure the pace by three real steps, in the background."""
        try:
            config = toml.dumps(self.draft.resolve())
        except ConfigError:
            return
        self.query_one(OutlookPanel).measure(self.services.probe_command, config)

    @on(OutlookPanel.Measured)
    def _measured(self, event: OutlookPanel.Measured) -> None:
        if event.words:
            self.say(event.words, wrong=True)
        self._show_outlook()

    def _tell(self, selector: str, words: str) -> None:
        self.query_one(selector, Prose).say(words)

    # Saving the config

    @property
    def _file(self) -> FormField:
        return self.query_one("#save-as", FormField)

    def _show_file(self, shown: bool) -> None:
        """In a short window the outlook gives the field and its error their lines."""
        self._file.display = shown
        self.set_class(shown, "-saving")

    def save_file(self) -> None:
        form = self._file
        form.text = review.file_name(self.draft)
        self._show_file(True)
        form.focus_control()

    def commit(self) -> None:
        self.write_fields()

    @on(FormField.Left)
    def _named(self, event: FormField.Left) -> None:
        """Another name makes other answers, and the files are looked at for each."""
        if event.field.key == NAME:
            self._look_at_files()

    def submitted(self, form: FormField) -> None:
        if form.key == NAME:
            self.screen.query_one("#go-next").focus()
            return
        try:
            path = review.save_as(self.draft, form.text)
        except TunedeckError as error:
            form.show_error(error.said)
            return
        self._show_file(False)
        command = f"tunedeck run {shlex.quote(clean(str(path), keep_newlines=False))}"
        self._command = command
        self._say_command()
        self.screen.query_one("#go-next").focus()

    def _say_command(self) -> None:
        """How to do without the screen: the command, once there is a file for it."""
        self.say(text("review.saved", command=self._command) if self._command else text("review.without-screen"))

    def copied(self) -> str:
        """The value under the cursor; else the command that starts the saved config, or the config itself."""
        listed = self.query_one("#values", PickList)
        if listed.has_focus and listed.current is not None and listed.current.id != MORE:
            name = listed.current.id
            return fields.assignment(name, self.draft.seeds if name == SEEDS else self.draft.get(name))
        try:
            return self._command or toml.dumps(self.draft.resolve())
        except ConfigError:
            return ""

    async def close(self) -> bool:
        form = self._file
        was_open = bool(form.display)
        self._show_file(False)
        return was_open

    def say(self, words: str, wrong: bool = False) -> None:
        command = self.query_one("#command", Static)
        command.set_class(wrong, "wrong")
        command.update(Content(("! " if wrong else "") + words))
