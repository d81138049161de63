"""Whether a difference holds over seeds: rows within seeds, the same rows in each.

Each seed answers the very same rows, so a mean varies for two reasons: other rows could have been drawn, and another
seed could have been taken. Its variance is the sum of both (two-way random effects, as for raters and items): that
between the means of the seeds by the number of seeds, and that between the rows, averaged over the seeds, by the number
of rows. Each part is widened by the t of its own degrees of freedom before they are added (S. K. Banerjee, Sankhya 22,
1960, 359), since two or three seeds tell their variance badly: the interval is too wide rather than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.metrics.clusters import numbers_of, spread
from engine.metrics.result import Verdict

Scores = NDArray[np.float64]
LEVEL = 0.05


@dataclass(frozen=True)
class OverSeeds:
    """``difference`` in the metric's own unit with its 95 % interval, None where it can't be told; ``p`` two-sided.

    ``seeds`` of ours and of theirs (1: no seed of its own, as the untouched model), ``n`` rows.
    """

    difference: float
    low: float | None
    high: float | None
    p: float | None
    seeds: tuple[int, int]
    n: int

    def verdict(self, lower_is_better: bool = False, p: float | None = None) -> Verdict:
        """By ``p`` where it was adjusted for several comparisons."""
        p = self.p if p is None else p
        if p is None or p >= LEVEL or not self.difference:
            return "unclear"
        return "better" if (self.difference > 0) is not lower_is_better else "worse"


def over_seeds(ours: Scores, theirs: Scores, groups: Sequence[Hashable] = ()) -> OverSeeds:
    """The mean difference of ``ours`` (seeds, rows) minus ``theirs`` (seeds, the same rows), over seeds and rows.

    ``groups`` has the cluster of each row, "" for a row by itself; a cluster counts as one draw of rows. One row, or
    one cluster, has no interval.
    """
    n = ours.shape[1]
    by_row = ours.mean(axis=0) - theirs.mean(axis=0)
    difference = float(by_row.mean())
    clusters = numbers_of(groups, n)
    count = int(clusters.max()) + 1
    seeds = (len(ours), len(theirs))
    if count < 2:
        return OverSeeds(difference, None, None, None, seeds, n)
    of_rows = spread(by_row - difference, clusters)
    parts = [(of_rows.error**2, of_rows.freedom)]
    parts += [
        (float(each.mean(axis=1).var(ddof=1)) / len(each), len(each) - 1) for each in (ours, theirs) if len(each) > 1
    ]
    variance = sum(part for part, _ in parts)
    differing = len(np.unique(clusters[by_row != 0]))
    least = min(1.0, 2.0 * 0.5**differing)  # that of a sign test: few rows show no more, however alike they are
    if not variance:
        return OverSeeds(difference, None, None, least, seeds, n)
    margin = _margin(parts, LEVEL)
    p = max(least, _p(parts, abs(difference)))
    return OverSeeds(difference, difference - margin, difference + margin, p, seeds, n)


def _margin(parts: Sequence[tuple[float, float]], level: float) -> float:
    """Half the interval that errs in a share ``level``, from variances with their degrees of freedom."""
    from scipy.special import stdtrit

    return math.sqrt(sum(part * float(stdtrit(freedom, level / 2)) ** 2 for part, freedom in parts))


def _p(parts: Sequence[tuple[float, float]], difference: float) -> float:
    """The level at which the interval just reaches to zero."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if _margin(parts, middle) > difference else (low, middle)
    return high
