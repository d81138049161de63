"""The order of rows is fixed, every row is seen once a pass, and cutting a step changes nothing but memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.data.mixing.mix import Shuffle
from engine.memory.job import padded_length
from engine.modeling.batches import MicroBatch, StepPlan, collate, cut, spans
from engine.tokens.examples import Example

PAD = 0


def example(length: int, trained: int | None = None, source: int = 0, first: int = 1) -> Example:
    """``length`` tokens counted up from ``first``; the last ``trained`` of them have labels."""
    ids = np.arange(first, first + length, dtype=np.int32)
    labels = ids.copy()
    labels[: length - (length if trained is None else trained)] = -100
    return Example(ids, labels, source, 0)


def test_the_order_is_a_pure_function_of_seed_and_pass() -> None:
    shuffle = Shuffle(50, seed=1)
    assert shuffle.order(0).tolist() == Shuffle(50, seed=1).order(0).tolist()
    assert sorted(shuffle.order(0).tolist()) == list(range(50))
    assert shuffle.order(0).tolist() != shuffle.order(1).tolist()
    assert shuffle.order(0).tolist() != Shuffle(50, seed=2).order(0).tolist()


def test_the_order_stays_the_same_from_version_to_version() -> None:
    """A run of an earlier version must resume with the rows it would have seen."""
    assert Shuffle(8, seed=42).order(0).tolist() == [3, 4, 2, 7, 6, 1, 5, 0]


@given(count=st.integers(1, 60), batch_size=st.integers(1, 20), epochs=st.integers(1, 3))
def test_every_pass_sees_every_row_once(count: int, batch_size: int, epochs: int) -> None:
    plan = StepPlan(Shuffle(count, 7), batch_size, epochs)
    assert plan.total_steps == epochs * plan.steps_per_epoch
    seen = [plan.rows(step).tolist() for step in range(1, plan.total_steps + 1)]
    assert all(1 <= len(rows) <= batch_size for rows in seen)
    for epoch in range(epochs):
        of_pass = seen[epoch * plan.steps_per_epoch : (epoch + 1) * plan.steps_per_epoch]
        assert sorted(row for rows in of_pass for row in rows) == list(range(count))


def test_a_step_has_the_same_rows_whichever_were_asked_for_before() -> None:
    one, other = StepPlan(Shuffle(23, 3), 5, 3), StepPlan(Shuffle(23, 3), 5, 3)
    forwards = {step: one.rows(step).tolist() for step in range(1, one.total_steps + 1)}
    backwards = {step: other.rows(step).tolist() for step in range(other.total_steps, 0, -1)}
    assert forwards == backwards


@pytest.mark.parametrize(
    ("count", "batch_size", "epochs", "max_steps", "total"),
    [
        (100, 16, 1.0, None, 7),
        (100, 16, 2.5, None, 18),
        (3, 16, 0.1, None, 1),
        (100, 16, 1.0, 50, 50),
        (10, 5, 9, 1, 1),
    ],
)
def test_steps_come_from_passes_or_are_given(
    count: int, batch_size: int, epochs: float, max_steps: int | None, total: int
) -> None:
    assert StepPlan(Shuffle(count, 0), batch_size, epochs, max_steps).total_steps == total


def test_the_pass_is_counted_in_rows() -> None:
    plan = StepPlan(Shuffle(10, 0), 4, 2)  # 4, 4 and 2 rows
    assert [plan.epoch_after(step) for step in range(7)] == [0, 0.4, 0.8, 1.0, 1.4, 1.8, 2.0]


def test_a_micro_batch_is_padded_on_the_right_and_predicts_from_the_token_before() -> None:
    batch = collate([example(5, 2, source=0), example(3, 1, source=1, first=11)], PAD)
    assert batch.input_ids.tolist() == [[1, 2, 3, 4, 5, 0, 0, 0], [11, 12, 13, 0, 0, 0, 0, 0]]
    assert batch.positions.tolist() == [2, 3, 8 + 1]
    assert batch.targets.tolist() == [4, 5, 13]
    assert batch.sources.tolist() == [0, 0, 1]
    assert (batch.num_tokens, batch.padded_tokens, batch.supervised_tokens) == (8, 16, 3)
    assert batch.input_ids.dtype == batch.positions.dtype == batch.targets.dtype == torch.int64


def test_padding_is_never_a_target_even_where_its_id_is_the_stop_token() -> None:
    stop = 5
    batch = collate([example(5, 2), example(2, 1)], pad_id=stop)
    assert batch.targets.tolist() == [4, 5, 2]  # the stop token of the first row, and no padding of the second
    assert batch.positions.tolist() == [2, 3, 8]


rows = st.lists(st.tuples(st.integers(2, 40), st.integers(1, 40)), min_size=1, max_size=12)


@given(rows=rows, budget=st.integers(8, 200))
def test_a_cut_keeps_every_token_within_the_budget(rows: list[tuple[int, int]], budget: int) -> None:
    examples = [
        example(length, min(trained, length - 1), first=100 * i + 1) for i, (length, trained) in enumerate(rows)
    ]
    batches = cut(examples, budget, PAD)
    for batch in batches:
        assert batch.padded_tokens <= budget or batch.input_ids.shape[0] == 1
    assert sorted(predictions(batches)) == sorted(predictions([collate(examples, PAD)]))
    assert sum(batch.num_tokens for batch in batches) == sum(len(e.ids) for e in examples)
    # The worst case comes first.
    assert batches[0].input_ids.shape[1] == padded_length(
        max(len(e.ids) for e in examples)
    )  # the worst case comes first


def predictions(batches: list[MicroBatch]) -> list[tuple[int, int]]:
    """(token before, token to predict) of every supervised token."""
    pairs = []
    for batch in batches:
        before = batch.input_ids.reshape(-1)[batch.positions]
        pairs += list(zip(before.tolist(), batch.targets.tolist(), strict=True))
    return pairs


def test_a_smaller_budget_makes_more_and_smaller_micro_batches() -> None:
    examples = [example(16) for _ in range(8)]
    assert [len(cut(examples, budget, PAD)) for budget in (128, 127, 64, 32, 16, 8)] == [1, 2, 2, 4, 8, 8]
    assert len(cut([example(9) for _ in range(8)], 64, PAD)) == 2, "as wide as they are padded to"


def alpaca_steps(batch_size: int, budget: int) -> tuple[float, float]:
    """Share of padding, and micro-batches a step, for rows as long as alpaca's: median 134 tokens, a tenth over 330."""
    lengths = np.clip(np.random.default_rng(0).lognormal(4.9, 0.7, 3200).astype(int), 20, 1024)
    tokens = computed = count = 0
    for step in lengths.reshape(-1, batch_size):
        ordered = sorted(step.tolist(), reverse=True)
        for start, stop in spans(ordered, budget):
            count += 1
            tokens += sum(ordered[start:stop])
            computed += (stop - start) * padded_length(ordered[start])
    return 1 - tokens / computed, count / (len(lengths) / batch_size)


@pytest.mark.parametrize("budget", [1024, 2048, 4096])
def test_padding_stays_under_a_tenth_on_alpaca(budget: int) -> None:
    """Filling the budget with the longest rows first left 36% of padding at 4,096 tokens, and 23% at 2,048."""
    padding, count = alpaca_steps(32, budget)
    assert padding < 0.10
    assert count < 10, "each has to be started"


def test_a_large_budget_is_for_a_fast_device_where_starting_costs_more_than_padding() -> None:
    """Cut as finely as a small one it would leave the device idle between micro-batches."""
    padding, count = alpaca_steps(32, 16_384)
    assert count < 5
    assert padding < 0.25


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(8, 400))
def test_no_other_cut_computes_less(lengths: list[int], budget: int) -> None:
    ordered = sorted(lengths, reverse=True)

    def cost(cuts: list[tuple[int, int]]) -> int:
        sizes = [(stop - start) * padded_length(ordered[start]) for start, stop in cuts]
        fits = all(size <= budget or stop - start == 1 for size, (start, stop) in zip(sizes, cuts, strict=True))
        return sum(size + 96 for size in sizes) if fits else 10**9

    def all_cuts(start: int) -> Iterator[list[tuple[int, int]]]:
        if start == len(ordered):
            yield []
        for stop in range(start + 1, len(ordered) + 1):
            yield from ([(start, stop), *rest] for rest in all_cuts(stop))

    found = list(spans(ordered, budget))
    assert [begin for begin, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(ordered)
    assert cost(found) == min(map(cost, all_cuts(0)))


@given(lengths=st.lists(st.integers(2, 700), min_size=1, max_size=16), packed=st.booleans())
def test_coarse_padding_changes_no_prediction_and_keeps_to_the_budget(lengths: list[int], packed: bool) -> None:
    examples = [example(length) for length in lengths]
    fine, coarse = cut(examples, 1024, PAD, packed), cut(examples, 1024, PAD, packed, coarsest=64)
    assert sorted(predictions(coarse)) == sorted(predictions(fine))
    for batch in coarse:
        assert batch.padded_tokens <= 1024
        assert padded_length(batch.input_ids.shape[1], 64) == batch.input_ids.shape[1]
