"""What every step of the wizard is: a question, fields that read the draft, and a commit that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import Draft
from tui.draft.strategy_state import is_locked
from tui.flow.answers import answer, hint_of, issues_in, message_of
from tui.flow.notes import notes
from tui.widgets.choosers import PickList
from tui.widgets.form import FormField
from tui.widgets.line import Prose
from tui.widgets.whole import Whole

if TYPE_CHECKING:
    from tui.draft.facts import Facts
    from tui.draft.services import Services

_LONG = 4
"""Lines of a list from which on the bar names its filter."""


class Step(Whole, Vertical):
    """One screenful. Subclasses fill ``body`` and ``commit``; the draft holds all truth."""

    NAME = ""
    BINDINGS: ClassVar[list[BindingType]] = [  # for fields, which have no use for them
        Binding("up", "app.focus_previous", "The field before", show=False),
        Binding("down", "app.focus_next", "The next field", show=False),
    ]

    class Done(Message):
        """The person is through with ``step``: go on as Next does."""

        def __init__(self, step: Step) -> None:
            super().__init__()
            self.step = step

    class Touched(Message):
        """An answer or a found fact changed: the line of consequences is to be worked out again."""

    def __init__(self, draft: Draft, facts: Facts, services: Services) -> None:
        super().__init__(id=f"step-{self.NAME}", classes="step")
        self.draft, self.facts, self.services = draft, facts, services

    def compose(self) -> ComposeResult:
        if said := notes(self.NAME, self.draft, self.facts):
            yield Prose("\n".join(map(text, said)), classes="notes")
        yield from self.body()

    def body(self) -> ComposeResult:
        """The widgets of the step, filled from the draft."""
        raise NotImplementedError

    def commit(self) -> None:
        """Write what stands in the fields into the draft, right or wrong."""

    def findings(self) -> list[Issue]:
        """What keeps one from going on; called after commit."""
        return self.field_issues(form.key for form in self.query(FormField) if form.display)

    def field_issues(self, names: Iterable[str]) -> list[Issue]:
        """The draft's errors in the fields called ``names``."""
        return issues_in(self.draft, names)

    async def show_findings(self, findings: list[Issue]) -> None:
        """Each message beside its field, the first bad field focused; what has no field goes to ``show_trouble``."""
        by_field = {finding.field: finding for finding in reversed(findings)}
        first: FormField | None = None
        for form in self.query(FormField):
            finding = by_field.pop(form.key, None)
            form.show_error(message_of(finding) if finding else "")
            if finding and first is None:
                first = form
        for finding in by_field.values():
            await self.show_trouble(finding)
        if first is not None:
            first.focus_control()

    async def show_trouble(self, finding: Issue) -> None:
        """Show a finding that belongs to no field of this step."""
        self.notify(str(finding), severity="error", markup=False)

    def done(self) -> None:
        """Go on as Next does."""
        self.post_message(self.Done(self))

    def hold(self) -> bool:
        """Whether Next must wait for something just begun; the step posts Done itself when that is ready."""
        return False

    FILTERS: ClassVar = ""
    """The list that may grow long, which / narrows wherever the focus is."""

    def can(self, action: str) -> bool | None:
        """Whether a key of this step works now, which calls the method named like it; None greys it out."""
        if action != "filter" or not self.FILTERS:
            return False
        return any(each.display and len(each.picks) >= _LONG for each in self.query(self.FILTERS).results(PickList))

    async def filter(self) -> None:
        await self.query_one(self.FILTERS, PickList).action_filter()

    def copied(self) -> str:
        """What y copies instead of the field or line that has the focus; "" for just that."""
        return ""

    async def close(self) -> bool:
        """Close what is open over the step (Esc does); whether something was."""
        return False

    def cancel(self) -> None:
        """Stop what this step is waiting for."""

    CHECKS = "keys.check"
    """Code of what F5 does here, in the bar and in the help."""

    async def reread(self) -> None:
        """The draft was changed from outside this step: show its values."""

    def typed(self) -> Draft:
        """The draft with what stands in the fields now, right or wrong; the draft itself is left alone."""
        draft = Draft(dict(self.draft.values), dict(self.draft.sources), self.draft.task, self.draft.preset)
        for form in self.query(FormField):
            if "." in form.key:
                answer(draft, form.key, form.text)
        return draft

    def weighed(self) -> None:
        """The flow put another fit (or none) into the facts: show anew what depends on it."""

    def focus_first(self) -> None:
        """Put the focus where Enter goes on, or where something must be typed."""

    @on(FormField.Left)
    def _check_field(self, event: FormField.Left) -> None:
        """Check a field when the focus leaves it: not on each key, and never in the way of Back."""
        if event.field.control.has_focus or event.field.key not in self.known():
            return
        self.commit()
        found = self.field_issues([event.field.key])
        event.field.show_error(message_of(found[0]) if found else "")
        self.post_message(self.Touched())

    @on(FormField.Submitted)
    def _submit(self, event: FormField.Submitted) -> None:
        event.stop()
        self.submitted(event.field)

    def submitted(self, form: FormField) -> None:
        """Enter was pressed in a field: the form is done, unless the field has a use for it."""
        self.done()

    def known(self) -> set[str]:
        """The schema fields that are checked when the focus leaves them."""
        return {form.key for form in self.query(FormField) if "." in form.key}

    def write_fields(self) -> None:
        """Every schema field of this step into the draft."""
        for form in self.query(FormField):
            if "." in form.key:
                answer(self.draft, form.key, form.text)


def make_field(dotted: str, draft: Draft, *, label: str = "", about: bool = False, placeholder: str = "") -> FormField:
    """The form field of one schema field, filled from the draft."""
    spec = fields.spec_of(dotted)
    value = draft.get(dotted)
    form = FormField(
        dotted,
        label or spec.label,
        fields.show(value, spec.separator),
        options=[fields.show(choice) for choice in spec.choices],
        hint=hint_of(spec, draft),
        about=spec.description if about else "",
        placeholder=placeholder or fields.show(draft.unanswered(dotted)),
    )
    form.control.disabled = is_locked(draft, dotted)
    return form
