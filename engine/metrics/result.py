"""What an evaluation finds, as plain data: means with intervals, comparisons with a verdict, confusion of classes."""

from __future__ import annotations

from typing import Literal

import msgspec

BASE, FEW_SHOT, OLD_ADAPTER, TUNED = "base", "few-shot", "old-adapter", "tuned"
"""Names of the usual candidates: the untouched model asked plainly, the same with examples in the prompt, the adapter
that the run goes on from, and the run's result. Another run is named by its id."""
NATS, TOKENS, BYTES = "nats", "tokens", "bytes"
"""Scores of a row whose loss was measured: the loss summed over its tokens, how many these are, and its UTF-8 bytes."""
Verdict = Literal["better", "worse", "unclear"]
"""Of a candidate against another: ``unclear`` when the rows can't tell."""
Test = Literal["mcnemar", "clustered", "bootstrap", "none"]
"""How a p-value was found: ``none`` where no test can be made (one row, one group)."""


class Mean(msgspec.Struct, frozen=True, kw_only=True):
    """One metric of one candidate over ``n`` rows, with the bounds of its 95 % interval (None: can't be told)."""

    candidate: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``candidate`` against ``against`` on the same ``n`` rows.

    ``difference`` is the metric of candidate minus against, in the metric's own unit, with its 95 % interval (None:
    can't be told). ``p`` is two-sided, ``adjusted_p`` after Holm: over the comparisons by the evaluation's first
    metric, which decides, or over those by all others. The interval is of this comparison alone. A metric that is
    better when lower (a loss) counts so in ``verdict``.
    """

    candidate: str
    against: str
    metric: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    adjusted_p: float | None
    test: Test
    n: int
    verdict: Verdict


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a classification: ``counts[i][j]`` rows of class ``labels[i]`` were answered with ``labels[j]``.

    The last column counts answers that are none of the labels.
    """

    candidate: str
    labels: list[str]
    counts: list[list[int]]


class OfClass(msgspec.Struct, frozen=True, kw_only=True):
    """How well one class is found: of the answers ``label`` the share that is right, of its ``n`` rows the share found.

    None where nothing was answered so, or no row is of the class.
    """

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    n: int


def of_classes(confusion: Confusion) -> list[OfClass]:
    """Precision, recall and F1 of each class.

    By hand: a screen shows them too, and scikit-learn takes two seconds to load.
    """
    found = []
    for at, label in enumerate(confusion.labels):
        right, n = confusion.counts[at][at], sum(confusion.counts[at])
        answered = sum(line[at] for line in confusion.counts)
        found.append(
            OfClass(
                label=label, n=n, precision=right / answered if answered else None, recall=right / n if n else None,
                f1=2 * right / (answered + n) if n else None,
            )
        )  # fmt: skip
    return found
