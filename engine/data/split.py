"""Which rows are held out: decided by each row's content and the seed, never by its place in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.config.schema import DatasetSection, RunConfig
from engine.data.messages import Row
from engine.data.sources import source_names
from engine.errors import ConfigError


@dataclass(frozen=True)
class Split:
    """Indices into the rows. ``train`` ascends; ``heldout`` is in the order of the draw, so its head is a sample."""

    train: list[int]
    heldout: list[int]


def split(rows: Sequence[Row], dataset: DatasetSection, seed: int, learnt: Collection[str] = ()) -> Split:
    """Hold out ``eval_rows`` rows, or else ``eval_share`` of them (at least one of two or more).

    Rows are ranked by a hash of seed and content, so adding rows or reordering files moves few of them. Equal rows
    stay on one side: an answer that was trained on is no test. Fewer rows are held out where equal ones leave no
    other way. Rows of the sources called ``learnt`` are never held out, as the model may have seen them.
    Raises ConfigError when no row would be left to train on.
    """
    fresh = [index for index, row in enumerate(rows) if row.source not in learnt]
    hashes = [content_hash(rows[index], seed) for index in fresh]
    heldout = [fresh[at] for at in held_out(hashes, held_out_rows(len(fresh), dataset))]
    kept_out = set(heldout)
    return Split([index for index in range(len(rows)) if index not in kept_out], heldout)


def held_out(hashes: Sequence[bytes], wanted: int) -> list[int]:
    """Which ``wanted`` of the rows with these ``hashes`` (see ``content_hash``) are held out, in the order of the draw.

    Fewer where equal rows leave no other way.
    """
    groups: dict[bytes, list[int]] = {}
    for index, key in enumerate(hashes):
        groups.setdefault(key, []).append(index)
    heldout: list[int] = []
    for key in sorted(groups):
        if len(heldout) + len(groups[key]) <= wanted:
            heldout += groups[key]
        if len(heldout) == wanted:
            break
    return heldout


def replayed(config: RunConfig) -> frozenset[str]:
    """Names of the sources of ``config`` that replay what was learnt before."""
    names = source_names(config.data)
    return frozenset(name for name, source in zip(names, config.data, strict=True) if source.role == "replay")


def content_hash(row: Row, seed: int) -> bytes:
    """16 bytes from seed and content alone: the same row has the same hash in any file."""
    content = [[message.role, message.text] for message in row.messages] or row.text
    text = json.dumps([seed, content, *row.tools], ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def held_out_rows(count: int, dataset: DatasetSection) -> int:
    """How many of ``count`` rows are to be held out. Raises ConfigError when none would be left to train on."""
    if dataset.eval_rows is not None:
        if dataset.eval_rows >= count > 0:
            raise ConfigError(
                "Too many rows are held out",
                f"dataset.eval_rows is {dataset.eval_rows:,}, but there are {count:,} rows: none is left to train on.",
                f"Set it to {count - 1:,} at most, or leave it out.",
            )
        return min(dataset.eval_rows, max(0, count - 1))
    if dataset.eval_share == 0 or count < 2:
        return 0
    return min(max(1, round(dataset.eval_share * count)), count - 1)
