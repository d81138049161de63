"""A doctor's report as lines of text, for 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import wcwidth

from engine.common.clean_text import clean, shorten
from engine.data.quality.findings import Finding, Lengths, Report, SourceFacts
from engine.data.rows.unused import told

WIDTH = 79
_SHOWN_PLACES = 3
_MOST_LABELS = 6
_BAR = 30
_WORDS = {"fatal": "FATAL", "warning": "Warning", "note": "Note"}


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
        yield from _wrapped(note, "  ")
    yield verdict(report)


def verdict(report: Report) -> str:
    """One line on how many findings there are, and whether the training would start."""
    counts = {severity: sum(each.severity == severity for each in report.findings) for severity in _WORDS}
    said = [_plural(count, severity) for severity, count in counts.items() if count and severity != "fatal"]
    if counts["fatal"]:
        rest = f"; besides, {' and '.join(said)}" if said else ""
        return f"{_plural(counts['fatal'], 'fatal finding')}: a training would not start{rest}."
    if said:
        return f"Nothing fatal: {' and '.join(said)}."
    return "Nothing found that is wrong" + ("." if report.lengths else " in the text; no tokenizer has read it.")


def _source(source: SourceFacts) -> Iterator[str]:
    name = clean(source.name, keep_newlines=False)
    text = f"{name}: {_plural(source.rows, 'row')} of {source.format}, {source.characters:,} characters"
    if source.left_out:
        text += f"; {source.left_out:,} left out, as nothing can be learnt from them"
    if source.languages:
        shares = [f"{code} {share:.0%}" for code, share in source.languages.items() if share >= 0.01]
        text += f"; language {', '.join(shares[:4])}"
    if source.labels:
        shown = [f"{shorten(label, 20)} {count:,}" for label, count in list(source.labels.items())[:_MOST_LABELS]]
        more = len(source.labels) - len(shown)
        text += f"; labels {', '.join(shown)}" + (f" and {more} more" if more else "")
    if source.unused:
        text += f"; not used: {told(source.unused)}"
    yield from _wrapped(text, "", "  ")


def _lengths(lengths: Lengths) -> Iterator[str]:
    mean = lengths.tokens / lengths.rows
    trained = f"{lengths.supervised:.0%} of the tokens are trained"
    yield f"Length in tokens: {mean:,.0f} on average, {trained}, max_length {lengths.max_length:,}"
    yield "  whole with max_length of " + ", ".join(f"{size:,} {share}%" for share, size in lengths.needed.items())
    most = max(count for _, count in lengths.bins)
    width = max(len(f"{end:,}") for end, _ in lengths.bins)
    for end, count in lengths.bins:
        bar = "#" * (-(-count * _BAR // most))
        mark = "  <- max_length" if end // 2 < lengths.max_length <= end else ""
        yield f"  up to {end:>{width},}  {bar:<{_BAR}} {count:>7,}{mark}"


def _languages(report: Report) -> Iterator[str]:
    told = [each for each in report.languages if each.language and each.rows >= max(1, report.languages[0].rows // 50)]
    if told:
        yield ""
        yield "Tokens a character, by language"
    for each in told[:8]:
        unknown = f", {each.unknown:,} unknown pieces" if each.unknown else ""
        name, rows = shorten(each.source, 30), _plural(each.rows, "row")
        yield f"  {name:<30}  {each.language:<4} {each.tokens_per_character:>6.2f}  {rows}{unknown}"


def _finding(finding: Finding, name_source: bool, rows: int) -> Iterator[str]:
    head = f"{_WORDS[finding.severity] + ':':<9}{finding.title}: {finding.count:,} of {_plural(finding.of, 'row')}"
    head += f" ({_percent(finding.share)}){_text_share(finding)}"
    head += f" in {clean(finding.source, keep_newlines=False)}" if name_source and finding.source else ""
    yield from _wrapped(head, "", " " * 9)
    yield from _wrapped(finding.why, " " * 9)
    if finding.detail:
        yield from _wrapped(finding.detail, " " * 9)
    for place in finding.places[:rows]:
        where = f"{Path(place.file).name}, row {place.row:,}"
        yield from _wrapped(f"{where}: {place.seen}" if place.seen else where, " " * 9 + "- ", " " * 11)
    if finding.count > rows and len(finding.places) > rows:
        yield " " * 9 + f"  and {finding.count - rows:,} more"
    for hint in finding.hints:
        yield from _wrapped(hint, " " * 9 + "> ", " " * 11)
    for remedy in finding.remedies:
        setting = f'fixes = ["{remedy.fix}"]' if remedy.fix else ""
        setting = setting or ", ".join(f"{name} = {value}" for name, value in remedy.settings.items())
        tried = f"tried: {remedy.tried:,} -> {remedy.left:,}"
        yield from _wrapped(f"{remedy.text} ({tried}): {setting}", " " * 9 + "> ", " " * 11)


def _text_share(finding: Finding) -> str:
    if finding.tokens is not None:
        return f", about {finding.tokens:,} tokens ({_percent(finding.text_share or 0)})"
    return f", {_percent(finding.text_share)} of the text" if finding.text_share is not None else ""


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("s" if count != 1 else "")


def _wrapped(text: str, first: str, rest: str | None = None) -> list[str]:
    return wcwidth.wrap(
        clean(text, keep_newlines=False), WIDTH, initial_indent=first,
        subsequent_indent=first if rest is None else rest, break_on_hyphens=False,
    )  # fmt: skip
