"""How far a judge can be trusted: its agreement with choices made by hand, and its rate corrected by them.

Rogan and Gladen (American Journal of Epidemiology 107, 1978, 71) correct a rate for what is known of the judge's
errors; the interval counts that these are known from few choices only (arXiv 2511.21140, 2601.05420).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.metrics.verdict import Bounds, share_bounds

LEAST_CHOICES = 30
"""Choices by hand below which agreement is not told as a result."""
_Z = 1.959963984540054


@dataclass(frozen=True)
class Agreement:
    """Of ``n`` choices made by both the share that is the same, with its 95 % interval, and Cohen's kappa.

    ``kappa`` is None where both always chose the same one thing.
    """

    share: float
    bounds: Bounds
    kappa: float | None
    n: int


def agreement(judged: Sequence[str], by_hand: Sequence[str]) -> Agreement | None:
    """Agreement of a judge's choices with those made by hand on the same pairs, in the same order; None without any.

    Raises ValueError for lists of different lengths.
    """
    pairs = list(zip(judged, by_hand, strict=True))
    if not pairs:
        return None
    share = sum(one == other for one, other in pairs) / len(pairs)
    kappa = None
    if len({*judged, *by_hand}) > 1:
        from sklearn.metrics import cohen_kappa_score

        found = float(cohen_kappa_score(list(judged), list(by_hand)))
        kappa = found if math.isfinite(found) else None
    return Agreement(share, share_bounds(share, len(pairs)), kappa, len(pairs))


def corrected(
    judged: Sequence[bool], of_choices: Sequence[bool], by_hand: Sequence[bool]
) -> tuple[float, Bounds] | None:  # fmt: skip
    """The rate of true in ``judged`` as a person would have found it, 0 to 1, with its 95 % interval.

    ``of_choices`` is what the judge said of the pairs that ``by_hand`` holds the choices of. None where nothing can be
    corrected: no pair, a kind of choice that was never made by hand, or a judge that is no better than a coin.
    """
    pairs = list(zip(of_choices, by_hand, strict=True))
    right = [one for one, other in pairs if other]
    wrong = [not one for one, other in pairs if not other]
    if not judged or not right or not wrong:
        return None
    n, of_right, of_wrong = len(judged), len(right), len(wrong)
    rate, sensitivity, specificity = sum(judged) / n, sum(right) / of_right, sum(wrong) / of_wrong
    if sensitivity + specificity <= 1:
        return None
    value = min(1.0, max(0.0, (rate + specificity - 1) / (sensitivity + specificity - 1)))
    # The interval is of shares drawn towards one half (Agresti and Coull), else few choices without an error have none.
    rate = (n * rate + _Z**2 / 2) / (n + _Z**2)
    sensitivity, specificity = (
        (of_right * sensitivity + 1) / (of_right + 2),
        (of_wrong * specificity + 1) / (of_wrong + 2),
    )
    better = sensitivity + specificity - 1
    if better <= 0:
        return None
    middle = min(1.0, max(0.0, (rate + specificity - 1) / better))
    variance = (
        rate * (1 - rate) / (n + _Z**2)
        + (1 - middle) ** 2 * specificity * (1 - specificity) / (of_wrong + 2)
        + middle**2 * sensitivity * (1 - sensitivity) / (of_right + 2)
    ) / better**2
    margin = _Z * math.sqrt(variance)
    return value, Bounds(max(0.0, min(value, middle - margin)), min(1.0, max(value, middle + margin)))
