"""All that can be said of a run's rows without a tokenizer: observers of one pass, and the report they add up to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.common.workers import spare_processors
from engine.config.schema import RunConfig
from engine.data.batches import BySource, Observer, Rows
from engine.data.files.sources import source_names
from engine.data.fixes import UNREADABLE
from engine.data.quality.catalogue import CATALOGUE, LEAVE_OUT
from engine.data.quality.counts import Counts
from engine.data.quality.cross_row import Comparison
from engine.data.quality.findings import Finding, Remedy, Report, SourceFacts, ordered
from engine.data.quality.source_stats import LANGUAGE_ROWS, SourceStats
from engine.data.reader import BATCH_ROWS, SHARED_ROWS, Reading, expected_rows
from engine.data.rows.records import record_of
from engine.data.splitting.row_index import RowIndex
from engine.data.splitting.split import replayed
from engine.messages.message import Message

NEAR_ROWS = 200_000
"""Rows that are all compared for being nearly the same; of more, a sample of half as many is."""
TOKEN_ROWS = 2000
"""Rows kept for the tokenizer."""
_TRIED = 1000
Progress = Callable[[int, int], object]


def check(
    config: RunConfig, on_progress: Progress = lambda done, total: None, sample_into: Path | None = None
) -> Report:
    """Read the rows of ``config`` once and report on them.

    ``on_progress(rows done, rows expected)`` may raise to end it. About 2,000 usable rows, evenly spaced, are written
    to ``sample_into`` as JSON lines. Raises DataError for sources that can't be read at all.
    """
    quality = Quality(config, with_sample=sample_into is not None)
    quality.look(Reading(config, tolerant=True), on_progress)
    if sample_into is not None:
        quality.sample.write(sample_into)
    return quality.report()


class TokenSample:
    """Keeps one in ``every`` row for the tokenizer, chosen by content, as a line of JSON with its source."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._lines: list[str] = []

    def see(self, rows: Rows) -> None:
        for row, (content, _) in zip(rows.used, rows.keys, strict=True):
            if content % self._every == 0:
                self._lines.append(json.dumps(record_of(row) | {"source": rows.name}, ensure_ascii=True))

    def merge(self, later: TokenSample) -> None:
        self._lines += later._lines

    def write(self, path: Path) -> None:
        path.write_text("".join(line + "\n" for line in self._lines), "utf-8")


class Quality:
    """What is seen of the rows of ``config``. ``index`` compares all of them for nearness if ``all_near``."""

    def __init__(self, config: RunConfig, with_sample: bool, all_near: bool = False) -> None:
        self._config, self._names = config, source_names(config.data)
        self._total = total = sum(map(expected_rows, config.data))
        most_tried = _TRIED if total < SHARED_ROWS else max(1, _TRIED * BATCH_ROWS // total)
        self._counts = BySource(partial(Counts, most_tried=most_tried, passes_over=UNREADABLE in config.dataset.fixes))
        self._stats = BySource(partial(SourceStats, language_every=max(1, total // LANGUAGE_ROWS)))
        self.index = RowIndex(config.run.drawn_by, 1 if all_near or total <= NEAR_ROWS else -(-2 * total // NEAR_ROWS))
        self.sample = TokenSample(max(1, total // TOKEN_ROWS))
        self._observers: list[Observer] = [self._counts, self._stats, self.index, *([self.sample] * with_sample)]

    def look(self, reading: Reading, on_progress: Progress, beside: Sequence[Observer] = ()) -> None:
        """Show all rows of ``reading``, which is tolerant, to these observers and those ``beside``."""
        helpers = spare_processors() if self._total >= SHARED_ROWS else 0
        reading.observe(
            [*self._observers, *beside], helpers, lambda done: on_progress(done, max(self._total, done))
        )  # fmt: skip

    def report(self) -> Report:
        """All findings of what was seen."""
        findings: list[Finding] = []
        facts = []
        for number, name in enumerate(self._names):
            counts, stats = self._counts.at(number, name), self._stats.at(number, name)
            about = stats.facts()
            facts.append(about)
            read = about.rows + about.left_out + counts.count("unreadable")
            size = about.characters + stats.characters_left_out
            findings += [_remedied(finding) for finding in counts.findings(read, size)]
            findings += stats.findings(about)
        learnt = replayed(self._config)
        learnt_at = [number for number, name in enumerate(self._names) if name in learnt]
        comparison = Comparison(self.index, self._config.dataset, learnt_at)
        findings += comparison.findings(self._names)
        findings += _too_few(facts, comparison)
        return Report(tuple(facts), ordered(findings), tuple(_notes(self.index)))


def _remedied(finding: Finding) -> Finding:
    """Unreadable rows with the repair that passes over them, where reading went on behind all of them."""
    if finding.code != "unreadable" or finding.count >= finding.of:
        return finding
    if any(isinstance(place.seen, Message) and place.seen.code == "quality.row-ends" for place in finding.places):
        return finding
    fix = CATALOGUE["unreadable"].fixes[0]
    return replace(finding, remedies=(Remedy(LEAVE_OUT, finding.count, 0, fix),))


def _too_few(facts: Sequence[SourceFacts], comparison: Comparison) -> Iterator[Finding]:
    """That no row would be trained on, where it is so: all are left out, or the split refuses them."""
    used = sum(each.rows for each in facts)
    read = used + sum(each.left_out for each in facts)
    detail = comparison.refused.reason if comparison.refused else None
    if not used:
        detail = Message("quality.all-left-out")
    if detail is not None:
        entry = CATALOGUE["nothing_left"]
        yield Finding("nothing_left", entry.severity, "", read, read, entry.title, entry.why, detail)


def _notes(index: RowIndex) -> Iterator[Message]:
    if len(index) > 2 * LANGUAGE_ROWS:
        yield Message("quality.languages-sampled", rows=LANGUAGE_ROWS)
    if index.is_sampled:
        yield Message("quality.near-sampled", looked=len(index.near_rows), rows=len(index), limit=NEAR_ROWS)
