"""Rows in clusters: the standard error of a mean over them, and how many degrees of freedom it really has.

The rows of a large cluster pull the mean to themselves, so that what they differ from it by is too small, and one that
holds most rows leaves next to nothing to tell its spread from. Each cluster is therefore compared with the mean of the
others (the jackknife, CR3), the whole scaled so that it is unbiased where the rows of a cluster are alike, with the
degrees of freedom of Satterthwaite in that case (R. M. Bell and D. F. McCaffrey, Survey Methodology 28, 2002, 169;
G. W. Imbens and M. Kolesár, Review of Economics and Statistics 98, 2016, 701). Of clusters of one size this is the
usual clustered error (arXiv 2411.00640, eq. 4, by G / (G - 1)) with G - 1 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]


class Spread(NamedTuple):
    """The standard error of a mean and its degrees of freedom; 0.0 and 0.0 of a single cluster."""

    error: float
    freedom: float


def numbers_of(groups: Sequence[Hashable], n: int) -> Numbers:
    """A number for the cluster of each of ``n`` rows, from 0; each its own without ``groups``, "" is a row alone."""
    if not groups:
        return np.arange(n)
    numbers: dict[Hashable, int] = {}
    keys = [group if group != "" else ("", at) for at, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def spread(deviations: Floats, clusters: Numbers) -> Spread:
    """That of the mean of scores over ``clusters``; ``deviations`` are the scores without their mean."""
    share = np.bincount(clusters) / len(clusters)
    if len(share) < 2:
        return Spread(0.0, 0.0)
    apart = np.bincount(clusters, deviations) / len(deviations) / (1 - share)
    scale, freedom = _unbiased(share)
    return Spread(math.sqrt(scale * float((apart**2).sum())), freedom)


def freedom_of(clusters: Numbers) -> float:
    """Degrees of freedom of a mean over ``clusters``; 0.0 of a single one."""
    share = np.bincount(clusters) / len(clusters)
    return _unbiased(share)[1] if len(share) > 1 else 0.0


def _unbiased(share: Floats) -> tuple[float, float]:
    """What the jackknife is to be multiplied by, and its degrees of freedom, for clusters with ``share`` of the rows.

    Where the means of clusters vary alike, the jackknife is a quadratic form of them. Its expectation is the trace of
    the form, its variance that of the form's square; both are written out, for there may be many clusters.
    """
    squares, odds = share**2, share / (1 - share)
    whole = float(squares.sum())
    own = squares + odds**2 * (whole - squares)
    a0, a1, a2 = (float((odds**2 * share**power).sum()) for power in (0, 1, 2))
    every = whole**2 * a0**2 + 2 * a0 * a2 - 4 * whole * a0 * a1 + 2 * a1**2
    between = every - float((odds**4 * (whole - 2 * share) ** 2).sum())
    trace, of_square = float(own.sum()), float((own**2).sum()) + between
    return whole / trace, min(len(share) - 1.0, max(1.0, trace**2 / of_square))
