"""Which rows are held out, and which are the test: decided by each row's content and the seed, never by its place."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import NamedTuple

from engine.config.schema import DatasetSection, RunConfig
from engine.data.files.sources import source_names
from engine.data.rows.labels import could_be_label
from engine.data.rows.messages import Row
from engine.data.splitting.draw import Columns, draw


@dataclass(frozen=True)
class Split:
    """Indices into the rows. ``train`` ascends; ``heldout`` (for validation) and ``test`` are in the order of the draw.

    The head of those two is therefore a sample of them.
    """

    train: list[int]
    heldout: list[int]
    test: list[int] = field(default_factory=list)


class SplitKey(NamedTuple):
    """All that the split needs to know of a row: about 150 bytes, so that those of a million rows can be kept.

    ``draw`` are the 16 bytes it is drawn by. ``stratum`` stands for its answer where that could be a label, and
    ``group`` for its group; 0 for none.
    """

    draw: bytes
    stratum: int
    group: int
    source: str


def key_of(row: Row, seed: int) -> SplitKey:
    return SplitKey(content_hash(row, seed), stratum_of(row), group_of(row, seed), row.source)


def split(rows: Sequence[Row], dataset: DatasetSection, seed: int, learnt: Collection[str] = ()) -> Split:
    """``split_keys`` of ``rows``."""
    return split_keys([key_of(row, seed) for row in rows], dataset, learnt)


def split_keys(keys: Sequence[SplitKey], dataset: DatasetSection, learnt: Collection[str] = ()) -> Split:
    """Hold out ``eval_rows`` rows, or else ``eval_share`` of them (at least one of two or more); the test likewise.

    Rows are ranked by a hash of seed and content, so adding rows or reordering files moves few of them; validation
    takes the head of that order and the test its end. Equal rows and rows of one group stay on one side: an answer
    that was trained on is no test. Fewer rows are held out where they leave no other way; where even one group is
    more than was asked for, the smallest group is held out, if it is no more than half of the rows. With ``stratify``
    the rows of a classification are held out in the shares of their labels, at least one of each that has two.
    Rows of the sources called ``learnt`` are never held out, nor are others of their groups, as the model may have
    seen them. Raises ConfigError when no row would be left to train on, or the groups leave none to hold out.
    """
    heldout, test = _drawn(keys, dataset, learnt)
    kept_out = {*heldout, *test}
    return Split([index for index in range(len(keys)) if index not in kept_out], heldout, test)


def replayed(config: RunConfig) -> frozenset[str]:
    """Names of the sources of ``config`` that replay what was learnt before."""
    names = source_names(config.data)
    return frozenset(name for name, source in zip(names, config.data, strict=True) if source.role == "replay")


def content_hash(row: Row, seed: int) -> bytes:
    """16 bytes from seed and content alone: the same row has the same hash in any file."""
    # The text is that of json.dumps([seed, content, *tools], ensure_ascii=False), written in a fifth of the time.
    if row.messages:
        turns = [f'["{each.role}", {_quoted(each.text)}]' for each in row.messages]
        content = f"[{', '.join(turns)}]"
    else:
        content = _quoted(row.text)
    text = f"[{', '.join([str(seed), content, *map(_quoted, row.tools)])}]"
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _quoted(text: str) -> str:
    """``text`` as JSON: by hand where it holds none of the rarer characters that need an escape."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{plain}"' if plain.isprintable() else encode_basestring(text)


def stratum_of(row: Row) -> int:
    """32 bits from the one answer of ``row`` where it could be a label; 0 where not."""
    answers = [message for message in row.messages if message.role == "assistant"]
    if len(answers) != 1 or answers[0] is not row.messages[-1]:
        return 0
    answer = answers[0].text.strip()
    return (zlib.crc32(answer.encode("utf-8", "replace")) or 1) if could_be_label(answer) else 0


def group_of(row: Row, seed: int) -> int:
    """64 bits from seed and group; 0 for a row by itself."""
    if not row.group:
        return 0
    text = f"{seed} {row.group}".encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) or 1


def _drawn(keys: Sequence[SplitKey], dataset: DatasetSection, learnt: Collection[str]) -> tuple[list[int], list[int]]:
    import numpy as np

    numbers = {name: number for number, name in enumerate(dict.fromkeys(key.source for key in keys))}
    columns = Columns(
        np.frombuffer(b"".join([key.draw for key in keys]), ">u8").astype(np.uint64).reshape(-1, 2),
        np.fromiter((key.stratum for key in keys), np.uint32, len(keys)),
        np.fromiter((key.group for key in keys), np.uint64, len(keys)),
        np.fromiter((numbers[key.source] for key in keys), np.uint32, len(keys)),
    )
    return draw(columns, dataset, [numbers[name] for name in learnt if name in numbers])
