"""Step 6, review: the findings that a number answers, the remedy put into the draft, and the config as a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError, RunError, reason_of
from engine.common.files import write_atomic
from engine.config import toml
from engine.messages.catalogue import sentences, text
from tui.draft import changes, findings
from tui.draft.findings import MEMORY

if TYPE_CHECKING:
    from engine.app.findings import Finding, Remedy
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

MOST = 9
"""Findings that a number can answer."""


def shown(found: Sequence[Finding]) -> list[Finding]:
    """Those that have a line and a number."""
    return [finding for finding in found if finding.level != "note"][:MOST]


def warning(number: int, finding: Finding) -> str:
    """A finding with its remedy and the number that applies it, or where help is."""
    words = text("review.warning", what=findings.said(finding))
    if finding.remedy:
        return words + text("review.remedy", number=number, remedy=remedy_words(finding.remedy))
    if finding.issue.field == MEMORY and not finding.issue.fix:
        return words + text("review.what-helps")
    return words


def remedy_words(remedy: Remedy) -> str:
    """What it does; of several changes at once also the way to them."""
    return text("review.remedy-changes", remedy=remedy.words) if remedy.what.code == "check.changes" else remedy.words


def apply(draft: Draft, facts: Facts, finding: Finding) -> str:
    """Put the finding's remedy into the draft; what was done in words, "" where there is none."""
    remedy = finding.remedy
    if remedy is None:
        return ""
    if finding.issue.field == MEMORY:
        facts.remedies.append(changes.apply(draft, remedy.what, remedy.settings))
    else:
        findings.apply(draft, facts, remedy.settings)
    return text("review.applied", field=next(iter(remedy.settings)), remedy=remedy_words(remedy))


def is_risk(fit: Fit | None) -> bool:
    """Whether a person is to be asked before this is started, since it does not fit."""
    return fit is not None and fit.verdict.level == "too much"


def risk(fit: Fit) -> str:
    """What happens when it is started all the same."""
    return text("review.risk", verdict=sentences(text(fit.verdict.message).capitalize()))


def file_name(draft: Draft) -> str:
    """What the config is called when it is saved as a file."""
    name = str(draft.get("run.name") or draft.get("model.name_or_path") or "run")
    slug = "".join(c if c.isalnum() or c in "-_." else "-" for c in Path(name).name.lower()).strip("-.")
    return f"{slug or 'run'}.toml"


def save_as(draft: Draft, typed: str) -> Path:
    """Write the config into a new file; says where. Raises TunedeckError with the reason in a sentence."""
    try:
        path = Path(typed.strip() or "run.toml").expanduser()
        if path.exists():
            raise RunError("review.name-taken")
        write_atomic(path.absolute(), toml.dumps(draft.resolve()))
    except (OSError, RuntimeError, ConfigError) as error:
        raise RunError("review.not-saved", reason=reason_of(error)) from None
    return path
