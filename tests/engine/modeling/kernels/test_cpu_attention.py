"""The short-row kernel is causal attention as torch computes it; whatever is unusual goes to torch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from engine.common.errors import ModelError
from engine.modeling.kernels import cpu_attention
from engine.modeling.kernels.cpu_attention import LONGEST, CausalAttention, attention

BATCH, WIDTH = 2, 8


def tensors(heads: int, kv_heads: int, length: int, keys: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(length)

    def made(count: int, positions: int) -> Tensor:
        return torch.randn(BATCH, count, positions, WIDTH, generator=generator).requires_grad_()

    return made(heads, length), made(kv_heads, keys or length), made(kv_heads, keys or length)


def reference(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    return torch.nn.functional.scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=scale, enable_gqa=True
    )


@pytest.mark.parametrize(("heads", "kv_heads"), [(4, 4), (4, 2), (6, 1)])
@pytest.mark.parametrize("length", [2, 3, 17, 64])
def test_output_and_gradients_are_torchs(heads: int, kv_heads: int, length: int) -> None:
    query, key, value = tensors(heads, kv_heads, length)
    ours = CausalAttention.apply(query, key, value, 0.3)  # type: ignore[no-untyped-call]
    theirs = reference(query, key, value, 0.3)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    weights = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(3))
    expected = torch.autograd.grad((theirs * weights).sum(), (query, key, value))
    found = torch.autograd.grad((ours * weights).sum(), (query, key, value))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_no_position_sees_a_later_one() -> None:
    query, key, value = tensors(4, 2, 9)
    before = CausalAttention.apply(query, key, value, 1.0)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        key[:, :, 5:] = 100.0
        value[:, :, 5:] = -100.0
    after = CausalAttention.apply(query, key, value, 1.0)  # type: ignore[no-untyped-call]
    assert torch.equal(after[:, :, :5], before[:, :, :5])
    assert not torch.allclose(after[:, :, 5:], before[:, :, 5:])


def test_bfloat16_is_as_close_as_bfloat16_is() -> None:
    query, key, value = tensors(4, 2, 32)
    narrow = [t.detach().to(torch.bfloat16) for t in (query, key, value)]
    ours = CausalAttention.apply(*narrow, 0.35)  # type: ignore[no-untyped-call]
    assert ours.dtype == torch.bfloat16
    torch.testing.assert_close(ours.float(), reference(query, key, value, 0.35), rtol=0.05, atol=0.05)


@pytest.fixture
def library_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls that went on to the library's kernel."""
    calls: list[Any] = []
    theirs = cpu_attention.sdpa_attention_forward

    def recorded(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return theirs(*args, **kwargs)

    monkeypatch.setattr(cpu_attention, "sdpa_attention_forward", recorded)
    return calls


MODULE: Any = SimpleNamespace(is_causal=True, num_key_value_groups=2, training=False)


def test_a_short_row_without_a_mask_is_ours(library_calls: list[Any]) -> None:
    query, key, value = tensors(4, 2, 6)
    output, weights = attention(MODULE, query, key, value, None, scaling=0.3)
    assert (library_calls, weights) == ([], None)
    assert output.shape == (BATCH, 6, 4, WIDTH)
    torch.testing.assert_close(output.transpose(1, 2), reference(query, key, value, 0.3))


def test_without_a_scale_it_is_one_over_the_root_of_the_width(library_calls: list[Any]) -> None:
    query, key, value = tensors(4, 2, 6)
    output, _ = attention(MODULE, query, key, value, None)
    torch.testing.assert_close(output.transpose(1, 2), reference(query, key, value, WIDTH**-0.5))


@pytest.mark.parametrize(
    ("length", "keys", "options"),
    [
        (6, 6, {"attention_mask": torch.ones(BATCH, 1, 6, 6, dtype=torch.bool).tril()}),
        (LONGEST + 1, LONGEST + 1, {}),
        (1, 6, {}),
        (3, 6, {"attention_mask": torch.ones(BATCH, 1, 3, 6, dtype=torch.bool)}),
        (6, 6, {"is_causal": False}),
        (6, 6, {"dropout": 0.1}),
    ],
    ids=["masked", "long", "next token", "more keys", "not causal", "dropout"],
)
def test_whatever_is_unusual_goes_to_the_library(
    library_calls: list[Any], length: int, keys: int, options: dict[str, Any]
) -> None:
    query, key, value = tensors(4, 2, length, keys)
    options = {"attention_mask": None} | options
    output, _ = attention(MODULE, query, key, value, scaling=0.3, **options)
    assert len(library_calls) == 1
    assert output.shape == (BATCH, length, 4, WIDTH)


@pytest.fixture(scope="module")
def models(tiny: Path) -> tuple[Any, Any]:
    """The same model with our kernel and with the library's."""
    ours, theirs = (
        AutoModelForCausalLM.from_pretrained(tiny, attn_implementation=kernel).eval()
        for kernel in (cpu_attention.register(), "sdpa")
    )
    return ours, theirs


def test_a_whole_model_gives_the_same_logits(models: tuple[Any, Any]) -> None:
    ids = torch.randint(300, (2, 40), generator=torch.Generator().manual_seed(0))
    ours, theirs = (model(ids).logits for model in models)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_padding_on_the_left_changes_no_answer(models: tuple[Any, Any]) -> None:
    ids = torch.randint(3, 300, (2, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    ids[0, :5] = 0
    settings = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    ours, theirs = (model.generate(input_ids=ids, attention_mask=mask, **settings) for model in models)
    assert torch.equal(ours, theirs)
    alone = models[0].generate(input_ids=ids[:1, 5:], attention_mask=mask[:1, 5:], **settings)
    assert torch.equal(alone[0, 7:], ours[0, 12:])


@pytest.mark.parametrize("argument", ["s_aux", "indices", "sinks", "something_new"])
def test_an_argument_that_no_kernel_knows_is_refused(argument: str) -> None:
    with pytest.raises(ModelError, match=argument):
        attention(MODULE, *tensors(4, 2, 6), None, **{argument: torch.zeros(4)})


@pytest.mark.parametrize(
    "options", [{"s_aux": None}, {"output_attentions": False}, {"position_ids": torch.arange(6)}, {"sliding_window": 6}]
)
def test_arguments_without_effect_leave_a_short_row_ours(library_calls: list[Any], options: dict[str, Any]) -> None:
    attention(MODULE, *tensors(4, 2, 6), None, **options)
    assert library_calls == []


@pytest.mark.parametrize("options", [{"position_bias": torch.zeros(1, 4, 6, 6)}, {"sliding_window": 5}])
def test_a_bias_or_a_window_shorter_than_the_row_is_the_librarys(
    library_calls: list[Any], options: dict[str, Any]
) -> None:
    attention(MODULE, *tensors(4, 2, 6), None, **options)
    assert len(library_calls) == 1


def test_values_narrower_than_keys_are_the_librarys(library_calls: list[Any]) -> None:
    query, key, value = tensors(4, 2, 6)
    output, _ = attention(MODULE, query, key, value[..., :4], None)
    assert output.shape == (BATCH, 6, 4, 4)
    assert len(library_calls) == 1


def test_rows_that_see_what_comes_are_never_taken_for_packed_ones() -> None:
    from transformers.masking_utils import bidirectional_mask_function

    mask = cpu_attention.row_mask(1, 6, 6, mask_function=bidirectional_mask_function, allow_is_causal_skip=False)
    assert mask is None or mask.dtype == torch.bool


def test_under_mixed_precision_float32_is_the_librarys(library_calls: list[Any]) -> None:
    """Autocast would compute the scores in 16 bit, and the backward pass, which it leaves alone, would not follow."""
    query, key, value = tensors(4, 2, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        attention(MODULE, query, key, value, None)
        attention(MODULE, query, key, value.bfloat16(), None)
        assert len(library_calls) == 2
        attention(MODULE, query.bfloat16(), key.bfloat16(), value.bfloat16(), None)
    assert len(library_calls) == 2
