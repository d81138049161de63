"""What each source of a mix gives in one pass: worked out from its size and its share alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.common.errors import ConfigError

Unit = Literal["tokens", "rows"]


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


def parts_of(
    rows: Sequence[int],
    tokens: Sequence[float],
    shares: Sequence[float | None],
    *,
    unit: Unit = "tokens",
    passes: float = 1.0,
    epochs_cap: float | None = None,
) -> tuple[Part, ...]:
    """One pass over sources of so many ``rows`` and ``tokens``; a share of None takes each of its rows once.

    ``unit`` is what shares count. ``passes`` is the length of the run, which ``epochs_cap`` (most passes over any one
    source) is measured by. Raises ConfigError when shares leave no room for the sources without one.
    """
    sizes = [float(size) for size in (tokens if unit == "tokens" else rows)]
    drawn, capped = [], []
    for count, size, aim, share in zip(rows, sizes, _wanted(sizes, shares), shares, strict=True):
        exact = count if share is None or not size else aim / size * count
        most = count * epochs_cap / max(passes, 1e-9) if epochs_cap is not None else exact
        # A share that was asked for is at least one row.
        drawn.append(max(1, round(min(exact, most))) if count else 0)
        capped.append(exact > most)
    amounts = [used * (size / count if count else 0.0) for used, size, count in zip(drawn, tokens, rows, strict=True)]
    measure: Sequence[float] = amounts if unit == "tokens" else drawn
    total = sum(measure) or 1.0
    return tuple(
        Part(count, used, amount, of_unit / total, used / max(1, count), over)
        for count, used, amount, of_unit, over in zip(rows, drawn, amounts, measure, capped, strict=True)
    )


def _wanted(sizes: Sequence[float], shares: Sequence[float | None]) -> list[float]:
    """How much of each source a pass takes, in the unit of ``sizes``."""
    asked = sum(share for share, size in zip(shares, sizes, strict=True) if share is not None and size)
    free = sum(size for share, size in zip(shares, sizes, strict=True) if share is None)
    if free and asked >= 1:
        raise ConfigError("mixing.shares-leave-nothing", asked=asked)
    # Where every source has a share, a pass is as long as all the rows there are.
    total = free / (1 - asked) if free else sum(sizes)
    scale = 1.0 if free else 1 / (asked or 1.0)
    return [
        size if share is None else share * scale * total if size else 0.0
        for share, size in zip(shares, sizes, strict=True)
    ]
