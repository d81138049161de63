"""The doctor's work on a batch of rows, in any process: all it needs goes in, all it saw comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.fix_names import Fix
from engine.data.files.lenient import Unreadable, row_or_tell
from engine.data.files.line_blocks import Block, rows_of
from engine.data.fixes import UNREADABLE, row_change
from engine.data.quality.counts import Tally
from engine.data.quality.findings import Place
from engine.data.quality.inspection import faults_of, whole_text
from engine.data.quality.row_index import Keys
from engine.data.quality.source_stats import Portrait
from engine.data.rows.convert import problem
from engine.data.rows.formats import Detected
from engine.data.rows.messages import RawRow, Row
from engine.data.rows.records import record_of
from engine.data.rows.unused import Unused


@dataclass(frozen=True)
class Manner:
    """How rows are looked at: the config's repairs and seed, and one of how many rows is taken for each sample.

    ``token_every`` is 0 where no rows are kept for the tokenizer. ``most_tried`` is that of a Tally.
    """

    fixes: tuple[Fix, ...]
    seed: int
    near_every: int
    language_every: int
    token_every: int
    most_tried: int


@dataclass(frozen=True)
class Batch:
    """Rows of one file of the source ``name``, which has the index ``source``, read already or as lines."""

    name: str
    source: int
    rows: Sequence[RawRow | Row] | Block
    detected: Detected


@dataclass
class Looked:
    """What was seen in rows; ``sample`` are lines for the tokenizer."""

    tally: Tally
    portrait: Portrait
    keys: Keys
    sample: list[str]

    def merge(self, other: Looked) -> None:
        """Put what was seen in later rows of the same source behind it."""
        self.tally.merge(other.tally)
        self.portrait.merge(other.portrait)
        self.keys.merge(other.keys)
        self.sample += other.sample


def nothing_yet(name: str, manner: Manner) -> Looked:
    return Looked(Tally(name, manner.most_tried), Portrait(name), Keys(manner.seed, manner.near_every), [])


def look_at(batch: Batch, manner: Manner) -> Looked:
    """Look at every row of ``batch``."""
    seen = nothing_yet(batch.name, manner)
    seen.portrait.format = batch.detected.format
    change = row_change(manner.fixes)

    def tell(fault: Unreadable) -> None:
        note_unreadable(seen.tally, fault, manner.fixes)

    unused = Unused(batch.detected)
    seen.portrait.unused = unused.names
    rows = rows_of(batch.rows, batch.name, tell) if isinstance(batch.rows, Block) else batch.rows
    for read in rows:
        if isinstance(read, RawRow):
            unused.see(read.values)
        row = row_or_tell(read, batch.detected, tell) if isinstance(read, RawRow) else read
        changed = None if row is None else change(row)
        if changed is None:
            continue
        text = whole_text(changed)
        faults = faults_of(changed, text)
        if faults:
            seen.tally.note(changed, faults, len(text))
        if problem(changed):
            seen.portrait.left_out += 1
            seen.portrait.characters_left_out += len(text)
            continue
        # Samples are drawn by content: every tenth row may be of one kind.
        key = seen.keys.add(changed, batch.source, text)
        if manner.token_every and key % manner.token_every == 0:
            record = record_of(changed) | {"source": batch.name}
            seen.sample.append(json.dumps(record, ensure_ascii=True))
        seen.portrait.add(changed, text, key % manner.language_every == 0)
    return seen


def note_unreadable(tally: Tally, fault: Unreadable, fixes: Sequence[Fix]) -> None:
    """Count a row that can't be read, unless the config says to pass over it."""
    if fault.ends or UNREADABLE not in fixes:
        message = fault.error.message.removeprefix(fault.file)
        # The place is told beside it.
        said = message.rpartition(f"row {fault.row:,}")[2].strip(" ,:\n") or fault.error.title
        seen = f"{said}{ENDS}" if fault.ends else said
        tally.add("unreadable", Place(fault.file, fault.row, seen, fault.error.hint))


ENDS = ", and nothing behind it"
