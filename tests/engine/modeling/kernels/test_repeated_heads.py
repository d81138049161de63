"""With keys and values repeated attention is the same, and torch is never asked to share them among heads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.common.errors import ModelError
from engine.modeling.kernels.repeated_heads import attention

MODULE: Any = SimpleNamespace(is_causal=True, num_key_value_groups=2, training=False)


def tensors(length: int, keys: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(length)
    shapes = ((4, length), (2, keys), (2, keys))
    return [torch.randn(2, heads, size, 8, generator=generator).requires_grad_() for heads, size in shapes]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What torch's kernel is given beside the queries."""
    calls: list[dict[str, Any]] = []
    theirs = torch.nn.functional.scaled_dot_product_attention

    def recorded(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
        calls.append({"heads": (query.shape[1], key.shape[1], value.shape[1])} | options)
        return theirs(query, key, value, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", recorded)
    return calls


def test_output_and_gradients_are_those_of_shared_heads(asked: list[dict[str, Any]]) -> None:
    made = tensors(9, 9)
    found, _ = attention(MODULE, *made, None, scaling=0.3)
    assert asked[0]["heads"] == (4, 4, 4)
    assert not asked[0].get("enable_gqa")
    expected = torch.nn.functional.scaled_dot_product_attention(*made, is_causal=True, scale=0.3, enable_gqa=True)
    torch.testing.assert_close(found, expected.transpose(1, 2), rtol=1e-5, atol=1e-6)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
    wanted = torch.autograd.grad((expected.transpose(1, 2) * weights).sum(), made)
    for ours, theirs in zip(torch.autograd.grad((found * weights).sum(), made), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("length", "keys", "options"),
    [
        (6, 6, {"attention_mask": torch.ones(2, 1, 6, 6, dtype=torch.bool).tril()}),
        (1, 6, {"attention_mask": torch.ones(2, 1, 1, 6, dtype=torch.bool)}),
        (1, 6, {}),
        (6, 6, {"is_causal": False}),
        (6, 6, {"position_bias": torch.zeros(1, 4, 6, 6)}),
    ],
    ids=["masked", "next token masked", "next token", "not causal", "biased"],
)
def test_whatever_is_unusual_is_the_librarys(length: int, keys: int, options: dict[str, Any]) -> None:
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    made, options = tensors(length, keys), {"attention_mask": None} | options
    found, _ = attention(MODULE, *made, **options)
    expected, _ = sdpa_attention_forward(MODULE, *made, **options)
    assert torch.equal(found, expected)


def test_sinks_are_refused() -> None:
    with pytest.raises(ModelError, match="s_aux"):
        attention(MODULE, *tensors(6, 6), None, s_aux=torch.zeros(4))
