"""The doctor's findings in words for the screen: marks that need no colour, counts, shares, places, remedies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len

from engine.common.clean_text import shorten
from engine.data.quality.findings import Finding, Place, Remedy, Report, Severity
from engine.data.quality.report import seen
from engine.messages.catalogue import text
from engine.messages.formats import percent
from tui.widgets.bars import fit
from tui.widgets.choosers import Pick
from tui.widgets.pieces import Tone

MARKS: dict[Severity, str] = {"fatal": "!!", "warning": "! ", "note": "- "}
STYLES: dict[Severity, str] = {"fatal": "bold $error", "warning": "bold $warning", "note": "bold"}
TONES: dict[Severity, Tone] = {"fatal": "lost", "warning": "look", "note": ""}
NAMES: dict[Severity, str] = {
    "fatal": "quality-screen.fatal", "warning": "quality-screen.warning", "note": "quality-screen.note",
}  # fmt: skip
TAIL_WIDTH = 19
PLACE_WIDTH = 30
_SEVERITY_WIDTH = 11


def tail() -> str:
    """The heads of the columns behind a finding's title."""
    heads = (("quality-screen.rows", 7), ("quality-screen.share", 5), ("quality-screen.text", 5))
    return " ".join(" " * (width - cell_len(text(code))) + text(code) for code, width in heads)


def worst(report: Report, severity: Severity) -> Finding | None:
    """The first finding of that severity."""
    return next((finding for finding in report.findings if finding.severity == severity), None)


def told(finding: Finding) -> str:
    """A finding within a sentence: "empty answers (12 of 40 rows)"."""
    return text("quality-screen.told", title=finding.title, count=finding.count, of=finding.of)


def pick_of(index: int, finding: Finding, name_source: bool) -> Pick:
    """The finding's line in the list: severity by mark and word, title, source, count and shares."""
    of_text = "" if finding.text_share is None else percent(finding.text_share)
    title = f"{MARKS[finding.severity]} {fit(text(NAMES[finding.severity]), _SEVERITY_WIDTH - 3)}{text(finding.title)}"
    source = finding.source if name_source else ""
    return Pick(
        str(index),
        title,
        source or " ",
        tail=f"{_count(finding.count):>7} {percent(finding.share):>5} {of_text:>5}",
        tone=TONES[finding.severity],
    )


def head(finding: Finding) -> str:
    """How often it is there and how much of the text that is."""
    often = {"count": finding.count, "of": finding.of, "share": finding.share}
    if finding.source:
        said = text("quality-screen.head-in", **often, source=finding.source)
    else:
        said = text("quality-screen.head", **often)
    if finding.tokens is None and finding.text_share is None:
        return text("quality-screen.much", head=said)
    if finding.text_share is None:
        return text("quality-screen.much-tokens", head=said, tokens=finding.tokens)
    if finding.tokens is None:
        return text("quality-screen.much-text", head=said, share=finding.text_share)
    return text("quality-screen.much-both", head=said, tokens=finding.tokens, share=finding.text_share)


def remedy_lines(finding: Finding) -> list[str]:
    """Each remedy with its key and what the trial showed."""
    return [
        text("quality-screen.press", key=number, remedy=remedy.what, tried=tried(remedy))
        for number, remedy in enumerate(finding.remedies, start=1)
    ]


def tried(remedy: Remedy) -> str:
    return text("quality-screen.tried", tried=remedy.tried, left=remedy.left)


def place_picks(places: Sequence[Place]) -> list[Pick]:
    """The rows of a finding: file, row number, and the words seen."""
    return [
        Pick(
            str(index),
            text("quality-screen.place", row=place.row, file=shorten(Path(place.file).name, PLACE_WIDTH)),
            shorten(seen(place), 200),
        )
        for index, place in enumerate(places)
    ]


def _count(count: int) -> str:
    """A number in at most seven cells."""
    return f"{count:,}" if count < 1_000_000 else f"{count / 1e6:.2f}M"
