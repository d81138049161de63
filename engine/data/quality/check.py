"""The doctor's pass over all rows of a run: one reading, little kept, every finding with its rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.config.schema import DataSource, RunConfig
from engine.data import run_source
from engine.data.files.lenient import Unreadable, tolerant_raw_rows
from engine.data.files.line_blocks import blocks, in_blocks
from engine.data.files.sources import DataFile, data_files, source_names
from engine.data.quality.batch_scan import ENDS, Batch, Looked, Manner, look_at, note_unreadable, nothing_yet
from engine.data.quality.catalogue import CATALOGUE
from engine.data.quality.cross_row import Comparison
from engine.data.quality.findings import Finding, Remedy, Report, SourceFacts, ordered
from engine.data.quality.row_index import NEAR_ROWS, Keys
from engine.data.quality.source_stats import LANGUAGE_ROWS
from engine.data.quality.workers import shared, spare_processors
from engine.data.rows.messages import RawRow
from engine.data.splitting.split import replayed
from engine.data.stream import expected_rows

TOKEN_ROWS = 2000
"""Rows kept for the tokenizer."""
SHARED_ROWS = 20_000
"""Rows from which helpers pay: each takes two seconds to begin."""
_BATCH_ROWS = 250
_BATCH_BYTES = 1 << 20  # of text in a batch: several are under way at once
_TRIED = 1000
Progress = Callable[[int, int], object]


def check(
    config: RunConfig, on_progress: Progress = lambda done, total: None, sample_into: Path | None = None
) -> Report:
    """Everything that can be said of the rows of ``config`` without a tokenizer.

    ``on_progress(rows done, rows expected)`` may raise to end it. About 2,000 usable rows, evenly spaced, are written
    to ``sample_into`` as JSON lines. Raises DataError for sources that can't be read at all.
    """
    names = source_names(config.data)
    total = sum(map(expected_rows, config.data))
    manner = _manner(config, total, sample_into is not None)
    helpers = spare_processors() if total >= SHARED_ROWS else 0
    keys = Keys(config.run.seed, manner.near_every)
    findings: list[Finding] = []
    facts = []
    sample: list[str] = []
    done = 0
    for index, (source, name) in enumerate(zip(config.data, names, strict=True)):
        seen = nothing_yet(name, manner)
        for looked in _looked(source, name, index, manner, seen, helpers):
            seen.merge(looked)
            on_progress(done + seen.portrait.rows, max(total, done + seen.portrait.rows))
        about = seen.portrait.facts()
        facts.append(about)
        done += about.rows
        read = about.rows + about.left_out + seen.tally.count("unreadable")
        size = about.characters + seen.portrait.characters_left_out
        findings += [_remedied(finding) for finding in seen.tally.findings(read, size)]
        findings += seen.portrait.findings(about)
        keys.merge(seen.keys)
        sample += seen.sample
    if sample_into is not None:
        sample_into.write_text("".join(line + "\n" for line in sample), "utf-8")
    learnt = replayed(config)
    comparison = Comparison(keys, config.dataset, [index for index, name in enumerate(names) if name in learnt])
    findings += comparison.findings(names)
    findings += _too_few(facts, comparison)
    return Report(tuple(facts), ordered(findings), tuple(_notes(keys)))


def _manner(config: RunConfig, total: int, for_tokens: bool) -> Manner:
    return Manner(
        fixes=tuple(config.dataset.fixes),
        seed=config.run.seed,
        near_every=1 if total <= NEAR_ROWS else -(-2 * total // NEAR_ROWS),
        language_every=max(1, total // LANGUAGE_ROWS),
        token_every=max(1, total // TOKEN_ROWS) if for_tokens else 0,
        most_tried=_TRIED if total < SHARED_ROWS else max(1, _TRIED * _BATCH_ROWS // total),
    )


def _looked(source: DataSource, name: str, index: int, manner: Manner, seen: Looked, helpers: int) -> Iterator[Looked]:
    """What is seen in the batches of ``source``; rows beyond max_rows are not looked at."""
    files = [] if run_source.is_run(source) else data_files(source)
    most = source.max_rows or next((file.source.max_rows for file in files), None)

    def size() -> int:
        """Of the next batch: no row is read that could be one too many."""
        return _BATCH_ROWS if most is None else min(_BATCH_ROWS, most - seen.portrait.rows)

    batches = _batches(source, files, name, index, manner, seen, size, in_parts=most is not None)
    # What size() says is known only when all rows before have been looked at.
    yield from shared(partial(look_at, manner=manner), batches, helpers if most is None else 0)


def _batches(
    source: DataSource, files: list[DataFile], name: str, index: int, manner: Manner, seen: Looked,
    size: Callable[[], int], in_parts: bool,
) -> Iterator[Batch]:  # fmt: skip
    """The rows of ``source``; lines are left to be decoded with the look at them, but for ``in_parts``."""

    def tell(fault: Unreadable) -> None:
        note_unreadable(seen.tally, fault, manner.fixes)

    if run_source.is_run(source):
        pairs = run_source.trained_rows(source, name)
        while known := list(itertools.islice(pairs, size())):
            yield Batch(name, index, [row for row, _ in known], known[0][1])
        return
    for file in files:
        if size() < 1:
            return
        if not in_parts and in_blocks(file.path):
            _, detected = tolerant_raw_rows(file, name, lambda fault: None)
            for block in blocks(file.path, tell):
                yield Batch(name, index, block, detected)
            continue
        raw_rows, detected = tolerant_raw_rows(file, name, tell)
        while some := list(_taken(raw_rows, size())):
            yield Batch(name, index, some, detected)


def _taken(raw_rows: Iterator[RawRow], most: int) -> Iterator[RawRow]:
    """The next ``most`` of ``raw_rows``, fewer where they are long."""
    begin = None
    for raw in itertools.islice(raw_rows, most):
        yield raw
        begin = raw.end_byte if begin is None else begin
        if raw.end_byte - begin > _BATCH_BYTES:
            return


def _remedied(finding: Finding) -> Finding:
    """Unreadable rows with the repair that passes over them, where reading went on behind all of them."""
    if finding.code != "unreadable" or finding.count >= finding.of:
        return finding
    if any(place.seen.endswith(ENDS) for place in finding.places):
        return finding
    fix = CATALOGUE["unreadable"].fixes[0]
    return replace(finding, remedies=(Remedy("leave those rows out", finding.count, 0, fix),))


def _too_few(facts: Sequence[SourceFacts], comparison: Comparison) -> Iterator[Finding]:
    """That no row would be trained on, where it is so: all are left out, or the split refuses them."""
    used = sum(each.rows for each in facts)
    read = used + sum(each.left_out for each in facts)
    detail = comparison.refused.message if comparison.refused else ""
    if not used:
        detail = "all are left out"
    if detail:
        entry = CATALOGUE["nothing_left"]
        yield Finding("nothing_left", entry.severity, "", read, read, entry.title, entry.why, detail)


def _notes(keys: Keys) -> Iterator[str]:
    if len(keys) > 2 * LANGUAGE_ROWS:
        yield f"Languages are told from about {LANGUAGE_ROWS:,} rows."
    if keys.is_sampled:
        yield (
            f"Near duplicates are looked for among {len(keys.near_rows):,} of {len(keys):,} rows, "
            f"as there are more than {NEAR_ROWS:,}."
        )
