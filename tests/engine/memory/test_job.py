"""On a CPU rows come in few shapes, at the price of little padding; GPUs keep their eights."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.memory.job import COARSEST, coarsest_on, compiled, padded_length
from engine.models.card import PADDING


@given(st.integers(1, 5000))
def test_a_gpus_rows_are_padded_to_eights(tokens: int) -> None:
    padded = padded_length(tokens, coarsest_on("cuda"))
    assert padded == padded_length(tokens)
    assert padded % 8 == 0
    assert 0 <= padded - tokens < 8


@given(st.integers(1, 5000))
def test_padding_on_a_cpu_is_an_eighth_at_most_and_done_once(tokens: int) -> None:
    padded = padded_length(tokens, COARSEST)
    assert 0 <= padded - tokens < max(PADDING, tokens / 4)
    assert padded - tokens < COARSEST
    assert padded_length(padded, COARSEST) == padded


def test_a_thousand_lengths_are_few_shapes_on_a_cpu() -> None:
    shapes = {padded_length(tokens, coarsest_on("cpu")) for tokens in range(1, 1025)}
    assert len(shapes) == 28
    assert 1024 in shapes


@pytest.mark.parametrize("positions", [63, 64, 96, 100, 512, 1000, 1024, 2050])
def test_no_row_is_padded_beyond_the_models_positions(positions: int) -> None:
    longest = positions // PADDING * PADDING  # longer ones are refused
    coarsest = coarsest_on("cpu", positions)
    assert all(padded_length(tokens, coarsest) <= positions for tokens in range(1, longest + 1))


def test_more_shapes_take_more_memory_until_the_cache_is_full() -> None:
    assert compiled(0) == 0
    assert compiled(5) < compiled(15) < compiled(60) == compiled(600) < 512 << 20
