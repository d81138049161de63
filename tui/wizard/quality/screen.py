"""The doctor's screen: every finding with its rows and remedies, one key a remedy, and what the rows are like."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.data.quality.report import why
from engine.messages.catalogue import text
from tui import keys
from tui.draft.mix_sources import report_of
from tui.flow import repairs, rows_text
from tui.widgets.bars import KeyBar, TopLine, fit
from tui.widgets.choosers import PickList
from tui.widgets.clickable import Clickable, acts
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen
from tui.wizard.quality import facts_text, words
from tui.wizard.review.check_panel import CheckPanel, begin
from tui.wizard.xray.opening import open_xray
from tui.world import world_of

if TYPE_CHECKING:
    from engine.data.quality.findings import Finding, Place, Remedy, Report
    from tui.wizard.step import Step

WIDE = 110
_LIST_NARROW, _LIST_WIDE = 78, 70
_SOURCE_WIDTH = 13
_PLACE_NARROW = 22


class DoctorScreen(WholeScreen, Screen[None]):
    """Lies over a ``step`` of the wizard that has a CheckPanel, which examines the draft's rows.

    Changes the draft, and lets the step read it again after each change.
    """

    CSS_PATH = "quality.tcss"
    AUTO_FOCUS = "#findings"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.bindings(keys.DOCTOR),
        *(Binding(str(number), f"apply({number})", f"Remedy {number}", show=False) for number in range(1, 10)),
    ]
    HELP = "quality-screen.help"
    KEY_TABLES: ClassVar = (("widgets.keys", keys.DOCTOR),)

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step, self.draft, self.facts = step, step.draft, step.facts
        self.panel = step.query_one(CheckPanel)
        self._report: Report | None = None
        self._rows_before: int | None = None
        self._shows_facts = False

    def compose(self) -> ComposeResult:
        yield TopLine(text("quality-screen.title"))
        yield Static(id="doctor-state")
        with Vertical(id="doctor-findings"):
            with Panel(text("quality-screen.findings"), id="doctor-list"):
                yield Static(id="doctor-heads")
                yield PickList(id="findings")
            with Panel(text("quality-screen.why-it-matters"), id="doctor-detail"):
                yield Clickable(id="finding")
                yield Static(id="places-head")
                yield PickList(title_width=words.PLACE_WIDTH, id="places")
        with VerticalScroll(id="doctor-facts"), Horizontal():
            yield Panel(text("quality-screen.facts-lengths"), Clickable(id="facts-lengths"))
            yield Panel(text("quality-screen.facts-sources"), Static(id="facts-sources"))
        yield Static(Content(text("quality-screen.files-stay")), id="doctor-files")
        yield KeyBar(keys.in_bar(keys.DOCTOR))

    def on_mount(self) -> None:
        self.query_one("#doctor-facts").display = False
        self.panel.said.subscribe(self, lambda _words: self._show())
        if report_of(self.draft, self.facts) is None and not self.panel.busy:
            begin(self.step)
        self._show()

    def on_resize(self) -> None:
        self._show_list()
        self._show_facts()

    # What is shown

    @property
    def finding(self) -> Finding | None:
        """The one under the cursor."""
        pick = self.query_one("#findings", PickList).current
        return self._report.findings[int(pick.id)] if self._report and pick else None

    @property
    def place(self) -> Place | None:
        """The row under the cursor, of those that the finding names."""
        finding, pick = self.finding, self.query_one("#places", PickList).current
        return finding.places[int(pick.id)] if finding and finding.places and pick else None

    def _show(self) -> None:
        """Anything may be new: progress, a report, or that it was stopped. An older report stays till there is one."""
        known = report_of(self.draft, self.facts)
        if known is not None and known is not self._report:
            self._rows_before = rows_text.rows_of(self._report) if self._report else None
            self._report = known
            self._show_list()
            self._show_facts()
        self._show_state(known)
        self.refresh_bindings()

    def _show_state(self, known: Report | None) -> None:
        state = self.query_one("#doctor-state", Static)
        applied = repairs.in_force(self.draft, self.facts)
        is_old = known is None and self._report is not None
        lines = [clean(self.panel.words)] if known is None or self.panel.busy else [self._verdict(known)]
        if is_old:
            lines[0] += f"\n{text('quality-screen.before-change')}"
        if known is not None and self.panel.has_class("wrong"):
            lines = [clean(self.panel.words.partition("\n")[0]), *lines]
        state.update(Content("\n".join([*lines, *([applied] if applied else [])])))

    def _verdict(self, report: Report) -> str:
        before, found = self._rows_before, rows_text.found(report)
        if before in (None, rows_text.rows_of(report)):
            return text("quality-screen.verdict", found=found)
        return text("quality-screen.verdict-before", found=found, before=before)

    def _show_list(self) -> None:
        report, listed = self._report, self.query_one("#findings", PickList)
        name_sources = report is not None and len(report.sources) > 1
        room = _LIST_WIDE if self.app.size.width >= WIDE else _LIST_NARROW
        listed.title_width = room - 3 - words.TAIL_WIDTH - (_SOURCE_WIDTH if name_sources else 1)
        picks = (
            [words.pick_of(at, finding, name_sources) for at, finding in enumerate(report.findings)] if report else []
        )
        listed.set_picks(picks)
        for part in (listed, self.query_one("#doctor-detail")):
            part.display = bool(picks)
        self.set_class(not picks, "-without")
        count = fit(text("quality-screen.listed", findings=len(picks)), room - words.TAIL_WIDTH)
        none = "quality-screen.nothing" if report else "quality-screen.not-checked"
        heads = f"{count}{words.tail()}" if picks else text(none)
        self.query_one("#doctor-heads", Static).update(Content(heads))
        if picks and self.focused is None:
            listed.focus()
        self._show_finding()

    def _show_finding(self) -> None:
        finding = self.finding
        if finding is None:
            return
        fatal = text("quality-screen.refused") if finding.severity == "fatal" else ""
        mark, (reason, *details) = words.MARKS[finding.severity], why(finding) or [""]
        title = text("widgets.named", name=text(words.NAMES[finding.severity]), value=text(finding.title))
        parts: list[tuple[str, str] | str | Content] = [
            (f"{mark} {title}\n", words.STYLES[finding.severity]),
            f"{words.head(finding)} {reason}{fatal}",
        ]
        parts += [f"\n{line}" for line in details]
        for hint in finding.hints:
            parts.append(f"\n{text(hint)}")
        for number, line in enumerate(words.remedy_lines(finding), start=1):
            parts += ["\n", acts(Content.styled(line, "bold"), f"screen.apply({number})")]
        self.query_one("#finding", Static).update(Content.assemble(*parts))
        places = self.query_one("#places", PickList)
        places.title_width = _PLACE_NARROW if self.app.size.width >= WIDE else words.PLACE_WIDTH
        places.set_picks(words.place_picks(finding.places))
        places.choose("0")
        places.mark("")
        shown = len(finding.places)
        first = finding.count > shown
        some = text("quality-screen.first-places", count=shown) if first else text("quality-screen.places")
        self.query_one("#places-head", Static).update(Content(some if finding.places else ""))
        places.display = bool(finding.places)
        self.refresh_bindings()

    def _show_facts(self) -> None:
        if self._report is None:
            return
        unicode, width = world_of(self).terminal.unicode, self.app.size.width
        column = width // 2 - 5 if width >= WIDE else width - 4
        length = self.draft.get("dataset.max_length")
        chosen = length if isinstance(length, int) else 0
        lengths = list(map(Content, facts_text.of_lengths(self._report.lengths, chosen, column, unicode)))
        choices = facts_text.choices(self._report.lengths)
        for number, at in enumerate(range(len(lengths) - len(choices), len(lengths)), start=1):
            lengths[at] = acts(lengths[at], f"screen.apply({number})")
        self.query_one("#facts-lengths", Static).update(Content("\n").join(lengths))
        sources = facts_text.of_sources(self._report, column, unicode)
        self.query_one("#facts-sources", Static).update(Content("\n".join(sources)))

    @on(PickList.Moved, "#findings")
    def _moved(self) -> None:
        self._show_finding()

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        event.picklist.mark("")
        self.action_xray()

    def copied(self) -> str:
        """The row under the cursor, as file:row."""
        place = self.place if not self._shows_facts else None
        return f"{place.file}:{place.row}" if place is not None else ""

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "xray":
            return bool(self.place and not self._shows_facts) or None
        if action == "cancel":
            return self.panel.busy
        if action == "again":
            return not self.panel.busy
        if action == "undo":
            return bool(self.facts.repairs or repairs.fixes_of(self.draft))
        if action == "mend":
            return bool(self._safe) or None
        if action == "facts":
            return self._report is not None or None
        return True

    def action_xray(self) -> None:
        """The row under the cursor, token by token, read as the draft says it now."""
        place = self.place
        if place is not None:
            open_xray(self.step, at=(place.file, place.row))

    def action_facts(self) -> None:
        """Turn from the findings to what the rows are like, and back."""
        self._shows_facts = not self._shows_facts
        self.query_one("#doctor-findings").display = not self._shows_facts
        self.query_one("#doctor-facts").display = self._shows_facts
        self.query_one("#doctor-facts" if self._shows_facts else "#findings").focus()
        self.query_one(KeyBar).rename(
            "facts", text("quality-screen.findings" if self._shows_facts else "quality-screen.facts")
        )
        self.refresh_bindings()

    async def action_apply(self, number: int) -> None:
        """On the findings a remedy of the one under the cursor, on the facts a max_length."""
        if self._shows_facts:
            lengths = facts_text.choices(self._report.lengths) if self._report else []
            if number <= len(lengths) and lengths[number - 1] != self.draft.get("dataset.max_length"):
                repairs.set_length(self.draft, self.facts, lengths[number - 1])
                await self._look_again()
            return
        finding = self.finding
        if self.panel.busy or report_of(self.draft, self.facts) is None or finding is None:
            return  # what is shown was found before the last change
        if number <= len(finding.remedies):
            repairs.apply(self.draft, self.facts, finding.remedies[number - 1])
            await self._look_again()

    @property
    def _safe(self) -> list[Remedy]:
        """What one key may apply: of a report about the rows as they are read now."""
        known = report_of(self.draft, self.facts) if not self.panel.busy else None
        return repairs.safe(self.draft, known) if known is not None and not self._shows_facts else []

    async def action_mend(self) -> None:
        """Apply every remedy that nobody regrets; each can be taken back."""
        found = self._safe
        for remedy in found:
            repairs.apply(self.draft, self.facts, remedy)
        if found:
            await self._look_again()

    async def action_undo(self) -> None:
        if repairs.take_back(self.draft, self.facts):
            await self._look_again()

    async def _look_again(self) -> None:
        await self.step.reread()
        self.step.post_message(self.step.Touched())
        begin(self.step)
        self._show_facts()
        self._show()

    def action_again(self) -> None:
        begin(self.step)

    def action_cancel(self) -> None:
        self.panel.stop()

    def action_leave(self) -> None:
        self.dismiss(None)
