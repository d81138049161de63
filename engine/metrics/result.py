"""What an evaluation finds, as plain data: means with intervals, comparisons with a verdict, confusion of classes."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["better", "worse", "unclear"]
"""Of a candidate against another: ``unclear`` when the rows can't tell."""


class Mean(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one candidate over ``n`` rows, with the bounds of its 95 % interval."""

    candidate: str
    metric: str
    value: float
    low: float
    high: float
    n: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``candidate`` against ``against`` on the same ``n`` rows.

    ``difference`` is the mean of candidate minus against, in the metric's own unit, with its 95 % interval. ``p`` is
    two-sided, ``adjusted_p`` after Holm over all comparisons of the evaluation. ``test`` is mcnemar, bootstrap, or none
    where no test can be made. A metric that is better when lower (a loss) counts so in ``verdict``.
    """

    candidate: str
    against: str
    metric: str
    difference: float
    low: float
    high: float
    p: float | None
    adjusted_p: float | None
    test: str
    n: int
    verdict: Verdict


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a classification: ``counts[i][j]`` rows of class ``labels[i]`` were answered with ``labels[j]``.

    The last column counts answers that are none of the labels.
    """

    candidate: str
    labels: list[str]
    counts: list[list[int]]
