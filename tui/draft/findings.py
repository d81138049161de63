"""The findings about a draft, by the same check that the command line makes, and a remedy put into the draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.common.errors import ConfigError, TunedeckError
from engine.messages.catalogue import sentences, text
from tui.draft import strategy_state

if TYPE_CHECKING:
    from engine.app.check import Known
    from engine.app.findings import Finding
    from engine.app.old_adapter import OldAdapter
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


MEMORY, ROWS = "memory", "rows"
HINTS = {ROWS: "draft.hint-rows", "strategy.kind": "draft.hint-figures"}
"""Where the wizard shows more, by the field of a finding that says nothing to do itself."""


def said(finding: Finding) -> str:
    """A finding in words: what is wrong, and what to do."""
    issue = finding.issue
    more = "" if issue.fix else HINTS.get(issue.field, "")
    return sentences(finding.said, text(more)) if more else finding.said


def findings_of(draft: Draft, facts: Facts, refused: TunedeckError | None = None) -> list[Finding]:
    """All that can be said about a draft before it starts, errors first; the draft's own errors included.

    ``refused`` is why its rows can't be trained on, where the examination ended with that.
    """
    from engine.app.check import findings
    from engine.app.findings import of_error
    from engine.app.plan import Planned
    from tui.draft.fit import barrier

    try:
        resolved = draft.resolve()
    except ConfigError as error:
        return of_error(error)
    planned = Planned(resolved, facts.fit, refusal=barrier(draft, facts))
    return findings(resolved, facts.files_of(draft), planned, known_of(draft, facts, refused))


def known_of(draft: Draft, facts: Facts, refused: TunedeckError | None = None) -> Known:
    """What was found out about the draft's rows, model and old adapter."""
    from engine.app.check import Known
    from engine.app.examine import Examined
    from tui.draft.mix_sources import figures_of, inspection_of, report_of

    measured = facts.measured_of(draft)
    return Known(
        Examined(report_of(draft, facts), inspection_of(draft, facts), refused),
        figures_of(draft, facts),
        measured.advice if measured else None,
        facts.card,
        _known_adapter(draft, facts),
    )


def apply(draft: Draft, facts: Facts, settings: Mapping[str, Any]) -> None:
    """Answer the fields of a remedy as a person would; a strategy and replay bring along what belongs to them."""
    old = _known_adapter(draft, facts)
    if "strategy.kind" in settings:
        strategy_state.choose(draft, settings["strategy.kind"], old)
    elif old is not None and old.replay is not None and all(name.startswith("data.") for name in settings):
        strategy_state.with_replay(draft, old.replay)
    else:
        for dotted, value in settings.items():
            if value is None:
                draft.unset(dotted)
            else:
                draft.set(dotted, value)


def _known_adapter(draft: Draft, facts: Facts) -> OldAdapter | None:
    old = facts.old_adapter
    return old if old is not None and strategy_state.named(old) == draft.get("strategy.adapter") else None
