"""What a source brings to a mix, guessed from the head of its files before anything was tokenised."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from dataclasses import replace

from engine.config.schema import DatasetSection, DataSource
from engine.data.files.preview import look
from engine.data.mixing.source_figures import SourceFigures
from engine.data.rows.messages import Row

LETTER_BYTES, SIGN_BYTES, OTHER_BYTES = 4.5, 1.5, 4.0
"""UTF-8 bytes that a vocabulary of this time makes one token of: letters and blanks, digits and signs (of which JSON
and code are full), and all that is not ASCII, such as Chinese."""
_LETTERS = (string.ascii_letters + " ").encode()
_NOT_ASCII = bytes(range(128, 256))
TURN_TOKENS = 6
"""What a chat template adds to each turn, about."""
SAMPLE_ROWS = 50


def guess(source: DataSource, dataset: DatasetSection) -> SourceFigures | None:
    """Rows and tokens from the head of ``source``, nothing held out yet; some milliseconds. None for no rows.

    Raises DataError or OSError where it can't be read.
    """
    seen = look(source, SAMPLE_ROWS, fetch=False)
    if not seen.rows:
        return None
    count = min(seen.count_estimate, source.max_rows or seen.count_estimate)
    sizes = [_tokens(row, dataset) for row in seen.rows]
    made = sum(examples for examples, _, _ in sizes)
    return SourceFigures(
        rows=count,
        examples=round(count * made / len(sizes)),
        tokens_mean=sum(tokens for _, tokens, _ in sizes) / made,
        trained_mean=sum(trained for _, _, trained in sizes) / made,
        guessed=True,
    )


def hold_out(sources: Sequence[SourceFigures], roles: Sequence[str], dataset: DatasetSection) -> list[SourceFigures]:
    """``sources`` with their part of the rows held out, and none of those that are replay.

    Where that is so already, nothing changes: what was counted stays as it was counted.
    """
    new = sum(
        source.rows + source.held_out for source, role in zip(sources, roles, strict=True) if role != "replay"
    )  # fmt: skip
    taken = _rows(new, dataset.eval_rows, dataset.eval_share) + _rows(new, dataset.test_rows, dataset.test_share)
    part = min(taken, new - 1) / new if new else 0.0
    return [_held_out(source, 0.0 if role == "replay" else part) for source, role in zip(sources, roles, strict=True)]


def _held_out(source: SourceFigures, part: float) -> SourceFigures:
    if bool(source.held_out) == bool(part) or not source.rows:
        return source
    every = source.rows + source.held_out
    held = round(every * part)
    return replace(
        source, rows=every - held, held_out=held, examples=round(source.examples * (every - held) / source.rows)
    )


def _rows(count: int, rows: int | None, share: float) -> int:
    return rows if rows is not None else round(count * share)


def _tokens(row: Row, dataset: DatasetSection) -> tuple[int, float, float]:
    """The examples that the row becomes, their tokens, and those of them that are trained."""
    limit, overlap = dataset.max_length, dataset.split_overlap
    if not row.messages:
        tokens = _of(row.text) + TURN_TOKENS
        if dataset.too_long != "split" or tokens <= limit:
            return 1, min(limit, tokens), min(limit, tokens)
        pieces = math.ceil((tokens - overlap) / max(1, limit - overlap))
        return pieces, tokens + overlap * (pieces - 1), tokens
    turns = [(_of(message.text), message) for message in row.messages]
    tokens = sum(size for size, _ in turns) + sum(map(_of, row.tools))
    answers = [0.0 if message.untrained else size for size, message in turns if message.role == "assistant"]
    trained = sum(answers[-1:] if dataset.train_on == "last" else answers)
    kept = min(limit, tokens + TURN_TOKENS * (len(turns) + len(row.tools)))
    return 1, kept, kept if dataset.train_on == "all" else min(kept, trained)


def _of(text: str) -> float:
    raw = text.encode("utf-8", "replace")
    others = raw.translate(None, _LETTERS)
    signs = len(others.translate(None, _NOT_ASCII))
    return (len(raw) - len(others)) / LETTER_BYTES + signs / SIGN_BYTES + (len(others) - signs) / OTHER_BYTES
