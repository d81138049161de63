"""Whether a difference is real: intervals and p-values for rows that both candidates answered.

Sources: E. Miller, Adding Error Bars to Evals (arXiv 2411.00640) for pairs and clusters; McNemar's exact test for
scores of two values; Agresti and Min (Statistics in Medicine 24, 2005, 729) for their interval; Wilson for a share;
T. Hesterberg (arXiv 1411.5279) for the bootstrap of few rows; Holm for several comparisons at once.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from engine.metrics.clusters import Numbers, freedom_of, numbers_of, spread
from engine.metrics.result import Test, Verdict
from engine.metrics.totals import Floats, Total

DRAWS, SEED, LEVEL = 10_000, 20_240_411, 0.05
_Z = 1.959963984540054
_ALIKE = 1e-12  # what sums of equal figures may differ by
_AT_ONCE = 400_000  # row weights held in memory, beside a training's own
_MOST_DRAWN = 400_000_000
FEW_GROUPS = 10
"""Below so many groups a clustered standard error is rough."""


class Bounds(NamedTuple):
    """A 95 % interval; None where it can't be told."""

    low: float | None
    high: float | None


class Difference(NamedTuple):
    value: float
    bounds: Bounds
    p: float | None
    test: Test


def interval(total: Total, groups: Sequence[Hashable] = (), draws: int = DRAWS) -> Bounds:
    """The 95 % interval of a figure. ``groups`` has the cluster of each row, and is empty where each is its own.

    A share of rows: Wilson's, with the effective number of rows where they are clustered. Another mean: by t, with the
    clustered standard error; as wide as a share's where all rows are alike, and none where nothing bounds the scores.
    Any other figure: bootstrap over rows, or whole clusters; none where all draws are alike.
    """
    clusters = numbers_of(groups, len(total.parts))
    n, count = len(total.parts), int(clusters.max()) + 1
    if not total.is_mean:
        return _bootstrap_bounds(_drawn([total], clusters, draws)[0], freedom_of(clusters))
    scores = total.scores
    mean = float(scores.mean())
    error, freedom = spread(scores - mean, clusters)
    if _is_two_valued(total):
        return share_bounds(mean, max(1.0, _rows_worth(mean, n, count, error, freedom)))
    if count < 2 or (scores.min() == scores.max() and not _is_bounded(total)):
        return Bounds(None, None)
    if scores.min() == scores.max():
        return share_bounds(mean, count)
    margin = _t_quantile(freedom) * error
    low, high = mean - margin, mean + margin
    return Bounds(max(0.0, low), min(1.0, high)) if _is_bounded(total) else Bounds(low, high)


def compare(ours: Total, theirs: Total, groups: Sequence[Hashable] = (), draws: int = DRAWS) -> Difference:
    """The difference ours minus theirs, of figures over the same rows in the same order.

    Clusters and a mean: t of the clustered standard error of the mean difference, with the degrees of freedom that
    ``clusters.spread`` finds. Scores of two values: McNemar's exact test, Agresti and Min's interval. Else: paired
    bootstrap of ``draws`` with a fixed seed, widened for few rows. No interval where nothing varies.
    """
    clusters = numbers_of(groups, len(ours.parts))
    n, count = len(ours.parts), int(clusters.max()) + 1
    value = ours.value - theirs.value
    means = ours.is_mean and theirs.is_mean
    two_valued = means and _is_two_valued(ours) and _is_two_valued(theirs)
    if count == n and two_valued:
        p = mcnemar(ours.scores, theirs.scores) if n > 1 else None
        return Difference(value, _agresti_min(ours.scores, theirs.scores), p, "mcnemar" if n > 1 else "none")
    if count < 2:
        return Difference(value, Bounds(None, None), None, "none")
    test: Test = "clustered" if means and count < n else "bootstrap"
    differing = _differing(ours, theirs, clusters)
    if not differing:
        return Difference(0.0, _no_difference(ours, count), 1.0, test)
    if test == "clustered":
        found = _clustered(ours.scores - theirs.scores, clusters, differing)
        return found._replace(bounds=_of_shares(found.bounds)) if _is_bounded(ours) and _is_bounded(theirs) else found
    left, right = _drawn([ours, theirs], clusters, draws)
    drawn, freedom = left - right, freedom_of(clusters)
    return Difference(value, _bootstrap_bounds(drawn, freedom), _bootstrap_p(drawn, freedom, differing), test)


def mcnemar(ours: Floats, theirs: Floats) -> float:
    """Two-sided exact p of McNemar's test: how the rows that only one has right are shared between both."""
    from scipy.stats import binomtest

    better, worse = int((ours > theirs).sum()), int((ours < theirs).sum())
    return float(binomtest(better, better + worse).pvalue) if better + worse else 1.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values, in the same order; None, for which there is no test, stays and does not count."""
    known = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, at) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[at] = largest
    return adjusted


def holm_within(families: Sequence[Hashable], p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values, in the same order; each is corrected with those of its own family."""
    adjusted: list[float | None] = [None] * len(p_values)
    for family in dict.fromkeys(families):
        places = [at for at, each in enumerate(families) if each == family]
        for at, p in zip(places, holm([p_values[at] for at in places]), strict=True):
            adjusted[at] = p
    return adjusted


def verdict(difference: float, adjusted_p: float | None, lower_is_better: bool = False) -> Verdict:
    """Better or worse where the adjusted p is below 5 %, by the sign of the difference; else unclear."""
    if adjusted_p is None or adjusted_p >= LEVEL or not difference:
        return "unclear"
    return "better" if (difference > 0) is not lower_is_better else "worse"


def _is_two_valued(total: Total) -> bool:
    return total.is_bounded and bool(np.isin(total.scores, (0.0, 1.0)).all())


def _is_bounded(total: Total) -> bool:
    return total.is_bounded and bool(total.scores.min() >= 0 and total.scores.max() <= 1)


def _rows_worth(mean: float, n: int, count: int, error: float, freedom: float) -> float:
    """How many rows by themselves would show a share as well (E. L. Korn and B. I. Graubard, 1998).

    Where all rows are alike nothing tells how much a cluster's rows agree: each counts as one.
    """
    plain = mean * (1 - mean) / n
    if count == n:
        return n
    if plain == 0 or error == 0:
        return count
    return min(n, plain * n / error**2 * (_Z / _t_quantile(freedom)) ** 2)


def _clustered(differences: Floats, clusters: Numbers, differing: int) -> Difference:
    from scipy.special import stdtr

    mean = float(differences.mean())
    error, freedom = spread(differences - mean, clusters)
    if error < _ALIKE:
        return Difference(mean, Bounds(None, None), _least_p(differing), "clustered")
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    margin = _t_quantile(freedom) * error
    return Difference(mean, Bounds(mean - margin, mean + margin), max(p, _least_p(differing)), "clustered")


def _of_shares(bounds: Bounds) -> Bounds:
    """Two shares differ by 1 at most; few clusters leave an interval by t that is wider."""
    low, high = bounds
    return bounds if low is None or high is None else Bounds(max(-1.0, low), min(1.0, high))


def _no_difference(total: Total, count: int) -> Bounds:
    """No row differs: what difference there can be all the same, as of shares (Agresti and Min) of the clusters."""
    margin = min(1.0, _Z / (count + 2))
    return Bounds(-margin, margin) if total.is_mean and _is_bounded(total) else Bounds(None, None)


def share_bounds(share: float, n: float) -> Bounds:
    """Wilson's 95 % interval of a share of ``n`` rows."""
    middle, scale = share + _Z**2 / (2 * n), 1 + _Z**2 / n
    margin = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    # At the ends Wilson's bound is the end itself; subtracting leaves 1e-17, which would be written "<0.1%".
    low = 0.0 if share <= 0 else max(0.0, (middle - margin) / scale)
    return Bounds(low, 1.0 if share >= 1 else min(1.0, (middle + margin) / scale))


def _agresti_min(ours: Floats, theirs: Floats) -> Bounds:
    """Wald's interval of the paired difference with half a row added to each of the four cells."""
    n = len(ours) + 2
    better, worse = float((ours > theirs).sum()) + 0.5, float((ours < theirs).sum()) + 0.5
    middle = (better - worse) / n
    margin = _Z * math.sqrt(better + worse - (better - worse) ** 2 / n) / n
    return Bounds(max(-1.0, middle - margin), min(1.0, middle + margin))


def _drawn(totals: Sequence[Total], clusters: Numbers, draws: int) -> list[Floats]:
    """The figures of ``totals`` over clusters drawn with replacement, the same for all of them."""
    count = int(clusters.max()) + 1
    sums = [np.stack([np.bincount(clusters, column, count) for column in each.parts.T], axis=1) for each in totals]
    random = np.random.default_rng(SEED)
    draws = max(1000, min(draws, _MOST_DRAWN // count))  # of a great many rows fewer draws say as much
    found: list[list[Floats]] = [[] for _ in totals]
    at_once = max(1, _AT_ONCE // count)
    for begin in range(0, draws, at_once):
        some = min(at_once, draws - begin)
        picked = random.integers(0, count, (some, count)) + count * np.arange(some)[:, None]
        weights = np.bincount(picked.ravel(), minlength=some * count).reshape(some, count).astype(np.float64)
        for each, total, out in zip(sums, totals, found, strict=True):
            out.append(total.figure(weights @ each))
    return [np.concatenate(out) for out in found]


def _bootstrap_bounds(drawn: Floats, freedom: float) -> Bounds:
    """Percentiles, further out for few rows: by t instead of the normal, and n / (n - 1) (Hesterberg, 2015, 5.3)."""
    from scipy.special import ndtr

    drawn = drawn[np.isfinite(drawn)]
    if freedom < 1 or not len(drawn) or np.ptp(drawn) < _ALIKE:
        return Bounds(None, None)
    tail = float(ndtr(-_t_quantile(freedom) * math.sqrt((freedom + 1) / freedom)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Bounds(float(low), float(high))


def _bootstrap_p(drawn: Floats, freedom: float, differing: int) -> float:
    """Two-sided p that says the same as ``_bootstrap_bounds``; never below what the signs of the rows can show."""
    from scipy.special import ndtri, stdtr

    drawn = drawn[np.isfinite(drawn)]
    tail = (min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1) / (len(drawn) + 1)
    t = float(ndtri(min(0.5, tail))) * math.sqrt(freedom / (freedom + 1))
    return max(min(1.0, 2 * float(stdtr(freedom, t))), _least_p(differing))


def _least_p(differing: int) -> float:
    """The smallest p of a sign test: all of ``differing`` rows or clusters on one side."""
    return min(1.0, 2.0 * 0.5**differing)


def _differing(ours: Total, theirs: Total, clusters: Numbers) -> int:
    """In how many clusters the two are not the same."""
    return len(np.unique(clusters[(ours.parts != theirs.parts).any(axis=1)]))


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - LEVEL / 2))
