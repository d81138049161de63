"""The check of the rows in words: how many findings there are, the rows as tokens, why they can't be trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.data.quality.findings import SEVERITIES, Report, Severity
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.examine import Examined, Inspection
    from engine.common.errors import TunedeckError
    from tui.draft.facts import Facts

_COUNTS: dict[Severity, str] = {
    "fatal": "quality-screen.fatals", "warning": "quality-screen.warnings", "note": "quality-screen.notes",
}  # fmt: skip


def summary(report: Report) -> str:
    """What was found, on one line: "12,000 rows: 1 fatal, 3 warnings, 2 notes; F5 shows them"."""
    code = "quality-screen.shows-them" if report.findings else "quality-screen.shows-more"
    return text(code, found=found(report))


def found(report: Report) -> str:
    """How many rows were looked at, and how many findings there are of each severity."""
    counts = {each: sum(finding.severity == each for finding in report.findings) for each in SEVERITIES}
    said = [text(_COUNTS[each], count=count) for each, count in counts.items() if count]
    rows = rows_of(report)
    return (
        text("quality-screen.found", rows=rows, findings=said)
        if said
        else text("quality-screen.found-nothing", rows=rows)
    )


def rows_of(report: Report) -> int:
    """All that were looked at, those of which nothing can be learnt included."""
    return sum(source.rows + source.left_out for source in report.sources)


def figures(found: Inspection) -> str:
    """The rows as tokens in three lines, and what stands out in them."""
    tokens = {"mean": round(found.tokens_mean), "longest": found.tokens_max, "trained": found.supervised_share}
    lines = [
        text("review.rows", rows=found.rows, train=found.train_rows, held=found.eval_rows),
        text("review.tokens", **tokens)
        if found.padding_share is None
        else text("review.tokens-padding", **tokens, padding=found.padding_share),
    ]
    if found.examples:
        lines.append(text("review.first-row", text=shorten(found.examples[0]["trained"], 72)))
    return "\n".join(lines)


def trouble(error: TunedeckError) -> str:
    return text("review.error", reason=error.reason)


def told(examined: Examined, brief: bool) -> str:
    """What an examination came to, ``brief`` without the figures."""
    lines = [summary(examined.report)] if examined.report is not None else []
    if examined.refused is not None:
        lines.insert(0, trouble(examined.refused))
    elif examined.not_known:
        lines.append(text(examined.not_known))
    elif examined.inspection is not None and not brief:
        lines.insert(0, figures(examined.inspection))
    return "\n".join(lines)


def keep(facts: Facts, examined: Examined, rows_key: str) -> None:
    """Put what was found of the rows known by that key into the facts."""
    facts.report, facts.inspection, facts.inspected = examined.report, examined.inspection, rows_key
