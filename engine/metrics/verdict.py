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
from numpy.typing import NDArray

from engine.metrics.result import Test, Verdict
from engine.metrics.totals import Floats, Total

DRAWS, SEED, LEVEL = 10_000, 20_240_411, 0.05
_Z = 1.959963984540054
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
    clustered standard error; none where nothing bounds its scores and all rows are alike. Any other figure: bootstrap
    over rows, or whole clusters.
    """
    clusters = _clusters(groups, len(total.parts))
    n, count = len(total.parts), int(clusters.max()) + 1
    if not total.is_mean:
        return _bootstrap_bounds(_drawn([total], clusters, draws)[0], count)
    scores = total.scores
    mean = float(scores.mean())
    error = _error(scores - mean, clusters)
    if _is_two_valued(total):
        plain = mean * (1 - mean) / n
        # Where all rows are alike nothing tells how much a cluster's rows agree: each counts as one.
        rows = n if count == n else count if plain == 0 or error == 0 else min(n, plain * n / error**2)
        return share_bounds(mean, max(1.0, rows))
    if count < 2 or (scores.min() == scores.max() and not _is_bounded(total)):
        return Bounds(None, None)
    margin = _t_quantile(count - 1) * error
    low, high = mean - margin, mean + margin
    return Bounds(max(0.0, low), min(1.0, high)) if _is_bounded(total) else Bounds(low, high)


def compare(ours: Total, theirs: Total, groups: Sequence[Hashable] = (), draws: int = DRAWS) -> Difference:
    """The difference ours minus theirs, of figures over the same rows in the same order.

    Clusters and a mean: t of the clustered standard error of the mean difference, with one degree of freedom less than
    clusters. Scores of two values: McNemar's exact test, Agresti and Min's interval. Else: paired bootstrap of
    ``draws`` with a fixed seed, widened for few rows.
    """
    clusters = _clusters(groups, len(ours.parts))
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
        return _clustered(ours.scores - theirs.scores, clusters, differing)
    left, right = _drawn([ours, theirs], clusters, draws)
    drawn = left - right
    return Difference(value, _bootstrap_bounds(drawn, count), _bootstrap_p(drawn, count, differing), test)


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


def _clusters(groups: Sequence[Hashable], n: int) -> NDArray[np.int64]:
    """A number for each row's cluster; "" is the row alone."""
    if not groups:
        return np.arange(n)
    numbers: dict[Hashable, int] = {}
    keys = [group if group != "" else ("", at) for at, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def _is_two_valued(total: Total) -> bool:
    return total.is_bounded and bool(np.isin(total.scores, (0.0, 1.0)).all())


def _is_bounded(total: Total) -> bool:
    return total.is_bounded and bool(total.scores.min() >= 0 and total.scores.max() <= 1)


def _error(deviations: Floats, clusters: NDArray[np.int64]) -> float:
    """Clustered standard error of a mean (2411.00640, eq. 4), with G / (G - 1) for few clusters; 0.0 for one."""
    sums = np.bincount(clusters, deviations)
    count = len(sums)
    return math.sqrt(float((sums**2).sum()) * count / (count - 1)) / len(deviations) if count > 1 else 0.0


def _clustered(differences: Floats, clusters: NDArray[np.int64], differing: int) -> Difference:
    from scipy.special import stdtr

    freedom = int(clusters.max())
    mean = float(differences.mean())
    error = _error(differences - mean, clusters)
    p = 2 * float(stdtr(freedom, -abs(mean) / error)) if error else 0.0
    margin = _t_quantile(freedom) * error
    return Difference(mean, Bounds(mean - margin, mean + margin), max(p, _least_p(differing)), "clustered")


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


def _drawn(totals: Sequence[Total], clusters: NDArray[np.int64], draws: int) -> list[Floats]:
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


def _bootstrap_bounds(drawn: Floats, count: int) -> Bounds:
    """Percentiles, further out for few rows: by t instead of the normal, and n / (n - 1) (Hesterberg, 2015, 5.3)."""
    from scipy.special import ndtr

    drawn = drawn[np.isfinite(drawn)]
    if count < 2 or not len(drawn):
        return Bounds(None, None)
    tail = float(ndtr(-_t_quantile(count - 1) * math.sqrt(count / (count - 1))))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Bounds(float(low), float(high))


def _bootstrap_p(drawn: Floats, count: int, differing: int) -> float:
    """Two-sided p that says the same as ``_bootstrap_bounds``; never below what the signs of the rows can show."""
    from scipy.special import ndtri, stdtr

    drawn = drawn[np.isfinite(drawn)]
    tail = (min((drawn <= 0).sum(), (drawn >= 0).sum()) + 1) / (len(drawn) + 1)
    t = float(ndtri(min(0.5, tail))) * math.sqrt((count - 1) / count)
    return max(min(1.0, 2 * float(stdtr(count - 1, t))), _least_p(differing))


def _least_p(differing: int) -> float:
    """The smallest p of a sign test: all of ``differing`` rows or clusters on one side."""
    return min(1.0, 2.0 * 0.5**differing)


def _differing(ours: Total, theirs: Total, clusters: NDArray[np.int64]) -> int:
    """In how many clusters the two are not the same."""
    return len(np.unique(clusters[(ours.parts != theirs.parts).any(axis=1)]))


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - LEVEL / 2))
