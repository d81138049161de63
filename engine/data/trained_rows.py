"""The rows that a config trains on, as a stream: read once for what is held out, and again for the rest."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.config.schema import RunConfig
from engine.data.dedup import near
from engine.data.dedup.exact import keys_of
from engine.data.fixes import SETS, not_repeated
from engine.data.load import nothing_left
from engine.data.quality.inspection import whole_text
from engine.data.rows.formats import Detected
from engine.data.rows.messages import Row
from engine.data.splitting.draw import Columns, draw
from engine.data.splitting.split import key_of, replayed
from engine.data.stream import Reading, usable

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Parts:
    """What becomes of the usable rows (n,) in the order they are read in: ``sources`` (n,) are indices.

    ``is_kept`` (n,) says whether no other row repeats it, ``is_trained`` (n,) whether it is trained on; ``heldout`` and
    ``test`` are counts.
    """

    sources: np.ndarray
    is_kept: np.ndarray
    is_trained: np.ndarray
    heldout: int
    test: int


def trained_rows(config: RunConfig, within: Sequence[str] = ()) -> Iterator[tuple[Row, Detected]]:
    """Rows that ``config`` neither holds out nor leaves out, each with its format, in the order they are read in.

    ``within`` are the runs whose data this is part of. Raises DataError before the first row, as ``load`` does.
    """
    is_trained = parts_of(config, within).is_trained
    reading, seen = Reading(config, within), 0
    for batch in reading.batches():
        rows, found = usable(batch, config.dataset.fixes)
        for row in rows[: reading.take(found)]:
            if seen < len(is_trained) and is_trained[seen] and batch.detected is not None:
                yield row, batch.detected
            seen += 1


def parts_of(
    config: RunConfig, within: Sequence[str] = (), on_row: Callable[[int, Row], object] = lambda source, row: None
) -> Parts:
    """Read all rows once and draw what is held out of them; ``on_row(source, row)`` sees each usable one.

    Raises DataError as ``load`` does, and ConfigError where nothing would be left to train on.
    """
    import numpy as np

    reading, fixes = Reading(config, within), config.dataset.fixes
    compared, by_nearness = any(fix in fixes for fix in SETS), "drop_near_duplicates" in fixes
    draws, signatures = bytearray(), bytearray()
    strata, groups, sources, keys = array("L"), array("Q"), array("L"), array("Q")
    for batch in reading.batches():
        rows, found = usable(batch, fixes)
        for row in rows[: reading.take(found)]:
            on_row(batch.source, row)
            key = key_of(row, config.run.seed)
            draws += key.draw
            strata.append(key.stratum)
            groups.append(key.group)
            sources.append(batch.source)
            if compared:
                keys.extend(keys_of(row))
            if by_nearness:
                signatures += near.signature(whole_text(row)).tobytes()
    kept = np.ones(len(sources), bool)
    if compared:
        pairs = np.array(keys, np.uint64).reshape(-1, 2)
        shapes = np.frombuffer(signatures, np.uint32).reshape(-1, near.PERMUTATIONS) if by_nearness else None
        kept = not_repeated(pairs[:, 0], pairs[:, 1], shapes, fixes)
    if not kept.any():
        raise nothing_left(config, reading.skipped, reading.skipped_count + len(kept))
    words = np.frombuffer(draws, ">u8").astype(np.uint64).reshape(-1, 2)
    of_source = np.array(sources, np.uint32)
    columns = Columns(
        words[kept], np.array(strata, np.uint32)[kept], np.array(groups, np.uint64)[kept], of_source[kept]
    )  # fmt: skip
    learnt = replayed(config)
    heldout, test = draw(columns, config.dataset, [at for at, name in enumerate(reading.names) if name in learnt])
    is_trained = kept.copy()
    is_trained[np.flatnonzero(kept)[[*heldout, *test]]] = False
    return Parts(of_source, kept, is_trained, len(heldout), len(test))
