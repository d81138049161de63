"""The lean LoRA forward is PEFT's own layer, number for number, and leaves alone what it does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.modeling.kernels import lora_kernel

WIDE, NARROW = 32, 24


class Block(nn.Module):
    """Two linear layers that get adapters, with something between them."""

    def __init__(self, make_linear: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.up = make_linear(NARROW, WIDE)
        self.down = make_linear(WIDE, NARROW)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(torch.tanh(self.up(x)))  # type: ignore[no-any-return]


def adapted(make_linear: Callable[[int, int], nn.Module] = nn.Linear, **lora: Any) -> PeftModel:
    """A frozen block with an adapter whose A and B are both random, as after some training."""
    torch.manual_seed(0)
    block = Block(make_linear).requires_grad_(False)
    settings = {"r": 4, "lora_alpha": 12, "init_lora_weights": False} | lora
    return get_peft_model(block, LoraConfig(target_modules=["up", "down"], **settings))  # type: ignore[arg-type]


def run(
    model: PeftModel, call: Callable[[Tensor], Tensor] | None = None, shape: tuple[int, ...] = (3, 5, NARROW)
) -> dict[str, Tensor]:
    """Output and all gradients of one pass over fixed numbers."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(*shape, generator=generator, requires_grad=True)
    torch.manual_seed(2)  # dropout
    y = (call or model)(x)
    model.zero_grad()
    (y * torch.randn(y.shape, generator=generator)).sum().backward()
    assert x.grad is not None
    found = {"y": y.detach(), "x": x.grad}
    return found | {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    """Equal to ``tolerance`` of each tensor's largest number."""
    assert found.keys() == expected.keys()
    assert len(expected) == 6  # y, x, and A and B of two layers
    for name in expected:
        allowed = tolerance * float(expected[name].abs().max())
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=allowed)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("use_rslora", [False, True])
@pytest.mark.parametrize("shape", [(3, 5, NARROW), (7, NARROW), (1, NARROW)])
def test_output_and_gradients_are_pefts_own(bias: bool, use_rslora: bool, shape: tuple[int, ...]) -> None:
    model = adapted(lambda i, o: nn.Linear(i, o, bias=bias), use_rslora=use_rslora)
    expected = run(model, shape=shape)
    assert lora_kernel.install(model) == 2
    assert_same(run(model, shape=shape), expected)


def test_rank_stabilised_scaling_is_alpha_over_the_root_of_the_rank() -> None:
    plain, stabilised = adapted(use_rslora=False), adapted(use_rslora=True)
    for model in (plain, stabilised):
        lora_kernel.install(model)
    name = "base_model.model.down.lora_B.default.weight"
    # The output's gradient is fixed, so that of the last layer's B grows with its scale, were its input the same.
    layer = stabilised.base_model.model.down
    assert layer.scaling["default"] == pytest.approx(12 / 2)
    assert plain.base_model.model.down.scaling["default"] == pytest.approx(12 / 4)
    assert not torch.allclose(run(plain)[name], run(stabilised)[name])


def test_an_input_that_is_no_block_of_memory_gives_the_same() -> None:
    def transposed(model: PeftModel) -> Callable[[Tensor], Tensor]:
        return lambda x: model(x.transpose(0, 1))

    model = adapted()
    expected = run(model, transposed(model))
    lora_kernel.install(model)
    assert_same(run(model, transposed(model)), expected)


def test_recomputing_a_layer_in_the_backward_pass_gives_the_same() -> None:
    model = adapted()
    expected = run(model)
    lora_kernel.install(model)
    assert_same(run(model, lambda x: checkpoint(model, x, use_reentrant=False)), expected)  # type: ignore[arg-type]


def test_an_input_without_gradient_still_trains_the_adapter() -> None:
    """The first layer of a frozen model: nothing below it wants a gradient."""
    model = adapted()
    lora_kernel.install(model)
    model(torch.randn(2, NARROW)).sum().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert all(p.grad is None for p in model.parameters() if not p.requires_grad)


def test_a_disabled_adapter_leaves_the_plain_base() -> None:
    model = adapted()
    x = torch.randn(2, NARROW)
    with model.disable_adapter():
        expected = model(x)
    lora_kernel.install(model)
    with model.disable_adapter():
        assert torch.equal(model(x), expected)
    assert not torch.allclose(model(x), expected)


def test_a_merged_adapter_is_not_added_twice() -> None:
    model = adapted()
    lora_kernel.install(model)
    x = torch.randn(2, NARROW)
    expected = model(x)
    model.merge_adapter()
    torch.testing.assert_close(model(x), expected)


@pytest.mark.parametrize("special", [{"use_dora": True}, {"lora_bias": True}])
def test_dora_and_bias_in_the_adapter_are_left_to_peft(special: dict[str, Any]) -> None:
    model = adapted(**special)
    expected = run(model)
    assert lora_kernel.install(model) == 0
    found = run(model)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_dropout_drops_what_peft_would_drop(share: float) -> None:
    """The same random numbers, and the same output and gradients from them."""
    model = adapted(lora_dropout=share)
    expected = run(model)
    plain = run(adapted())
    assert not torch.allclose(expected["y"], plain["y"])
    assert lora_kernel.install(model) == 2
    assert_same(run(model), expected)
    assert_same(run(model, lambda x: checkpoint(model, x, use_reentrant=False)), expected)  # type: ignore[arg-type]


def test_no_dropout_while_measuring() -> None:
    model = adapted(lora_dropout=0.5).eval()
    expected = run(model)
    lora_kernel.install(model)
    assert_same(run(model), expected)


def test_gradients_of_dropout_are_those_of_small_differences() -> None:
    """Checked against numbers in float64 instead of another implementation."""
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)

    x, weight, a, b, y = drawn(3, 6), drawn(5, 6).detach(), drawn(2, 6), drawn(5, 2), drawn(3, 5)

    def dropped(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        torch.manual_seed(3)
        found: Tensor = lora_kernel.LoraLinear.apply(x, weight, None, a, b, 1.5, 0.4)  # type: ignore[no-untyped-call]
        return found

    def dropped_beside(y: Tensor, x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        torch.manual_seed(3)
        found: Tensor = lora_kernel.LowRankAdd.apply(y, x, a, b, 1.5, 0.4)  # type: ignore[no-untyped-call]
        return found

    assert torch.autograd.gradcheck(dropped, (x, a, b))
    assert torch.autograd.gradcheck(dropped_beside, (y, x, a, b))


def test_mixed_precision_over_float32_weights_computes_in_16_bit() -> None:
    """launch.precision = "bf16" with dtype = "float32": the products in bfloat16, weights and updates in float32."""
    model = adapted(lora_dropout=0.1)
    expected = run(model)

    def mixed(x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(x)  # type: ignore[no-any-return]

    pefts = run(model, mixed)
    lora_kernel.install(model)
    found = run(model, mixed)
    assert found["y"].dtype == pefts["y"].dtype == torch.bfloat16
    for name in expected:
        assert found[name].dtype == pefts[name].dtype
        rounded = 0.05 * float(expected[name].abs().max())
        torch.testing.assert_close(found[name].float(), expected[name], rtol=0, atol=rounded)


def test_two_adapters_at_once_are_left_to_peft() -> None:
    model = adapted()
    model.add_adapter("other", LoraConfig(target_modules=["up", "down"], r=2, init_lora_weights=False))
    model.base_model.set_adapter(["default", "other"])
    assert lora_kernel.install(model) == 0


def test_weights_in_bfloat16_keep_an_adapter_in_float32() -> None:
    model = adapted()
    model.base_model.model.up.base_layer.to(torch.bfloat16)
    model.base_model.model.down.base_layer.to(torch.bfloat16)
    lora_kernel.install(model)
    x = torch.randn(4, NARROW, dtype=torch.bfloat16)
    y = model(x)
    y.float().sum().backward()
    assert y.dtype == torch.bfloat16
    assert {p.grad.dtype for p in model.parameters() if p.grad is not None} == {torch.float32}


def four_bit(inputs: int, outputs: int) -> nn.Module:
    layer = Linear4bit(inputs, outputs, bias=True, quant_type="nf4", compute_dtype=torch.float32)
    return layer.to("cpu")


def eight_bit(inputs: int, outputs: int) -> nn.Module:
    layer = Linear8bitLt(inputs, outputs, bias=True, has_fp16_weights=False)
    return layer.to("cpu")


@pytest.mark.parametrize("make_linear", [four_bit, eight_bit])
def test_over_quantized_layers_it_is_pefts_own_too(make_linear: Callable[[int, int], nn.Module]) -> None:
    model = adapted(make_linear)
    model.eval()
    expected = run(model)
    assert lora_kernel.install(model) == 2
    assert_same(run(model), expected, 1e-5)
    assert_same(run(model, lambda x: checkpoint(model, x, use_reentrant=False)), expected, 1e-5)  # type: ignore[arg-type]


def test_dropout_over_quantized_layers_is_pefts_own_too() -> None:
    model = adapted(four_bit, lora_dropout=0.3)
    expected = run(model)
    assert lora_kernel.install(model) == 2
    assert_same(run(model), expected, 1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_a_model_may_change_what_a_layer_gives_in_place(bias: bool) -> None:
    def raised(x: Tensor) -> Tensor:
        y = model(x)
        assert y._base is None
        return y.add_(1)  # type: ignore[no-any-return]

    model = adapted(lambda wide, narrow: nn.Linear(wide, narrow, bias=bias))
    expected = run(model, raised)
    lora_kernel.install(model)
    assert_same(run(model, raised), expected)
