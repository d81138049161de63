"""The order of rows in each pass: every source in its share, the same in every stretch of a pass.

The order is a pure function of seed and pass, so that a run resumes from one integer. It does not know batches: how a
step is cut changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.data.mixing.parts import Unit, parts_of

Rows = NDArray[np.int64]
STRATA_BITS = 10
"""Rows of a source are told apart by length in 1,024 classes at most."""


class Passes(Protocol):
    """Rows in passes: ``order(epoch)`` gives the ``count`` indices of pass ``epoch``, counted from 0."""

    @property
    def count(self) -> int: ...

    def order(self, epoch: int) -> Rows: ...


@dataclass(frozen=True)
class Shuffle:
    """``count`` rows, each once a pass, in another order every time."""

    count: int
    seed: int

    def order(self, epoch: int) -> Rows:
        return _generator(self.seed, epoch).permutation(self.count)


class Mix:
    """Which rows a pass sees and in which order.

    ``lengths`` and ``sources`` (rows,) are each row's tokens and the index of its source in ``shares``; the others are
    those of ``parts_of``. In any stretch of the run a source is off its share by the length of one row at most: its
    rows stand where their tokens, not their number, say. Raises ConfigError when shares leave no room for the sources
    without one.
    """

    def __init__(
        self,
        lengths: Sequence[int] | Rows,
        sources: Sequence[int] | Rows,
        shares: Sequence[float | None],
        seed: int,
        *,
        unit: Unit = "tokens",
        passes: float = 1.0,
        epochs_cap: float | None = None,
    ) -> None:
        self.seed = seed
        tokens = np.asarray(lengths, dtype=np.int64)
        belongs = np.asarray(sources, dtype=np.int64)
        self._members: list[Rows] = [np.flatnonzero(belongs == index) for index in range(len(shares))]
        self._sizes = tokens if unit == "tokens" else np.ones_like(tokens)
        counts = [len(rows) for rows in self._members]
        amounts = [float(tokens[rows].sum()) for rows in self._members]
        self.parts = parts_of(counts, amounts, shares, unit=unit, passes=passes, epochs_cap=epochs_cap)

    @property
    def count(self) -> int:
        """Rows of one pass."""
        return sum(part.drawn for part in self.parts)

    @property
    def tokens(self) -> float:
        """Tokens of one pass, about."""
        return sum(part.tokens for part in self.parts)

    def order(self, epoch: int) -> Rows:
        """Indices of the rows of pass ``epoch`` (from 0), (count,)."""
        if len(self._members) == 1 and self.parts[0].drawn == len(self._members[0]):
            return self._members[0][Shuffle(self.count, self.seed).order(epoch)]
        rows = [self._draw(source, epoch) for source in range(len(self._members))]
        # Each row in the middle of its own stretch of its source: one that is long has much room around it.
        places = [_middles(self._sizes[drawn]) for drawn in rows]
        ordered: Rows = np.concatenate(rows)[np.argsort(np.concatenate(places), kind="stable")]
        return ordered

    def _draw(self, source: int, epoch: int) -> Rows:
        """The next ``drawn`` rows of an endless stream of shuffled passes through the source."""
        members, count = self._members[source], self.parts[source].drawn
        if not count:
            return members
        begin = epoch * count
        first, last = begin // len(members), (begin + count - 1) // len(members)
        turns = [
            members[_even_shuffle(self._sizes[members], _generator(self.seed, turn, source, 0))]
            for turn in range(first, last + 1)
        ]
        start = begin - first * len(members)
        return np.concatenate(turns)[start : start + count]


def _generator(*numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(list(numbers)))


def _middles(sizes: Rows) -> NDArray[np.float64]:
    """Where the middle of each row is, from 0 to 1, when they are laid end to end."""
    ends = np.cumsum(sizes, dtype=np.float64)
    middles: NDArray[np.float64] = (ends - sizes / 2) / (ends[-1] if len(ends) and ends[-1] else 1.0)
    return middles


def _even_shuffle(sizes: Rows, random: np.random.Generator) -> Rows:
    """A random order in which every stretch has short and long rows as the whole has, (rows,).

    So the part of a source that one pass takes is as long as its number of rows says. Of each two rows that follow
    each other (from an even place on) one is of the shorter half, of each four one of each quarter, and so on: a
    scrambled van der Corput sequence over the rows sorted by length (Owen, 1995).
    """
    count = len(sizes)
    classes = 1 << min(STRATA_BITS, max(0, count.bit_length() - 1))
    width = -(-count // classes)
    ranked: Rows = np.full(classes * width, -1, dtype=np.int64)
    # The places that stay empty are spread over the classes.
    ranked[np.arange(count) * (classes * width) // max(1, count)] = np.lexsort((random.random(count), sizes))
    table: Rows = random.permuted(ranked.reshape(classes, width), axis=1)
    while len(table) > 1:
        swap = random.random((len(table) // 2, table.shape[1])) < 0.5
        low, high = table[0::2], table[1::2]
        pairs = np.stack([np.where(swap, high, low), np.where(swap, low, high)], axis=-1)
        table = pairs.reshape(len(pairs), -1)
    order: Rows = table[0]
    return order[order >= 0]
