"""The doctor's findings in words for the screen: marks that need no colour, counts, shares, places, remedies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.common.clean_text import clean, shorten
from engine.data.quality.findings import SEVERITIES, Finding, Place, Remedy, Report, Severity
from engine.data.quality.report import seen
from engine.messages.catalogue import text
from engine.messages.formats import percent
from tui.widgets.choosers import Pick

MARKS: dict[Severity, str] = {"fatal": "!!", "warning": "! ", "note": "- "}
STYLES: dict[Severity, str] = {"fatal": "bold $error", "warning": "bold $warning", "note": "bold"}
FILES_STAY = "Your files are never changed: remedies are kept in the run's config."
TAIL = f"{'rows':>7} {'share':>5} {'text':>5}"
"""The heads of the columns behind a finding's title."""
PLACE_WIDTH = 30
_SEVERITY_WIDTH = 11


def summary(report: Report) -> str:
    """What was found, on one line: "12,000 rows: 1 fatal, 3 warnings, 2 notes; F5 shows them"."""
    rows = _plural(rows_of(report), "row")
    counts = {each: sum(finding.severity == each for finding in report.findings) for each in SEVERITIES}
    said = [f"{counts['fatal']} fatal"] if counts["fatal"] else []
    said += [_plural(counts[each], each) for each in ("warning", "note") if counts[each]]
    return f"{rows}: {', '.join(said)}; F5 shows them" if said else f"{rows}: nothing wrong was found; F5 shows more"


def rows_of(report: Report) -> int:
    """All that were looked at, those of which nothing can be learnt included."""
    return sum(source.rows + source.left_out for source in report.sources)


def worst(report: Report, severity: Severity) -> Finding | None:
    """The first finding of that severity."""
    return next((finding for finding in report.findings if finding.severity == severity), None)


def told(finding: Finding) -> str:
    """A finding within a sentence: "empty answers (12 of 40 rows)"."""
    return f"{text(finding.title)} ({finding.count:,} of {_plural(finding.of, 'row')})"


def pick_of(index: int, finding: Finding, name_source: bool) -> Pick:
    """The finding's line in the list: severity by mark and word, title, source, count and shares."""
    of_text = "" if finding.text_share is None else percent(finding.text_share)
    title = f"{MARKS[finding.severity]} {finding.severity:<{_SEVERITY_WIDTH - 3}}{text(finding.title)}"
    source = finding.source if name_source else ""
    return Pick(
        str(index), title, source or " ", tail=f"{_count(finding.count):>7} {percent(finding.share):>5} {of_text:>5}"
    )


def head(finding: Finding) -> str:
    """How often it is there and how much of the text that is."""
    where = f" in {clean(finding.source, keep_newlines=False)}" if finding.source else ""
    tokens = f"about {finding.tokens:,} tokens" if finding.tokens is not None else ""
    share = f"{percent(finding.text_share)} of the text" if finding.text_share is not None else ""
    much = f", {tokens} ({share})" if tokens and share else f", {tokens or share}" if tokens or share else ""
    return f"{finding.count:,} of {_plural(finding.of, 'row')}{where} ({percent(finding.share)}){much}."


def remedy_lines(finding: Finding) -> list[str]:
    """Each remedy with its key and what the trial showed."""
    return [
        f"Press {number}: {text(remedy.what)} ({tried(remedy)})"
        for number, remedy in enumerate(finding.remedies, start=1)
    ]


def tried(remedy: Remedy) -> str:
    return f"tried: {remedy.tried:,} -> {remedy.left:,}"


def place_picks(places: Sequence[Place]) -> list[Pick]:
    """The rows of a finding: file, row number, and the words seen."""
    return [
        Pick(str(index), f"row {place.row:,} {shorten(Path(place.file).name, PLACE_WIDTH)}", shorten(seen(place), 200))
        for index, place in enumerate(places)
    ]


def _count(count: int) -> str:
    """A number in at most seven cells."""
    return f"{count:,}" if count < 1_000_000 else f"{count / 1e6:.2f}M"


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("s" if count != 1 else "")
