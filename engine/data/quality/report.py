"""A doctor's report as lines of text, for 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import wcwidth

from engine.common.clean_text import clean, shorten
from engine.data.quality.findings import Finding, Lengths, Place, Report, SourceFacts
from engine.data.rows.unused import told
from engine.messages.catalogue import clauses, paragraph, part, text
from engine.messages.formats import percent
from engine.messages.message import Message

WIDTH = 79
_SHOWN_PLACES = 3
_MOST_LABELS = 6
_BAR = 30
_WORDS = {
    "fatal": Message("quality.fatal"), "warning": Message("quality.warning"), "note": Message("quality.note"),
}  # fmt: skip


def lines_of(report: Report, rows: int = _SHOWN_PLACES) -> Iterator[str]:
    """The report, cleaned; of each finding up to ``rows`` rows are named."""
    for source in report.sources:
        yield from _source(source)
    if report.lengths is not None:
        yield ""
        yield from _lengths(report.lengths)
    yield from _languages(report)
    for finding in report.findings:
        yield ""
        yield from _finding(finding, len(report.sources) > 1, rows)
    yield ""
    for note in report.notes:
        yield from _wrapped(text(note), "  ")
    yield verdict(report)


def verdict(report: Report) -> str:
    """One line on how many findings there are, and whether the training would start."""
    fatal, warnings, notes = (sum(each.severity == kind for each in report.findings) for kind in _WORDS)
    rest = [Message("quality.warnings", count=warnings)] if warnings else []
    rest += [Message("quality.notes", count=notes)] if notes else []
    if fatal and rest:
        return text("quality.fatal-findings-and", count=fatal, rest=rest)
    if fatal:
        return text("quality.fatal-findings", count=fatal)
    if rest:
        return text("quality.nothing-fatal", rest=rest)
    return text("quality.nothing-wrong" if report.lengths else "quality.nothing-wrong-in-text")


def _source(source: SourceFacts) -> Iterator[str]:
    parts = [
        Message(
            "quality.source", name=source.name, rows=source.rows, format=source.format, characters=source.characters
        )
    ]
    if source.left_out:
        parts.append(Message("quality.source-left-out", rows=source.left_out))
    if source.languages:
        shares = [f"{code} {percent(share)}" for code, share in source.languages.items() if share >= 0.01]
        parts.append(Message("quality.source-languages", shares=shares[:4]))
    if source.labels:
        labels = [f"{shorten(label, 20)} {count:,}" for label, count in list(source.labels.items())[:_MOST_LABELS]]
        more = len(source.labels) - len(labels)
        some = Message("quality.source-labels-more", labels=labels, more=more)
        parts.append(some if more else Message("quality.source-labels", labels=labels))
    if source.unused:
        parts.append(Message("quality.source-unused", columns=told(source.unused)))
    yield from _wrapped(clauses(*map(text, parts)), "", "  ")


def _lengths(lengths: Lengths) -> Iterator[str]:
    mean, trained = lengths.tokens / lengths.rows, lengths.supervised
    yield text("quality.lengths", mean=mean, trained=trained, limit=lengths.max_length)
    sizes = [f"{size:,} {share}%" for share, size in lengths.needed.items()]
    yield f"  {text('quality.lengths-needed', sizes=sizes)}"
    most = max(count for _, count in lengths.bins)
    width = max(len(f"{end:,}") for end, _ in lengths.bins)
    for end, count in lengths.bins:
        bar = "#" * (-(-count * _BAR // most))
        mark = "  <- max_length" if end // 2 < lengths.max_length <= end else ""
        yield f"  {text('quality.up-to', end=f'{end:>{width},}')}  {bar:<{_BAR}} {count:>7,}{mark}"


def _languages(report: Report) -> Iterator[str]:
    told = [each for each in report.languages if each.language and each.rows >= max(1, report.languages[0].rows // 50)]
    if told:
        yield ""
        yield text("quality.per-language")
    for each in told[:8]:
        rows = Message("quality.rows", rows=each.rows)
        if each.unknown:
            rows = Message("quality.rows-unknown-pieces", rows=each.rows, pieces=each.unknown)
        name = shorten(each.source, 30)
        yield f"  {name:<30}  {each.language:<4} {each.tokens_per_character:>6.2f}  {text(rows)}"


def head(finding: Finding, name_source: bool = True) -> Message:
    """What it is, how often, and how much of the text lies in those rows."""
    common = {"what": finding.title, "count": finding.count, "rows": finding.of, "share": _share(finding.share)}
    found = Message("quality.head", **common)
    if finding.tokens is not None:
        share = _share(finding.text_share or 0)
        found = Message("quality.head-tokens", tokens=finding.tokens, text=share, **common)
    elif finding.text_share is not None:
        found = Message("quality.head-text", text=_share(finding.text_share), **common)
    if name_source and finding.source:
        found = Message("quality.in-source", head=found, source=finding.source)
    return found


def why(finding: Finding) -> list[str]:
    """Why it matters, or of an error to what it happened; then its details and what to do."""
    title = finding.title
    parts = [text(finding.why) if finding.why else part(title, "message"), part(title, "hint")]
    return [each for each in (*parts, paragraph(finding.detail) if finding.detail else "") if each]


def seen(place: Place) -> str:
    """What is wrong at the row, or what was seen there; on one line."""
    if isinstance(place.seen, str):
        return clean(place.seen, keep_newlines=False)
    message = part(place.seen, "message")
    return f"{text(place.seen)}: {message}" if message else text(place.seen)


def _finding(finding: Finding, name_source: bool, rows: int) -> Iterator[str]:
    word = wcwidth.ljust(f"{text(_WORDS[finding.severity])}:", 9)
    yield from _wrapped(f"{word}{text(head(finding, name_source))}", "", " " * 9)
    for line in why(finding):
        yield from _wrapped(line, " " * 9)
    for place in finding.places[:rows]:
        where, words = text("quality.place", file=Path(place.file).name, row=place.row), seen(place)
        yield from _wrapped(f"{where}: {words}" if words else where, " " * 9 + "- ", " " * 11)
    if finding.count > rows and len(finding.places) > rows:
        yield f"{' ' * 11}{text('quality.more', count=finding.count - rows)}"
    for hint in finding.hints:
        yield from _wrapped(text(hint), " " * 9 + "> ", " " * 11)
    for remedy in finding.remedies:
        setting = f'fixes = ["{remedy.fix}"]' if remedy.fix else ""
        setting = setting or ", ".join(f"{name} = {value}" for name, value in remedy.settings.items())
        line = text("quality.tried", what=remedy.what, tried=remedy.tried, left=remedy.left, setting=setting)
        yield from _wrapped(line, " " * 9 + "> ", " " * 11)


def _share(share: float) -> str:
    return percent(share, 1) if share < 0.1 else percent(share)


def _wrapped(words: str, first: str, rest: str | None = None) -> list[str]:
    return wcwidth.wrap(
        clean(words, keep_newlines=False), WIDTH, initial_indent=first,
        subsequent_indent=first if rest is None else rest, break_on_hyphens=False,
    )  # fmt: skip
