"""The micro-batches that take most memory are found before any is computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.mixing.mix import Shuffle
from engine.memory.job import padded_length
from engine.modeling import batch_sizes
from engine.modeling.batch_sizes import longest_groups
from engine.modeling.batches import StepPlan, cut
from engine.tokens.examples import Example


def example(length: int, supervised: int = 1) -> Example:
    ids = np.arange(length, dtype=np.int32)
    labels = np.full(length, -100, dtype=np.int32)
    labels[length - supervised :] = ids[length - supervised :]
    return Example(ids, labels, 0, 0)


def width(rows: list[Example]) -> int:
    return padded_length(max(len(row.ids) for row in rows))


def padded(rows: list[Example]) -> int:
    return len(rows) * width(rows)


lengths = st.lists(st.integers(2, 60), min_size=1, max_size=40)


@given(lengths, st.integers(1, 9), st.integers(8, 200), st.integers(1, 12))
def test_no_micro_batch_of_the_run_is_larger(sizes: list[int], batch: int, budget: int, steps: int) -> None:
    examples = [example(size) for size in sizes]
    plan = StepPlan(Shuffle(len(examples), 7), batch, 1.0, steps)
    real = [b for step in range(1, steps + 1) for b in cut([examples[i] for i in plan.rows(step)], budget, 0)]
    groups = longest_groups(examples, plan, budget)
    assert max(padded(rows) for rows in groups) == max(b.padded_tokens for b in real)
    assert max(padded(rows) * width(rows) for rows in groups) == max(
        b.padded_tokens * b.input_ids.shape[1] for b in real
    )


@given(lengths, st.integers(1, 9), st.integers(8, 200), st.integers(1, 12))
def test_where_cutting_takes_too_long_nothing_that_could_come_is_larger(
    sizes: list[int], batch: int, budget: int, steps: int
) -> None:
    examples = [example(size) for size in sizes]
    plan = StepPlan(Shuffle(len(examples), 7), batch, 1.0, steps)
    exact = longest_groups(examples, plan, budget)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_sizes, "MOST_ROWS", 0)
        bound = longest_groups(examples, plan, budget)
    assert max(map(padded, bound)) >= max(map(padded, exact))
    assert all(len(rows) == 1 or padded(rows) <= budget for rows in bound)
    assert all(len(rows) <= batch for rows in bound)


def test_among_equals_the_one_with_most_supervised_tokens_counts() -> None:
    examples = [example(20), example(20, 15), example(20, 3)]
    (rows,) = longest_groups(examples, StepPlan(Shuffle(3, 0), 1, 1.0), 20)
    assert rows[0].supervised == 15


def test_the_longest_rows_are_tried_beside_the_largest_batch() -> None:
    examples = [example(88), *(example(48) for _ in range(4))]
    groups = longest_groups(examples, StepPlan(Shuffle(5, 0), 5, 1.0), 100)
    assert [(len(rows), len(rows[0].ids)) for rows in groups] == [(2, 48), (1, 88)]


def test_only_what_is_left_of_the_run_counts() -> None:
    examples = [example(length) for length in (10, 20, 30, 40)]
    plan = StepPlan(Shuffle(4, 3), 1, 1.0)
    left = [len(examples[i].ids) for i in (plan.rows(3)[0], plan.rows(4)[0])]
    assert [len(rows[0].ids) for rows in longest_groups(examples, plan, 8, after_step=2)] == [max(left)]
    assert longest_groups(examples, plan, 8, after_step=4) == []
