"""The mix: shares hold in tokens, everywhere in a pass, whatever the batches, and the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import ConfigError
from engine.data.mixing.mix import Mix


def lengths_of(*groups: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """``groups`` of (rows, mean tokens) as (lengths, source indices), lengths varied by half either way."""
    rng = np.random.default_rng(7)
    lengths = [rng.integers(max(1, mean // 2), mean + mean // 2 + 1, rows) for rows, mean in groups]
    sources = [np.full(rows, index) for index, (rows, _) in enumerate(groups)]
    return np.concatenate(lengths), np.concatenate(sources)


def uneven(*groups: tuple[int, int], longest: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """The same with log-normal lengths: most rows are short, a few many times as long as the mean."""
    rng = np.random.default_rng(5)
    lengths = [np.clip(rng.lognormal(np.log(mean) - 0.5, 1.0, rows), 4, longest).astype(int) for rows, mean in groups]
    return np.concatenate(lengths), lengths_of(*groups)[1]


def stretches(values: np.ndarray, window: int) -> np.ndarray:
    """Sums of every ``window`` values that follow each other."""
    sums = np.concatenate([[0], np.cumsum(values)])
    width = min(window, len(values))
    return sums[width:] - sums[:-width]


def test_one_source_is_a_shuffle_of_all_its_rows() -> None:
    mix = Mix([5, 6, 7, 8], [0, 0, 0, 0], [None], seed=3)
    assert sorted(mix.order(0)) == [0, 1, 2, 3]
    assert mix.parts[0].repeats == 1


def test_without_shares_every_row_comes_once_a_pass() -> None:
    lengths, sources = lengths_of((40, 30), (700, 12))
    mix = Mix(lengths, sources, [None, None], seed=1)
    assert sorted(mix.order(2)) == list(range(740))


def test_a_share_is_of_the_tokens_not_of_the_rows() -> None:
    lengths, sources = lengths_of((400, 20), (3000, 200))
    mix = Mix(lengths, sources, [None, 0.1], seed=1)
    order = mix.order(0)
    replayed = lengths[order][sources[order] == 1].sum() / lengths[order].sum()
    assert replayed == pytest.approx(0.1, abs=0.02)
    assert mix.parts[1].drawn < 10
    assert mix.parts[1].share == pytest.approx(0.1, abs=0.01)


def test_a_share_of_rows_when_rows_are_asked_for() -> None:
    lengths, sources = lengths_of((400, 20), (3000, 200))
    mix = Mix(lengths, sources, [None, 0.2], seed=1, unit="rows")
    assert mix.parts[1].drawn == 100


def test_a_small_source_with_a_large_share_is_repeated_and_says_how_often() -> None:
    lengths, sources = lengths_of((20, 50), (500, 50))
    mix = Mix(lengths, sources, [0.5, None], seed=1)
    order = mix.order(0)
    counts = np.bincount(order, minlength=520)[:20]
    assert counts.max() - counts.min() <= 1
    assert mix.parts[0].repeats == pytest.approx(25, rel=0.2)


def test_a_cap_on_passes_keeps_a_small_source_from_being_learnt_by_heart() -> None:
    lengths, sources = lengths_of((20, 50), (500, 50))
    mix = Mix(lengths, sources, [0.5, None], seed=1, passes=2, epochs_cap=4)
    assert mix.parts[0].drawn == 40
    assert mix.parts[0].capped
    assert mix.parts[0].share < 0.1
    assert not mix.parts[1].capped


def test_what_a_pass_leaves_out_comes_in_the_next() -> None:
    lengths, sources = lengths_of((900, 20), (300, 20))
    mix = Mix(lengths, sources, [None, 0.08], seed=1)
    seen: set[int] = set()
    for epoch in range(3):
        drawn = {int(row) for row in mix.order(epoch) if sources[row] == 1}
        assert not drawn & seen
        seen |= drawn
    assert len(seen) == 3 * mix.parts[1].drawn


@given(
    st.integers(0, 2**31), st.integers(0, 5),
    st.lists(st.tuples(st.integers(50, 400), st.integers(5, 900)), min_size=2, max_size=4),
    st.floats(0.02, 0.6), st.sampled_from([50, 200, 500]),
)  # fmt: skip
def test_no_stretch_is_off_a_share_by_more_than_a_row_whatever_the_lengths(
    seed: int, epoch: int, groups: list[tuple[int, int]], share: float, window: int
) -> None:
    """A row can't be cut, so that much is the least there can be."""
    lengths, sources = uneven(*groups)
    mix = Mix(lengths, sources, [share, *[None] * (len(groups) - 1)], seed=seed)
    order = mix.order(epoch)
    in_window = stretches(lengths[order], window)
    longest = np.array([lengths[sources == source].max() for source in range(len(groups))])
    for source in range(len(groups)):
        own = lengths[order] * (sources[order] == source)
        aim = own.sum() / lengths[order].sum()
        slack = (1 - aim) * longest[source] + aim * (longest.sum() - longest[source])
        assert (np.abs(stretches(own, window) - aim * in_window) <= slack + 1e-6).all()


@pytest.mark.parametrize(
    ("groups", "longest"),
    [
        (((3000, 800), (3000, 20), (400, 150)), 2048),
        (((3000, 800), (3000, 150), (40, 20)), 4096),
        (((3000, 150), (300, 800), (400, 20)), 2048),
        (((500, 800), (30, 20), (40, 150)), 1024),
    ],
    ids=["long new rows", "a tiny third source", "long rows in between", "small sources that repeat often"],
)
@pytest.mark.parametrize("shares", [(0.7, 0.2, 0.1), (None, 0.2, 0.1)], ids=["three shares", "the rest"])
def test_seventy_twenty_ten_holds_over_the_run_and_in_any_500_examples(
    groups: tuple[tuple[int, int], ...], longest: int, shares: tuple[float | None, ...]
) -> None:
    """Lengths are log-normal within each source; the stretches go on from one pass into the next."""
    lengths, sources = uneven(*groups, longest=longest)
    mix = Mix(lengths, sources, shares, seed=3)
    order = np.concatenate([mix.order(epoch) for epoch in range(4)])
    tokens, of = lengths[order], sources[order]
    for source, aim in enumerate((0.7, 0.2, 0.1)):
        own = tokens * (of == source)
        assert own.sum() / tokens.sum() == pytest.approx(aim, abs=0.01)
        shares_there = stretches(own, 500) / stretches(tokens, 500)
        assert np.abs(shares_there - aim).max() <= 0.05


def test_a_few_rows_of_a_source_have_the_tokens_that_their_number_says() -> None:
    """Else a pass that takes thirty of three thousand uneven rows would be off its share by a fifth."""
    lengths, sources = uneven((4000, 100), (3000, 300))
    mix = Mix(lengths, sources, [None, 0.03], seed=11)
    assert mix.parts[1].drawn < 60
    for epoch in range(5):
        order = mix.order(epoch)
        assert lengths[order][sources[order] == 1].sum() / lengths[order].sum() == pytest.approx(0.03, abs=0.004)


def test_the_order_depends_on_seed_and_pass_alone() -> None:
    lengths, sources = lengths_of((40, 30), (70, 12))
    first, again = (Mix(lengths, sources, [None, 0.2], seed=5) for _ in range(2))
    assert first.order(1).tolist() == again.order(1).tolist()
    assert first.order(0).tolist() != first.order(1).tolist()
    assert first.order(0).tolist() != Mix(lengths, sources, [None, 0.2], seed=6).order(0).tolist()


def test_shares_that_leave_no_room_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Mix([1, 2, 3], [0, 1, 2], [0.7, 0.3, None], seed=0)
    assert "100%" in caught.value.message


def test_when_every_source_has_a_share_a_pass_is_as_long_as_all_rows() -> None:
    lengths, sources = lengths_of((100, 20), (100, 20))
    mix = Mix(lengths, sources, [0.3, 0.1], seed=0)
    assert mix.tokens == pytest.approx(float(lengths.sum()), rel=0.02)
    assert mix.parts[0].share == pytest.approx(0.75, abs=0.02)


def test_a_source_without_rows_takes_no_part() -> None:
    mix = Mix([4, 5], [0, 0], [None, 0.3], seed=0)
    assert sorted(mix.order(0)) == [0, 1]
    assert mix.parts[1].drawn == 0
