"""What the rows are like as a whole, in lines: sources, languages, labels, lengths, and how a tokenizer splits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len, set_cell_size

from engine.common.clean_text import clean, shorten
from engine.data.quality.findings import LanguageTokens, Lengths, Report, SourceFacts
from engine.data.rows.unused import told as unused_words
from engine.messages.catalogue import text
from engine.messages.formats import percent
from tui import words
from tui.widgets.line import to_right, wrap

MOST_LABELS = 12
_NAME = 24
_LEAST_SHARE = 0.01


def of_sources(report: Report, width: int, unicode: bool) -> Iterator[str]:
    """Per source rows, languages and labels; then how finely the tokenizer splits each language."""
    for source in report.sources:
        yield from _source(source, width, unicode)
        yield ""
    yield from _languages(report.languages, width)
    for note in report.notes:
        yield ""
        yield from wrap(text(note), width)


def of_lengths(lengths: Lengths | None, max_length: int, width: int, unicode: bool) -> Iterator[str]:
    """Histogram with the chosen max_length, and what would hold more rows whole: keys 1 to 5 choose it."""
    yield text("quality-screen.lengths")
    if lengths is None:
        yield text("quality-screen.lengths-unknown")
        return
    mean = lengths.tokens / lengths.rows
    yield from wrap(text("quality-screen.mean", mean=round(mean), trained=lengths.supervised), width)
    yield ""
    first = next((at for at, (_, count) in enumerate(lengths.bins) if count), 0)
    bins = lengths.bins[first:]
    most = max(count for _, count in bins) or 1
    column = max(len(f"{end:,}") for end, _ in bins)
    room = max(6, min(30, width - column - 28))
    for end, count in bins:
        mark = " < max_length" if end // 2 < max_length <= end else ""
        share = words.bar(count / most, room, unicode).rstrip("─.")
        # A few rows are never nothing.
        drawn = share or (("╸" if unicode else ":") if count else "")
        yield f"{text('quality-screen.up-to', end=f'{end:>{column},}')} {set_cell_size(drawn, room)} {count:>7,}{mark}"
    if max_length > bins[-1][0]:
        yield text("quality-screen.whole", tokens=max_length)
    yield ""
    yield text("quality-screen.keep-whole")
    for number, (share, needed) in enumerate(lengths.needed.items(), start=1):
        chosen = text("quality-screen.chosen") if needed == max_length else ""
        yield text("quality-screen.keeps", key=number, share=f"{share:>3}", tokens=f"{needed:>9,}") + chosen


def choices(lengths: Lengths | None) -> list[int]:
    """The values of max_length that keys 1 to 5 set; the schema allows none below 8."""
    return [max(8, needed) for needed in lengths.needed.values()] if lengths is not None else []


def _source(source: SourceFacts, width: int, unicode: bool) -> Iterator[str]:
    name = clean(source.name, keep_newlines=False)
    format = source.format or text("quality-screen.no-format")
    counted = {"rows": source.rows, "characters": source.characters}
    yield from wrap(text("quality-screen.source", name=name, format=format, **counted), width)
    if source.left_out:
        yield from wrap(text("quality-screen.left-out", rows=source.left_out), width)
    spoken = [f"{code} {percent(share)}" for code, share in source.languages.items() if share >= _LEAST_SHARE]
    if spoken:
        yield from wrap(text("quality-screen.language", languages=spoken[:6]), width)
    if source.unused:
        yield from wrap(text("quality-screen.unused", columns=unused_words(source.unused)), width)
    if source.labels:
        yield from _labels(source, width, unicode)


def _labels(source: SourceFacts, width: int, unicode: bool) -> Iterator[str]:
    labels = list(source.labels.items())
    most, total = max(count for _, count in labels), sum(count for _, count in labels)
    room = max(6, min(24, width - _NAME - 20))
    yield text("quality-screen.labels", labels=len(labels))
    for label, count in labels[:MOST_LABELS]:
        bar = words.bar(count / most, room, unicode)
        yield f"  {_fit(label, _NAME)} {bar} {count:>7,} {percent(count / total):>5}"
    if len(labels) > MOST_LABELS:
        yield text("quality-screen.more", more=len(labels) - MOST_LABELS)


def _languages(languages: Iterable[LanguageTokens], width: int) -> Iterator[str]:
    told = [each for each in languages if each.language]
    if not told:
        return
    yield text("quality-screen.splits")
    name = max(8, min(_NAME, width - 40))
    first = (("quality-screen.tokens-per", 10), ("quality-screen.unknown-head", 8), ("quality-screen.rows", 7))
    second = (("quality-screen.character", 10), ("quality-screen.pieces", 8))
    for heads in (first, second):
        yield f"  {'':{name}} {'':5} " + " ".join(to_right(text(code), width) for code, width in heads)
    most = max(each.rows for each in told)
    for each in [each for each in told if each.rows * 50 >= most][:8]:
        fine = f"{each.tokens_per_character:>10.2f} {each.unknown:>8,} {each.rows:>7,}"
        yield f"  {_fit(each.source, name)} {each.language:5} {fine}"


def _fit(words: str, cells: int) -> str:
    """``words`` cleaned, in exactly ``cells`` cells."""
    short = shorten(words, cells)
    return set_cell_size(short if cell_len(short) <= cells else set_cell_size(short, cells - 2) + "..", cells)
