"""Every field of the config as a table in groups: what is typed above filters it, Enter edits a value below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.config.provenance import DEFAULT, YOU, short
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import Draft
from tui.draft.strategy_state import is_locked
from tui.flow.answers import answer, hint_of, message_of
from tui.flow.costs import below
from tui.flow.settings import all_fields
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import Entry, FormField
from tui.widgets.pieces import Tone
from tui.wizard.step import make_field

if TYPE_CHECKING:
    from engine.memory.fit import Fit
    from engine.memory.setting_costs import StepCost


class AllFields(Vertical):
    """One editor for all of them: sixty live fields would be slow to show and long to Tab through."""

    DEFAULT_CSS = """
    AllFields { height: 1fr; }
    AllFields PickList { height: 1fr; max-height: 100%; }
    AllFields #field-help { height: 4; padding: 0 0 0 2; color: $muted; }
    AllFields #field-editor { height: auto; }
    AllFields FormField .label { width: 26; }
    AllFields #field-filter { margin: 0 0 0 2; }
    """

    class Edited(Message):
        """A value was taken into the draft, right or wrong."""

    def __init__(self, draft: Draft) -> None:
        super().__init__(id="all-fields")
        self.draft = draft
        self._findings: dict[str, str] = {}
        self._fit: Fit | None = None
        self._costs: dict[str, StepCost] = {}
        self._help = ""

    def compose(self) -> ComposeResult:
        yield Entry(placeholder=text("settings.filter"), compact=True, select_on_focus=False, id="field-filter")
        yield PickList(self._picks(), title_width=28, id="field-list", filters=False)
        yield Static(id="field-help")
        yield Container(id="field-editor")

    def on_mount(self) -> None:
        self._filter.cursor_blink = False
        self._explain()

    def show_costs(self, fit: Fit | None, costs: dict[str, StepCost]) -> None:
        """Tell of the line under the cursor what auto becomes and what one step more costs."""
        self._fit, self._costs = fit, costs
        self._explain()

    @property
    def editor(self) -> FormField | None:
        """The field being edited."""
        found = self.query(FormField)
        return found.first() if found else None

    def copied(self) -> str:
        """The field under the cursor with its value, as `tunedeck run CONFIG --set` takes it."""
        pick = self.query_one(PickList).current
        return fields.assignment(pick.id, self.draft.get(pick.id)) if pick and self.editor is None else ""

    @property
    def _filter(self) -> Entry:
        return self.query_one("#field-filter", Entry)

    def _picks(self, wanted: str = "") -> list[Pick]:
        """The fields whose name, sentence or value holds ``wanted``, each section below its heading."""
        picks: list[Pick] = []
        section = ""
        for dotted in all_fields(self.draft):
            pick = self._pick(dotted)
            about = f"{dotted} {fields.spec_of(dotted).description} {pick.detail}".casefold()
            if wanted.strip().casefold() not in about:
                continue
            if section != (section := dotted.rpartition(".")[0]):
                picks.append(Pick(f"{section}.", section, heading=True))
            picks.append(pick)
        return picks or [Pick("", text("settings.filter-nothing"), heading=True)]

    def _pick(self, dotted: str) -> Pick:
        shown = fields.show(self.draft.get(dotted), fields.spec_of(dotted).separator) or text("settings.empty")
        source = self.draft.source(dotted)
        wrong = self._findings.get(dotted)
        shade: Tone = "lost" if wrong else "muted" if source == DEFAULT else "accent" if source == YOU else ""
        return Pick(dotted, dotted.rpartition(".")[2], f"! {shown}" if wrong else shown, tail=f"{short(source):<8}",
                    shade=shade)  # fmt: skip

    def _list(self) -> None:
        self.query_one(PickList).set_picks(self._picks(self._filter.value))
        self._explain()

    @on(Entry.Changed, "#field-filter")
    def _filtered(self, event: Entry.Changed) -> None:
        event.stop()
        self._list()

    @on(Entry.Submitted, "#field-filter")
    def _filter_done(self, event: Entry.Submitted) -> None:
        event.stop()
        self.query_one(PickList).focus()

    def filter(self) -> None:
        """Put the cursor where the filter is typed."""
        self._filter.focus()

    def can_reset(self) -> bool:
        """Whether the field under the cursor is not what it is by itself."""
        listed = self.query(PickList)  # none before the table is composed
        pick = listed.first().current if listed else None
        if pick is None or is_locked(self.draft, pick.id):
            return False
        return bool(self.draft.get(pick.id) != self.draft.unanswered(pick.id))

    def reset(self) -> None:
        """Back to what the preset says, else to the default."""
        pick = self.query_one(PickList).current
        if pick is not None and self.can_reset():
            self.draft.reset(pick.id)
            self._findings.pop(pick.id, None)
            self._list()
            self.post_message(self.Edited())

    def show_findings(self, findings: list[Issue]) -> None:
        """Mark the fields that are wrong and open the first of them."""
        self._findings = {finding.field: message_of(finding) for finding in findings}
        listed = self.query_one(PickList)
        self._filter.value = ""
        listed.set_picks(self._picks())
        first = next((pick.id for pick in listed.picks if pick.id in self._findings), None)
        if first is not None:
            listed.choose(first)
            self.call_later(self.edit, first)

    async def edit(self, dotted: str) -> None:
        """Open the editor for one field; one that the adapter fixes is told of instead."""
        if is_locked(self.draft, dotted):
            self._explain()
            self.app.bell()
            return
        host = self.query_one("#field-editor", Container)
        await host.remove_children()
        form = make_field(dotted, self.draft, label=dotted.split(".", 1)[1])
        await host.mount(form)
        form.show_error(self._findings.get(dotted, ""))
        form.focus_control()
        self._explain()

    async def close(self) -> bool:
        """Put the editor away without taking its text, else the filter; whether there was anything."""
        was_open = self.editor is not None
        await self.query_one("#field-editor", Container).remove_children()
        self.query_one(PickList).focus()
        if not was_open and self._filter.value:
            self._filter.value = ""
            return True
        return was_open

    def take(self) -> None:
        """What stands in the editor into the draft."""
        form = self.editor
        if form is not None:
            answer(self.draft, form.key, form.text)
            form.set_hint(hint_of(fields.spec_of(form.key), self.draft))
            self._findings.pop(form.key, None)
            self.query_one(PickList).set_picks(self._picks(self._filter.value))

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        event.stop()
        self._explain()

    @on(PickList.Chosen)
    async def _chosen(self, event: PickList.Chosen) -> None:
        event.stop()
        self.take()  # what stands in the editor of another field
        await self.edit(event.pick.id)

    @on(FormField.Submitted)
    async def _submitted(self, event: FormField.Submitted) -> None:
        event.stop()
        self.take()
        wrong = next((issue for issue in self.draft.issues() if issue.field == event.field.key), None)
        self.post_message(self.Edited())
        if wrong:
            self._findings[event.field.key] = message_of(wrong)
            event.field.show_error(message_of(wrong))
        else:
            await self.close()

    def _explain(self) -> None:
        form, pick = self.editor, self.query_one(PickList).current
        dotted = form.key if form else pick.id if pick else ""
        if not dotted:
            return
        spec = fields.spec_of(dotted)
        default = fields.show(self.draft.unanswered(dotted)) or text("settings.empty")
        about = {"about": spec.description, "default": default}
        said = text("settings.field", **about)
        if spec.choices:
            said = text("settings.field-allowed", **about, values=[fields.show(each) for each in spec.choices])
        elif spec.range:
            said = text("settings.field-range", **about, range=spec.range)
        if is_locked(self.draft, dotted):
            said = text("settings.field-locked", source=self.draft.source(dotted), about=spec.description)
        else:
            said = f"{said}\n{below(dotted, self._fit, self._costs)}".rstrip()
        if said != self._help:
            self._help = said
            self.query_one("#field-help", Static).update(Content(said))
