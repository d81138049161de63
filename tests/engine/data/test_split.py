"""Held-out rows are chosen by content and seed: the same rows everywhere, and never ones that are trained on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import DatasetSection
from engine.data.messages import Message, Row
from engine.data.split import split
from engine.errors import ConfigError


def make(*texts: str) -> list[Row]:
    return [Row((Message("user", text), Message("assistant", "a")), "", "s", "f", n) for n, text in enumerate(texts, 1)]


def dataset(**fields: object) -> DatasetSection:
    return DatasetSection.model_validate(fields)


HUNDRED = make(*[f"question {number}" for number in range(100)])


def heldout_texts(rows: list[Row], seed: int, **fields: object) -> set[str]:
    return {rows[index].first("user") for index in split(rows, dataset(**fields), seed).heldout}


def test_the_same_seed_holds_out_the_same_rows_and_another_seed_others() -> None:
    assert split(HUNDRED, dataset(), 1) == split(HUNDRED, dataset(), 1)
    assert split(HUNDRED, dataset(), 1) != split(HUNDRED, dataset(), 2)


def test_the_order_of_rows_does_not_matter() -> None:
    assert heldout_texts(HUNDRED, 3, eval_rows=20) == heldout_texts(HUNDRED[::-1], 3, eval_rows=20)


def test_more_rows_move_few_old_ones() -> None:
    old = heldout_texts(HUNDRED, 3, eval_share=0.2)
    more = heldout_texts(HUNDRED + make(*[f"new {number}" for number in range(10)]), 3, eval_share=0.2)
    assert len(old & more) >= len(old) - 5


def test_a_share_holds_out_that_share_and_rows_win_over_it() -> None:
    assert len(split(HUNDRED, dataset(eval_share=0.25), 0).heldout) == 25
    assert len(split(HUNDRED, dataset(eval_share=0.25, eval_rows=7), 0).heldout) == 7
    assert split(HUNDRED, dataset(eval_share=0.25, eval_rows=0), 0).heldout == []


def test_a_small_share_of_few_rows_still_holds_one_out() -> None:
    assert len(split(make("a", "b"), dataset(eval_share=0.01), 0).heldout) == 1
    assert split(make("a"), dataset(eval_share=0.5), 0).train == [0]


def test_equal_rows_stay_on_one_side() -> None:
    rows = make(*["same"] * 30, *[f"other {number}" for number in range(30)])
    for seed in range(10):
        parts = split(rows, dataset(eval_rows=31), seed)
        sides = {"same" in {rows[index].first("user") for index in side} for side in (parts.train, parts.heldout)}
        assert sides == {True, False}


def test_holding_everything_out_is_refused_with_the_most_there_can_be() -> None:
    with pytest.raises(ConfigError) as caught:
        split(HUNDRED, dataset(eval_rows=100), 0)
    assert "dataset.eval_rows" in caught.value.message
    assert "99" in caught.value.hint


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=40), st.floats(0, 0.9), st.integers(0, 2**32 - 1))
def test_every_row_is_on_exactly_one_side_and_one_is_left_to_train_on(
    texts: list[str], share: float, seed: int
) -> None:
    rows = make(*texts)
    parts = split(rows, dataset(eval_share=share), seed)
    assert sorted(parts.train + parts.heldout) == list(range(len(rows)))
    assert parts.train
    trained = {rows[index].first("user") for index in parts.train}
    assert not trained & {rows[index].first("user") for index in parts.heldout}
