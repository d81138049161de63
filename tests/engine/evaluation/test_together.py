"""Groups that go on together give what each gives alone, to the last bit; what can't be computed so is left apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from engine.evaluation import decode as loop
from engine.evaluation import together
from engine.evaluation.decode import can_join, decode
from engine.modeling.kernels import cpu_attention
from tests.engine.evaluation.test_decode import alone, asked, librarys, some_stops
from tests.engine.modeling.kernels.tiny_families import model_of

JOINED = ("llama", "gpt_neox", "gpt2", "phi", "granite", "cohere")
APART = ("deepseek_v3",)
"""Families that fit their keys and values to their attention behind the cache."""
BF16 = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


@pytest.fixture(autouse=True)
def untried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model was tried before."""
    monkeypatch.setattr(together, "_fits", together.WeakKeyDictionary())


def model(family: str = "llama", dtype: torch.dtype = torch.float32) -> Any:
    made = model_of(family).eval().to(dtype)
    made.set_attn_implementation(cpu_attention.register())
    return made


def groups(most: int = 40) -> list[list[list[int]]]:
    """Of different numbers, lengths, padding and beginnings."""
    return [asked(most=most), asked(lengths=[6] * 5, most=most), asked([7] * 33, lengths=(3, 4, 3, 9), most=most)]


def side_by_side(made: Any, prompts: Sequence[Any], stops: frozenset[int], most: Sequence[int]) -> dict[int, Any]:
    """All groups begun at once."""
    return dict(decode(made, prompts, stops, 0, most, joins=lambda beside, rows, group: True))


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Rows and columns of ids of all that is computed, as it is computed."""
    computed: list[tuple[int, int]] = []
    real = loop._next

    def noted(base: Any, ids: torch.Tensor, *rest: Any) -> torch.Tensor:
        computed.append((ids.shape[0], ids.shape[1]))
        return real(base, ids, *rest)

    monkeypatch.setattr(loop, "_next", noted)
    return computed


@pytest.mark.parametrize("dtype", [torch.float32, *([torch.bfloat16] if BF16 else [])], ids=str)
@pytest.mark.parametrize("family", [*JOINED, *APART])
def test_groups_together_answer_as_each_alone(family: str, dtype: torch.dtype, rows: list[tuple[int, int]]) -> None:
    made = model(family, dtype)
    prompts, most = groups(min(40, made.config.vocab_size)), [12, 5, 9]

    def each_alone(stops: frozenset[int]) -> dict[int, list[list[int]]]:
        return {i: alone(made, group, stops, most[i]) for i, group in enumerate(prompts)}

    free = each_alone(frozenset())
    rows.clear()
    assert can_join(made)
    assert side_by_side(made, prompts, frozenset(), most) == free
    assert can_join(made) == (family in JOINED)
    assert (rows.count((18, 1)) > 1) == (family in JOINED)  # the first one is the trial
    stops = some_stops(free[0]) | {free[2][1][3]}
    assert side_by_side(made, prompts, stops, most) == each_alone(stops)


def test_groups_together_answer_as_the_library_does() -> None:
    made = model()
    free = [librarys(made, group, frozenset({-1}), 8) for group in groups()]
    assert side_by_side(made, groups(), frozenset(), [8] * 3) == dict(enumerate(free))


def test_a_group_joins_where_it_is_let_in_and_comes_back_when_it_is_whole(rows: list[tuple[int, int]]) -> None:
    made = model()
    asks: list[tuple[list[int], int, int]] = []

    def joins(beside: Sequence[int], left: int, group: int) -> bool:
        asks.append((list(beside), left, group))
        return not beside or left <= 9

    whole = [index for index, _ in decode(made, groups(), frozenset(), 0, [6, 3, 2], joins=joins)]
    assert whole == [1, 2, 0]
    assert asks[:3] == [([], 0, 0), ([0], 9, 1), ([0, 1], 14, 2)]
    assert asks[-1] == ([0], 9, 2)


def test_a_model_whose_numbers_differ_is_computed_apart(
    monkeypatch: pytest.MonkeyPatch, rows: list[tuple[int, int]]
) -> None:
    made, prompts = model(), groups()
    expected = {i: alone(made, group, frozenset(), 6) for i, group in enumerate(prompts)}
    real = together._side_by_side

    def off(*arguments: Any) -> list[torch.Tensor]:
        return [logits.roll(1, -1) for logits in real(*arguments)]

    monkeypatch.setattr(together, "_side_by_side", off)
    assert side_by_side(made, prompts, frozenset(), [6] * 3) == expected
    assert not can_join(made)


def test_a_model_that_changes_its_keys_behind_the_cache_is_computed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    made, prompts = model(), groups()
    expected = {i: alone(made, group, frozenset(), 6) for i, group in enumerate(prompts)}
    real = together._Layers.update
    monkeypatch.setattr(
        together._Layers, "update", lambda self, *states: tuple(state.clone() for state in real(self, *states))
    )
    assert side_by_side(made, prompts, frozenset(), [6] * 3) == expected
    assert not can_join(made)
    assert made.config._attn_implementation == cpu_attention.NAME


def test_running_out_of_memory_in_the_first_step_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*arguments: Any) -> Any:
        raise MemoryError

    made = model()
    monkeypatch.setattr(together, "_side_by_side", short)
    with pytest.raises(MemoryError):
        side_by_side(made, groups(), frozenset(), [6] * 3)
    assert can_join(made)


@pytest.mark.parametrize("family", ["gemma3_text", "cohere2", "mamba"])
def test_models_that_forget_or_keep_something_else_do_not_join(family: str) -> None:
    assert not can_join(model_of(family))


def test_other_attention_than_the_cpu_s_does_not_join() -> None:
    made = model()
    made.set_attn_implementation("sdpa")
    assert not can_join(made)
