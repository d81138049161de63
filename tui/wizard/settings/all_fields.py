"""Every field of the config as a table: walk it with the arrows, Enter edits a value below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.config.provenance import short
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import Draft, default_of
from tui.draft.strategy_state import is_locked
from tui.flow.answers import answer, hint_of, message_of
from tui.flow.costs import below
from tui.flow.settings import all_fields
from tui.widgets.choosers import Pick, PickList
from tui.widgets.form import FormField
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
        yield PickList(self._picks(), title_width=32, id="field-list")
        yield Static(id="field-help")
        yield Container(id="field-editor")

    def on_mount(self) -> None:
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

    def _picks(self) -> list[Pick]:
        return [self._pick(name) for name in all_fields(self.draft)]

    def _pick(self, dotted: str) -> Pick:
        shown = fields.show(self.draft.get(dotted), fields.spec_of(dotted).separator) or text("settings.empty")
        tail = short(self.draft.source(dotted))
        wrong = self._findings.get(dotted)
        return Pick(dotted, dotted, f"! {shown}" if wrong else shown, tail=f"{tail:<8}")

    def show_findings(self, findings: list[Issue]) -> None:
        """Mark the fields that are wrong and open the first of them."""
        self._findings = {finding.field: message_of(finding) for finding in findings}
        listed = self.query_one(PickList)
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
        """Put the editor away without taking its text; whether it was open."""
        was_open = self.editor is not None
        await self.query_one("#field-editor", Container).remove_children()
        self.query_one(PickList).focus()
        return was_open

    def take(self) -> None:
        """What stands in the editor into the draft."""
        form = self.editor
        if form is not None:
            answer(self.draft, form.key, form.text)
            form.set_hint(hint_of(fields.spec_of(form.key), self.draft))
            self._findings.pop(form.key, None)
            self.query_one(PickList).set_picks(self._picks())

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        event.stop()
        self._explain()

    @on(PickList.Chosen)
    async def _chosen(self, event: PickList.Chosen) -> None:
        event.stop()
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
        default = fields.show(default_of(dotted)) or text("settings.empty")
        about = {"about": spec.description, "default": default}
        said = (
            text("settings.field-range", **about, range=spec.range) if spec.range else text("settings.field", **about)
        )
        if is_locked(self.draft, dotted):
            said = text("settings.field-locked", source=self.draft.source(dotted), about=spec.description)
        else:
            said = f"{said}\n{below(dotted, self._fit, self._costs)}".rstrip()
        if said != self._help:
            self._help = said
            self.query_one("#field-help", Static).update(Content(said))
