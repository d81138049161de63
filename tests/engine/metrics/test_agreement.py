"""A judge is believed as far as it agrees with choices made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from engine.metrics.agreement import agreement, corrected


def test_agreement_has_an_interval_and_kappa() -> None:
    judged, by_hand = ["A"] * 20 + ["B"] * 15, ["A"] * 15 + ["B"] * 20
    found = agreement(judged, by_hand)
    assert found is not None
    assert (found.share, found.n) == (pytest.approx(30 / 35), 35)
    assert found.kappa == pytest.approx(cohen_kappa_score(judged, by_hand))
    assert found.bounds.low is not None
    assert found.bounds.low < found.share


def test_one_kind_of_choice_has_no_kappa() -> None:
    found = agreement(["A"] * 29, ["A"] * 29)
    assert found is not None
    assert (found.share, found.kappa) == (1.0, None)
    assert agreement([], []) is None
    with pytest.raises(ValueError):
        agreement(["A"], [])


def test_a_judge_that_favours_one_side_is_corrected() -> None:
    # Of what a person calls better it finds all, of what a person calls worse it calls a third better too.
    of_choices, by_hand = [True] * 30 + [True] * 10 + [False] * 20, [True] * 30 + [False] * 30
    found = corrected([True] * 60 + [False] * 40, of_choices, by_hand)
    assert found is not None
    value, (low, high) = found
    assert value == pytest.approx((0.6 + 2 / 3 - 1) / (1 + 2 / 3 - 1))
    assert low is not None and high is not None  # noqa: PT018
    assert low < value < high


def test_what_can_not_be_corrected_is_not() -> None:
    assert corrected([True], [True, False], [True, True]) is None  # nothing that a person called worse
    assert corrected([True], [False, True], [True, False]) is None  # worse than a coin
    assert corrected([], [True, False], [True, False]) is None


def test_the_corrected_interval_covers_the_true_rate() -> None:
    random, true, covered, told = np.random.default_rng(2), 0.6, 0, 0
    for _ in range(500):
        hidden, known = random.random(200) < true, random.random(60) < true
        judged, of_choices = (np.where(each, random.random(len(each)) < 0.8, random.random(len(each)) < 0.3)
                              for each in (hidden, known))  # fmt: skip
        found = corrected(judged.tolist(), of_choices.tolist(), known.tolist())
        if found is not None:
            low, high = found[1]
            assert low is not None and high is not None  # noqa: PT018
            told, covered = told + 1, covered + (low <= true <= high)
    assert told > 450
    assert covered >= 0.93 * told
