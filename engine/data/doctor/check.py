"""The doctor's pass over all rows of a run: one reading, little kept, every finding with its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from engine.config.schema import DataSource, RunConfig
from engine.data import earlier
from engine.data.convert import problem
from engine.data.doctor.catalogue import CATALOGUE
from engine.data.doctor.findings import Finding, Place, Remedy, Report, ordered
from engine.data.doctor.inspection import faults_of
from engine.data.doctor.keys import NEAR_ROWS, Keys
from engine.data.doctor.portrait import LANGUAGE_ROWS, Portrait
from engine.data.doctor.sets import Comparison
from engine.data.doctor.tally import Tally
from engine.data.fixes import row_change
from engine.data.lenient import Unreadable, tolerant_rows
from engine.data.messages import Row
from engine.data.preview import look
from engine.data.records import record_of
from engine.data.sources import DataFile, data_files, source_names
from engine.data.split import replayed
from engine.errors import DataError

TOKEN_ROWS = 2000
"""Rows kept for the tokenizer."""
_TOLD_EVERY = 2000
Progress = Callable[[int, int], object]


def check(
    config: RunConfig, on_progress: Progress = lambda done, total: None, sample_into: Path | None = None
) -> Report:
    """Everything that can be said of the rows of ``config`` without a tokenizer.

    ``on_progress(rows done, rows expected)`` may raise to end it. About 2,000 usable rows, evenly spaced, are written
    to ``sample_into`` as JSON lines. Raises DataError for sources that can't be read at all.
    """
    names = source_names(config.data)
    expected = [_expected(source) for source in config.data]
    keys = Keys(config.run.seed, sum(expected))
    passing = _Pass(config, keys, sum(expected), on_progress)
    sample = sample_into.open("w", encoding="utf-8") if sample_into else None
    findings: list[Finding] = []
    facts = []
    try:
        for index, (source, name) in enumerate(zip(config.data, names, strict=True)):
            tally, portrait = Tally(name), Portrait(name, expected[index])
            passing.over(source, index, tally, portrait, sample)
            about = portrait.facts()
            facts.append(about)
            seen = about.rows + about.left_out + tally.count("unreadable")
            findings += [_graver(finding, tally) for finding in tally.findings(seen, portrait.characters)]
            findings += portrait.findings(about)
    finally:
        if sample is not None:
            sample.close()
    learnt = replayed(config)
    comparison = Comparison(keys, config.dataset, [index for index, name in enumerate(names) if name in learnt])
    findings += comparison.findings(names)
    return Report(tuple(facts), ordered(findings), tuple(_notes(keys, len(keys))))


class _Pass:
    """Walks over sources, feeding what collects."""

    def __init__(self, config: RunConfig, keys: Keys, expected: int, on_progress: Progress) -> None:
        self._keys, self._expected, self._on_progress = keys, expected, on_progress
        self._fixes = config.dataset.fixes
        self._change = row_change(self._fixes)
        self._every = max(1, expected // TOKEN_ROWS)
        self._done = 0

    def over(self, source: DataSource, index: int, tally: Tally, portrait: Portrait, sample: IO[str] | None) -> None:
        files = [] if earlier.is_run(source) else data_files(source)
        most = source.max_rows or next((file.source.max_rows for file in files), None)
        for row in self._rows(source, files, tally, portrait):
            self._done += 1
            if self._done % _TOLD_EVERY == 0:
                self._on_progress(self._done, max(self._expected, self._done))
            changed = self._change(row)
            if changed is None:
                continue
            faults = faults_of(changed)
            if faults:
                tally.note(changed, faults)
            if problem(changed):
                portrait.left_out += 1
                continue
            if sample is not None and len(self._keys) % self._every == 0:
                record = record_of(changed) | {"source": portrait.name}
                sample.write(json.dumps(record, ensure_ascii=True) + "\n")
            portrait.add(changed)
            self._keys.add(changed, index)
            if most is not None and portrait.rows >= most:
                break

    def _rows(self, source: DataSource, files: Sequence[DataFile], tally: Tally, portrait: Portrait) -> Iterator[Row]:
        if earlier.is_run(source):
            for row, detected in earlier.trained_rows(source, portrait.name):
                portrait.format = detected.format
                yield row
            return
        for file in files:
            yield from self._file(file, tally, portrait)

    def _file(self, file: DataFile, tally: Tally, portrait: Portrait) -> Iterator[Row]:
        def tell(fault: Unreadable) -> None:
            if "drop_unreadable" not in self._fixes or fault.ends:
                ends = ", and nothing behind it" if fault.ends else ""
                tally.add("unreadable", Place(fault.file, fault.row, f"{_said(fault)}{ends}"))

        rows, detected = tolerant_rows(file, portrait.name, tell)
        portrait.format = portrait.format or detected.format
        yield from rows


def _said(fault: Unreadable) -> str:
    """What is wrong, without the place, which is told beside it."""
    message = fault.error.message
    return message.rpartition(f"row {fault.row:,}")[2].strip(" ,:") or fault.error.title


def _expected(source: DataSource) -> int:
    """About how many rows ``source`` has. Raises DataError when it can't be read at all."""
    try:
        count = look(source, limit=1).count_estimate
    except DataError:
        data_files(source)  # a place that is not there is no finding
        count = 0
    return min(count, source.max_rows or count)


def _graver(finding: Finding, tally: Tally) -> Finding:
    """Unreadable rows with the repair that passes over them, where reading went on behind all of them."""
    if finding.code != "unreadable":
        return finding
    if any(place.seen.endswith("nothing behind it") for place in finding.places) or finding.count >= finding.of:
        return finding
    fix = CATALOGUE["unreadable"].fixes[0]
    return replace(finding, remedies=(Remedy("leave those rows out", finding.count, 0, fix),))


def _notes(keys: Keys, rows: int) -> Iterator[str]:
    if rows > 2 * LANGUAGE_ROWS:
        yield f"Languages are told from about {LANGUAGE_ROWS:,} rows of each source."
    if keys.sampled:
        yield (
            f"Near duplicates are looked for among {len(keys.near_rows):,} of {len(keys):,} rows, "
            f"as there are more than {NEAR_ROWS:,}."
        )
