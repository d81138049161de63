"""A verdict over seeds errs no more often than it says, whatever varies: rows, seeds, or both."""

from __future__ import annotations

import numpy as np
import pytest

from engine.metrics.seeds import over_seeds


def drawn(random: np.random.Generator, seeds: int, n: int, by_seed: float, by_row: float) -> np.ndarray:
    """Differences without a true one: an effect of each seed, of each row, and noise."""
    own = random.normal(0, by_seed, (seeds, 1)) + random.normal(0, by_row, (1, n))
    return own + random.normal(0, 0.3, (seeds, n))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(("by_seed", "by_row"), [(0.0, 0.5), (0.05, 0.5), (0.5, 0.1)])
def test_without_a_difference_better_or_worse_is_said_in_at_most_5_percent(
    seeds: int, by_seed: float, by_row: float
) -> None:
    random = np.random.default_rng(7)
    said = [
        over_seeds(drawn(random, seeds, 40, by_seed, by_row), np.zeros((1, 40))).verdict() != "unclear"
        for _ in range(1000)
    ]
    assert sum(said) <= 60  # 50 of 1,000 are expected at most; 60 leaves room for chance


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_it_holds_for_scores_of_two_values_on_few_rows(share: float) -> None:
    random = np.random.default_rng(3)
    said = 0
    for _ in range(1000):
        right = random.random(20) < 0.5
        ours, theirs = (np.where(random.random((k, 20)) < share, ~right, right).astype(float) for k in (3, 1))
        said += over_seeds(ours, theirs).verdict() != "unclear"
    assert said <= 60


def test_a_true_difference_is_found_and_its_interval_holds_it() -> None:
    random = np.random.default_rng(1)
    held = 0
    for _ in range(500):
        found = over_seeds(drawn(random, 3, 60, 0.05, 0.4) + 0.3, np.zeros((1, 60)))
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.3 <= found.high
    assert held >= 470  # at least 95 %, but for chance


def test_two_groups_are_compared_with_the_seeds_of_both() -> None:
    ours, theirs = np.tile([1.0, 1.0, 0.0, 1.0] * 10, (3, 1)), np.tile([0.0, 1.0, 0.0, 1.0] * 10, (2, 1))
    found = over_seeds(ours, theirs)
    assert (found.difference, found.seeds, found.n) == (0.25, (3, 2), 40)
    assert found.verdict() == "better"
    assert found.verdict(lower_is_better=True) == "worse"
    assert over_seeds(theirs, ours).verdict() == "worse"


def test_seeds_that_disagree_take_the_verdict_back() -> None:
    rows = np.ones((1, 50))
    alike = over_seeds(np.vstack([rows * 0.5, rows * 0.5, rows * 0.5]), np.zeros((1, 50)))
    apart = over_seeds(np.vstack([rows * -1.0, rows * 0.5, rows * 2.0]), np.zeros((1, 50)))
    assert alike.verdict() == "better"
    assert apart.difference == alike.difference == 0.5
    assert apart.verdict() == "unclear"


@pytest.mark.parametrize(("rows", "groups"), [(1, []), (4, ["a"] * 4)])
def test_one_row_or_one_cluster_can_tell_nothing(rows: int, groups: list[str]) -> None:
    found = over_seeds(np.ones((3, rows)), np.zeros((1, rows)), groups)
    assert (found.low, found.high, found.p) == (None, None, None)
    assert found.verdict() == "unclear"


def test_a_few_rows_on_one_side_are_no_proof() -> None:
    assert over_seeds(np.ones((3, 4)), np.zeros((1, 4))).verdict() == "unclear"
    assert over_seeds(np.ones((3, 9)), np.zeros((1, 9))).verdict() == "better"


def test_rows_of_one_cluster_count_once() -> None:
    random = np.random.default_rng(5)
    blocks = np.repeat(random.normal(0.3, 0.5, 8), 25)
    alone = over_seeds(np.tile(blocks, (2, 1)), np.zeros((1, 200)))
    clustered = over_seeds(np.tile(blocks, (2, 1)), np.zeros((1, 200)), [f"g{at // 25}" for at in range(200)])
    assert alone.high is not None
    assert clustered.high is not None
    assert clustered.high - clustered.difference > 3 * (alone.high - alone.difference)
