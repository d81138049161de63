"""Step 4, data: the sources that are named into the draft, and what keeps them from being trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.common.errors import TunedeckError
from engine.config.provenance import DETECTED
from engine.config.rules import Issue
from engine.messages.message import Message
from tui.draft.findings import ROWS
from tui.draft.mix_sources import report_of
from tui.flow.answers import issues_in
from tui.flow.sources import is_new

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.data.files.preview import Preview
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

    Looked = Callable[[Mapping[str, Any]], Preview | TunedeckError | None]

ADD = "path"
RUN = "run:"
HELD_OUT = ("dataset.eval_share", "dataset.eval_rows")
_LABELS = {HELD_OUT[0]: "wizard-data.eval-share", HELD_OUT[1]: "wizard-data.eval-rows"}


def held_out_field(draft: Draft) -> tuple[str, str]:
    """The field that says how many rows are held out, and the code of its label: a share, or a number if one is set."""
    name = HELD_OUT[0] if draft.get(HELD_OUT[1]) is None else HELD_OUT[1]
    return name, _LABELS[name]


def asked(draft: Draft) -> list[dict[str, Any]]:
    """The sources without what was found out about them, so that it is found out again."""
    return [
        {name: value for name, value in item.items() if draft.source(f"data.{index}.{name}") != DETECTED}
        for index, item in enumerate(draft.data_sources())
    ]


def choose(draft: Draft, items: Sequence[Mapping[str, Any]], look: Looked) -> None:
    """Answer the sources, each with the format and columns that ``look`` found in its file."""
    draft.set_data(items)
    for index, item in enumerate(items):
        found = look(item)
        # A folder's files are each looked at by themselves, a run's as it read them; what one file showed is kept.
        is_run = str(item["path"]).startswith(RUN)
        if found is None or isinstance(found, TunedeckError) or found.files > 1 or is_run:
            continue
        draft.set(f"data.{index}.format", found.detected.format, DETECTED)
        if "columns" not in item:
            draft.set(f"data.{index}.columns", dict(found.detected.columns), DETECTED)


def findings(draft: Draft, facts: Facts, items: Sequence[Mapping[str, Any]], look: Looked) -> list[Issue]:
    """What keeps one from going on with these sources."""
    found = issues_in(draft, HELD_OUT)
    if not any(map(is_new, items)):
        found.append(Issue("error", ADD, Message("wizard-data.no-new-file" if items else "wizard-data.no-file")))
    for index, item in enumerate(items):
        if isinstance(look(item), TunedeckError):
            found.append(Issue("error", f"data.{index}", Message("wizard-data.unusable")))
    return found or _fatal_in_rows(draft, facts)


def _fatal_in_rows(draft: Draft, facts: Facts) -> list[Issue]:
    """What the examination found that keeps a run from starting."""
    from engine.app.check import fatal_in

    report = report_of(draft, facts)
    fatal = fatal_in(report) if report is not None else None
    return [Issue("error", ROWS, Message("wizard-data.fatal", what=fatal.issue.what))] if fatal else []
