"""Verdicts keep their promise: "better" is rarely said without a difference, and intervals cover what is true."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from engine.metrics import verdict
from engine.metrics.totals import Floats, Total, mean_of
from engine.metrics.verdict import compare, holm, interval

RUNS, DRAWS = 1000, 1000


def _pairs(kind: str, n: int, gain: float, random: np.random.Generator) -> tuple[Floats, Floats, list[str]]:
    """Scores of two candidates whose true difference is ``gain``, and the groups of the rows."""
    if kind == "two-valued":
        drawn = random.random(n)
        ours = (drawn < 0.4) | ((drawn >= 0.4) & (drawn < 0.55 + gain / 2))
        theirs = (drawn < 0.4) | ((drawn >= 0.6) & (drawn < 0.75 - gain / 2))
        return ours.astype(float), theirs.astype(float), []
    if kind == "continuous":
        hard = random.beta(2, 2, n)
        return hard + random.normal(gain, 0.2, n), hard + random.normal(0, 0.3, n), []
    if kind == "skewed":
        return random.exponential(0.3, n) + gain, random.exponential(0.3, n), []
    group = np.repeat(np.arange(n), 5)
    shared = random.normal(0, 0.3, n)[group]
    ours = shared + gain + random.normal(0, 0.2, 5 * n)
    return ours, random.normal(0, 0.3, 5 * n), [f"g{each}" for each in group]


@pytest.mark.parametrize(
    ("kind", "n"),
    [("two-valued", 8), ("two-valued", 40), ("two-valued", 200), ("continuous", 4), ("continuous", 10),
     ("continuous", 60), ("skewed", 12), ("clustered", 5), ("clustered", 12), ("clustered", 40)],
)  # fmt: skip
def test_without_a_difference_better_is_said_in_at_most_five_of_a_hundred_evaluations(kind: str, n: int) -> None:
    random = np.random.default_rng(7)
    better = 0
    for _ in range(RUNS):
        ours, theirs, groups = _pairs(kind, n, 0.0, random)
        found = compare(mean_of(ours.tolist()), mean_of(theirs.tolist()), groups, DRAWS)
        better += verdict.verdict(found.value, found.p) == "better"
    assert better <= 0.05 * RUNS


@pytest.mark.parametrize(
    ("kind", "n"),
    [("two-valued", 40), ("two-valued", 100), ("continuous", 12), ("continuous", 60), ("clustered", 15),
     ("clustered", 40)],
)  # fmt: skip
def test_the_interval_of_a_difference_covers_it_in_95_of_100_evaluations(kind: str, n: int) -> None:
    random, gain = np.random.default_rng(11), 0.1
    covered = 0
    for _ in range(RUNS):
        ours, theirs, groups = _pairs(kind, n, gain, random)
        low, high = compare(mean_of(ours.tolist()), mean_of(theirs.tolist()), groups, DRAWS).bounds
        assert low is not None
        assert high is not None
        covered += low <= gain <= high
    assert 0.93 * RUNS <= covered <= 0.97 * RUNS


@pytest.mark.parametrize(("kind", "n"), [("share", 60), ("mean", 12), ("clustered", 20), ("clustered share", 40)])
def test_the_interval_of_a_mean_covers_it_in_95_of_100_evaluations(kind: str, n: int) -> None:
    random = np.random.default_rng(13)
    covered = 0
    for _ in range(RUNS):
        groups: list[str] = []
        if kind == "share":
            scores, true = (random.random(n) < 0.7).astype(float), 0.7
        elif kind == "mean":
            scores, true = random.normal(3.0, 1.0, n), 3.0
        else:
            group = np.repeat(np.arange(n), 4)
            groups, true = [f"g{each}" for each in group], 0.5
            scores = random.normal(0.5, 0.2, n)[group] + random.normal(0, 0.2, 4 * n)
            if kind == "clustered share":
                scores = (random.random(4 * n) < random.beta(2, 2, n)[group]).astype(float)
        low, high = interval(mean_of(scores.tolist()), groups)
        assert low is not None
        assert high is not None
        covered += low <= true <= high
    assert 0.93 * RUNS <= covered <= 0.97 * RUNS


@pytest.mark.parametrize(
    "sizes", [[200] + [1] * 20, [20] + [1] * 20, [30, 30] + [2] * 15, [100, 50, 25, 12, 6, 3, 1, 1]]
)
def test_a_group_that_holds_most_rows_makes_no_verdict_by_itself(sizes: list[int]) -> None:
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(len(sizes)), sizes)
    groups, wrong = [f"g{each}" for each in group], 0
    for _ in range(300):
        ours = random.normal(0, 0.3, len(sizes))[group] + random.normal(0, 0.2, len(group))
        found = compare(mean_of(ours.tolist()), mean_of(random.normal(0, 0.3, len(group)).tolist()), groups)
        wrong += verdict.verdict(found.value, found.p) != "unclear"
    assert wrong <= 0.05 * 300


def test_the_interval_of_a_share_is_wide_where_one_group_holds_most_rows() -> None:
    scores, groups = [1.0] * 150 + [0.0] * 50 + [0.0, 1.0] * 10, ["one"] * 200 + [f"g{n}" for n in range(20)]
    low, high = interval(mean_of(scores), groups)
    assert low is not None and high is not None  # noqa: PT018
    assert high - low > 0.5


def test_rows_that_are_all_alike_are_no_certainty() -> None:
    low, high = interval(mean_of([0.5] * 12))
    assert low is not None and high is not None  # noqa: PT018
    assert (low, high) == pytest.approx(verdict.share_bounds(0.5, 12))
    ratio = Total(np.ones((9, 2)), lambda sums: sums[..., 0] / sums[..., 1])
    assert interval(ratio) == (None, None)
    ahead = compare(mean_of([0.7] * 9), mean_of([0.4] * 9))
    assert (ahead.bounds, verdict.verdict(ahead.value, ahead.p)) == ((None, None), "better")
    clustered = compare(mean_of([0.7] * 40), mean_of([0.4] * 40), [f"g{n % 20}" for n in range(40)])
    assert (clustered.bounds, verdict.verdict(clustered.value, clustered.p)) == ((None, None), "better")


def test_ignoring_the_groups_would_promise_too_much() -> None:
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(20), 10)
    scores = random.normal(0, 0.3, 20)[group] + random.normal(0, 0.05, 200)
    zeros = mean_of([0.0] * 200)
    alone = compare(mean_of(scores.tolist()), zeros).bounds
    grouped = compare(mean_of(scores.tolist()), zeros, [str(each) for each in group]).bounds
    assert alone.low is not None and alone.high is not None  # noqa: PT018
    assert grouped.low is not None and grouped.high is not None  # noqa: PT018
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_scores_of_two_values_are_compared_by_mcnemars_exact_test() -> None:
    ours, theirs = [1.0] * 30 + [0.0] * 70, [1.0] * 20 + [0.0] * 5 + [0.0] * 75
    found = compare(mean_of(ours), mean_of(theirs))
    assert (found.test, found.p) == ("mcnemar", pytest.approx(binomtest(10, 10).pvalue))
    assert found.value == pytest.approx(0.1)


def test_a_figure_that_is_no_mean_is_compared_by_drawing_rows_anew_and_the_same_each_time() -> None:
    random = np.random.default_rng(3)
    sums = random.random((80, 2)) + 0.5
    ours, theirs = (Total(parts, lambda s: s[..., 0] / s[..., 1]) for parts in (sums + np.array([0.5, 0.0]), sums))
    first, again = compare(ours, theirs), compare(ours, theirs)
    assert first == again
    assert first.test == "bootstrap"
    assert first.bounds.low is not None
    assert 0 < first.bounds.low < first.value
    assert first.p is not None
    assert first.p < 0.01


def test_one_row_or_one_group_shows_nothing() -> None:
    one = compare(mean_of([1.0]), mean_of([0.0]))
    assert (one.p, one.test) == (None, "none")
    assert verdict.verdict(one.value, one.p) == "unclear"
    grouped = compare(mean_of([1.0, 0.9, 1.0]), mean_of([0.0, 0.1, 0.0]), ["a", "a", "a"])
    assert (grouped.p, grouped.test, grouped.bounds) == (None, "none", (None, None))
    assert interval(mean_of([0.3])) == (None, None)
    assert interval(mean_of([1.0])) == pytest.approx((0.2065, 1.0), abs=1e-3)


def test_a_few_rows_that_all_agree_are_no_proof() -> None:
    for n in (2, 3, 4, 5):
        found = compare(mean_of([0.7] * n), mean_of([0.4] * n))
        assert found.p is not None
        assert verdict.verdict(found.value, found.p) == "unclear"


def test_rows_that_are_all_the_same_have_no_difference_and_still_an_interval() -> None:
    found = compare(mean_of([0.5] * 50), mean_of([0.5] * 50))
    assert (found.value, found.p) == (0.0, 1.0)
    assert found.bounds.low is not None
    assert -0.1 < found.bounds.low < 0
    unbounded = compare(mean_of([50.0] * 9), mean_of([50.0] * 9))
    assert unbounded.bounds == (None, None)


def test_holm_asks_more_of_each_p_the_more_there_are_and_keeps_their_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04]) == [0.04]
    assert holm([None, 0.02, 0.6]) == [None, 0.04, 0.6]
    assert holm([]) == []


def test_the_verdict_follows_the_adjusted_p_and_the_sign() -> None:
    assert verdict.verdict(0.1, 0.01) == "better"
    assert verdict.verdict(-0.1, 0.01) == "worse"
    assert verdict.verdict(-0.1, 0.01, lower_is_better=True) == "better"
    assert verdict.verdict(0.1, 0.01, lower_is_better=True) == "worse"
    assert verdict.verdict(0.1, 0.05) == "unclear"
    assert verdict.verdict(0.1, None) == "unclear"


def test_no_two_shares_are_said_to_differ_by_more_than_all() -> None:
    """By t over two groups it would be 685 points."""
    ours, theirs = mean_of([1.0, 1.0] * 10), mean_of([1.0, 0.0] * 10)
    found = compare(ours, theirs, ["g", "h"] * 10)
    assert (found.test, found.value, found.bounds) == ("clustered", 0.5, (-1.0, 1.0))
    loss = compare(mean_of([9.0, 1.0] * 10, False), mean_of([1.0, 1.5] * 10, False), ["g", "h"] * 10)
    assert loss.bounds.high is not None
    assert loss.bounds.high > 1, "a loss has no bound"
