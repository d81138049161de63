"""What is typed for a field of the config: into the draft, the words beside it, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable

from engine.config.provenance import DEFAULT, THIRD, short
from engine.config.rules import Issue
from engine.messages.catalogue import text
from tui.draft import fields
from tui.draft.draft import Draft, default_of
from tui.draft.strategy_state import is_locked


def answer(draft: Draft, dotted: str, typed: str) -> None:
    """What stands in a field into the draft; one that was emptied and must not be empty is at its default again."""
    spec = fields.spec_of(dotted)
    if typed.strip() or spec.optional or not (spec.is_number or default_of(dotted)):
        draft.set(dotted, fields.parse(spec, typed))
    else:
        draft.reset(dotted)


def issues_in(draft: Draft, names: Iterable[str]) -> list[Issue]:
    """The draft's errors in the fields called ``names``."""
    wanted = set(names)
    return [issue for issue in draft.issues() if issue.field in wanted]


def message_of(finding: Issue) -> str:
    """A finding as it stands beside its field: what is wrong, and what to do."""
    return f"{finding.message} {finding.fix}".strip()


def hint_of(spec: fields.FieldSpec, draft: Draft) -> str:
    """The range, and where the value comes from when it is not the default."""
    source = draft.source(spec.dotted)
    if is_locked(draft, spec.dotted):
        return text("wizard.locked")
    shown = text("wizard.rate-of-continue") if source == THIRD else short(source)
    return "  ".join(filter(None, (spec.range, "" if source == DEFAULT else shown)))
