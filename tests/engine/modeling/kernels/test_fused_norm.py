"""Torch's fused RMSNorm takes the place of a model's own where both are proved to be the same, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers.models.gemma3.modeling_gemma3 import Gemma3RMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.olmo2.modeling_olmo2 import Olmo2RMSNorm
from transformers.models.qwen3_next.modeling_qwen3_next import Qwen3NextRMSNormGated

from engine.modeling.kernels import fused_norm

WIDE = 48


def holding(norm: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    nn.init.normal_(norm.weight)  # type: ignore[arg-type]
    return nn.Sequential(norm, nn.LayerNorm(WIDE))


def passed(norm: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Output and gradients over rows of very different sizes."""
    generator = torch.Generator().manual_seed(1)
    sizes = torch.tensor([[1e-4], [1e-2], [1.0], [100.0]])
    x = (torch.randn(4, WIDE, generator=generator) * sizes).to(dtype).requires_grad_()
    y = norm(x)
    norm.zero_grad()
    (y.float() * torch.randn(4, WIDE, generator=generator)).sum().backward()
    assert x.grad is not None
    return {"y": y.detach(), "x": x.grad, "weight": norm.weight.grad}  # type: ignore[dict-item]


@pytest.mark.parametrize("make", [LlamaRMSNorm, Olmo2RMSNorm, Gemma3RMSNorm])
@pytest.mark.parametrize("eps", [1e-6, 1e-5])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-5), (torch.bfloat16, 2e-2)])
def test_output_and_gradients_are_the_models_own(
    make: Callable[..., nn.Module], eps: float, dtype: torch.dtype, tolerance: float
) -> None:
    model = holding(make(WIDE, eps=eps)).to(dtype)
    expected = passed(model[0], dtype)
    assert fused_norm.install(model) == 1
    found = passed(model[0], dtype)
    for name in expected:
        assert found[name].dtype == expected[name].dtype
        allowed = tolerance * float(expected[name].abs().max())
        torch.testing.assert_close(found[name], expected[name], rtol=tolerance, atol=allowed)


class AddsOutsideRMSNorm(nn.Module):
    """The small number is added to the root instead of under it."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(WIDE)), 1e-6

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True).sqrt() + self.eps) * self.weight


class SubtractsRMSNorm(AddsOutsideRMSNorm):
    """In truth a layer norm."""

    def forward(self, x: Tensor) -> Tensor:
        x = x - x.mean(-1, keepdim=True)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


class HalvesRMSNorm(AddsOutsideRMSNorm):
    """Scales by half its weight."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight / 2


@pytest.mark.parametrize(
    "make", [AddsOutsideRMSNorm, SubtractsRMSNorm, HalvesRMSNorm, lambda: Qwen3NextRMSNormGated(WIDE)]
)
def test_a_norm_with_a_formula_of_its_own_is_left_alone(make: Callable[[], nn.Module]) -> None:
    model = holding(make())
    assert fused_norm.install(model) == 0
    assert "forward" not in vars(model[0])


def test_a_weight_in_another_dtype_than_the_input_keeps_the_models_own_forward() -> None:
    """Torch has no fused kernel for that, and the result's dtype would be another."""
    norm = LlamaRMSNorm(WIDE)
    x = torch.randn(2, WIDE, dtype=torch.bfloat16)
    expected = norm(x)
    fused_norm.install(nn.Sequential(norm))
    assert torch.equal(norm(x), expected)
    assert norm(x).dtype == expected.dtype


def test_the_proof_leaves_weights_and_random_numbers_as_they_were() -> None:
    model = holding(LlamaRMSNorm(WIDE))
    weight, state = model[0].weight.clone(), torch.get_rng_state()
    fused_norm.install(model)
    assert torch.equal(model[0].weight, weight)
    assert torch.equal(torch.get_rng_state(), state)
