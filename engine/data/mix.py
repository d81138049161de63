"""The order of rows in each pass: every source in its share, the same in every stretch of a pass.

The order is a pure function of seed and pass, so that a run resumes from one integer. It does not know batches: how a
step is cut changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError

Rows = NDArray[np.int64]


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


@dataclass(frozen=True)
class Part:
    """One source in one pass: ``drawn`` of its ``rows`` rows, about ``tokens`` tokens, ``share`` of the pass.

    ``repeats`` is how often a pass goes through the source: below 1 it takes some rows now and others later.
    ``capped`` when ``dataset.epochs_cap`` keeps it below the share that was asked for.
    """

    rows: int
    drawn: int
    tokens: float
    share: float
    repeats: float
    capped: bool = False


class Mix:
    """Which rows a pass sees and in which order.

    ``lengths`` and ``sources`` (rows,) are each row's tokens and the index of its source in ``shares``; a share of
    None takes each of the source's rows once a pass. ``unit`` is what shares count. ``passes`` is the length of the
    run, which ``epochs_cap`` (most passes over any one source) is measured by.
    Raises ConfigError when shares leave no room for the sources without one.
    """

    def __init__(
        self,
        lengths: Sequence[int] | Rows,
        sources: Sequence[int] | Rows,
        shares: Sequence[float | None],
        seed: int,
        *,
        unit: Literal["tokens", "rows"] = "tokens",
        passes: float = 1.0,
        epochs_cap: float | None = None,
    ) -> None:
        self.seed = seed
        tokens = np.asarray(lengths, dtype=np.int64)
        belongs = np.asarray(sources, dtype=np.int64)
        self._members: list[Rows] = [np.flatnonzero(belongs == index) for index in range(len(shares))]
        weights = tokens if unit == "tokens" else np.ones_like(tokens)
        sizes = [float(weights[rows].sum()) for rows in self._members]
        wanted = _wanted(sizes, shares)
        self._drawn, capped = [], []
        for rows, size, aim, share in zip(self._members, sizes, wanted, shares, strict=True):
            exact = len(rows) if share is None or not size else aim / size * len(rows)
            most = len(rows) * epochs_cap / max(passes, 1e-9) if epochs_cap is not None else exact
            # A share that was asked for is at least one row.
            self._drawn.append(max(1, round(min(exact, most))) if len(rows) else 0)
            capped.append(exact > most)
        means = [float(tokens[rows].mean()) if len(rows) else 0.0 for rows in self._members]
        drawn_tokens = [count * mean for count, mean in zip(self._drawn, means, strict=True)]
        measure: Sequence[float] = drawn_tokens if unit == "tokens" else self._drawn
        total = sum(measure) or 1.0
        self.parts = tuple(
            Part(len(rows), count, amount, of_unit / total, count / max(1, len(rows)), over)
            for rows, count, amount, of_unit, over in zip(
                self._members, self._drawn, drawn_tokens, measure, capped, strict=True
            )
        )

    @property
    def count(self) -> int:
        """Rows of one pass."""
        return sum(self._drawn)

    @property
    def tokens(self) -> float:
        """Tokens of one pass, about."""
        return sum(part.tokens for part in self.parts)

    def order(self, epoch: int) -> Rows:
        """Indices of the rows of pass ``epoch`` (from 0), (count,)."""
        if len(self._members) == 1 and self._drawn[0] == len(self._members[0]):
            return self._members[0][Shuffle(self.count, self.seed).order(epoch)]
        rows = [self._draw(source, epoch) for source in range(len(self._members))]
        # Each source is spread evenly, every row somewhere in a slot of its own: no stretch is short of a source.
        places = []
        for source, drawn in enumerate(rows):
            jitter = _generator(self.seed, epoch, source, 1).random(len(drawn))
            places.append((np.arange(len(drawn)) + jitter) / max(1, len(drawn)))
        ordered: Rows = np.concatenate(rows)[np.argsort(np.concatenate(places), kind="stable")]
        return ordered

    def _draw(self, source: int, epoch: int) -> Rows:
        """The next ``drawn`` rows of an endless stream of shuffled passes through the source."""
        members, count = self._members[source], self._drawn[source]
        if not count:
            return members
        begin = epoch * count
        first, last = begin // len(members), (begin + count - 1) // len(members)
        stream = np.concatenate(
            [
                members[_generator(self.seed, turn, source, 0).permutation(len(members))]
                for turn in range(first, last + 1)
            ]
        )
        start = begin - first * len(members)
        return stream[start : start + count]


def _generator(*numbers: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(list(numbers)))


def _wanted(sizes: Sequence[float], shares: Sequence[float | None]) -> list[float]:
    """How much of each source a pass takes, in the unit of ``sizes``."""
    asked = sum(share for share, size in zip(shares, sizes, strict=True) if share is not None and size)
    free = sum(size for share, size in zip(shares, sizes, strict=True) if share is None)
    if free and asked >= 1:
        raise ConfigError(
            "The shares leave nothing for the other sources",
            f"data: the shares add up to {asked:.0%}, and there are sources without one.",
            "Lower the shares, or give every source one.",
        )
    # Where every source has a share, a pass is as long as all the rows there are.
    total = free / (1 - asked) if free else sum(sizes)
    scale = 1.0 if free else 1 / (asked or 1.0)
    return [
        size if share is None else share * scale * total if size else 0.0
        for share, size in zip(shares, sizes, strict=True)
    ]
