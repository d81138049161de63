"""The split of rows that are at hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from engine.config.schema import DatasetSection
from engine.data.batches import Rows
from engine.data.rows.messages import Row
from engine.data.splitting.draw import draw
from engine.data.splitting.row_index import RowIndex


@dataclass(frozen=True)
class Split:
    """Indices into the rows. ``train`` ascends; ``heldout`` and ``test`` are in the order of the draw."""

    train: list[int]
    heldout: list[int]
    test: list[int]


def split(rows: Sequence[Row], dataset: DatasetSection, seed: int, learnt: Collection[str] = ()) -> Split:
    """``draw`` of ``rows``; ``learnt`` are the names of sources that are never held out."""
    names = list(dict.fromkeys(row.source for row in rows))
    index = RowIndex(seed)
    for row in rows:
        index.see(Rows(names.index(row.source), row.source, None, None, [row], [""]))
    heldout, test = draw(
        index.columns(np.arange(len(index))), dataset, [names.index(name) for name in learnt if name in names]
    )
    out = {*heldout, *test}
    return Split([at for at in range(len(rows)) if at not in out], heldout, test)
