"""A leaner forward and backward for plain LoRA layers: the same mathematics in fewer passes over memory.

PEFT's layer casts the input to the adapter's dtype, runs two small layers, scales and adds: six tensors of the
activations' size a layer. Here the low-rank update is accumulated into the layer's own output, and its input gradient
into the layer's own, with one copy of the input kept. Dropout on the adapter's input adds a byte for each of its
numbers: what was dropped is kept, and the input is dropped again in the backward pass. Layers it does not know keep
PEFT's forward.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from engine.modeling.kernels.dtypes import computed_dtype
from engine.modeling.peft import LoraLayer


def install(model: nn.Module) -> int:
    """Put the lean forward into every plain LoRA layer of ``model``; returns how many took it."""
    count = 0
    for module in model.modules():
        if isinstance(module, LoraLayer) and _is_plain(module):
            module.forward = MethodType(_forward, module)  # type: ignore[method-assign, assignment]
            count += 1
    return count


def _is_plain(layer: Any) -> bool:
    """One adapter of two bias-free matrices on a linear layer: no DoRA or other variant."""
    active = layer.active_adapters
    if len(active) != 1 or not isinstance(layer.get_base_layer(), nn.Linear) or active[0] not in layer.lora_A:
        return False
    name = active[0]
    return (
        not layer.merged
        and name not in layer.lora_variant
        and type(layer.lora_dropout[name]) in (nn.Identity, nn.Dropout)
        and type(layer.lora_A[name]) is nn.Linear
        and layer.lora_A[name].bias is None
        and layer.lora_B[name].bias is None
    )


def _forward(layer: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if layer.disable_adapters or layer.merged or args or kwargs:
        return type(layer).forward(layer, x, *args, **kwargs)
    (name,) = layer.active_adapters
    base, dropout = layer.get_base_layer(), layer.lora_dropout[name]
    a, b, scale = layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]
    share = dropout.p if isinstance(dropout, nn.Dropout) and dropout.training else 0.0
    # Under autocast the layer may compute in another dtype than its input's: its output says in which.
    if type(base) is nn.Linear and base.weight.dtype == x.dtype == computed_dtype(x):
        return LoraLinear.apply(x, base.weight, base.bias, a, b, scale, share)  # type: ignore[no-untyped-call]
    return LowRankAdd.apply(base(x), x, a, b, scale, share)  # type: ignore[no-untyped-call]


class LoraLinear(torch.autograd.Function):
    """``x Wᵀ + bias + scale · (drop(x) Aᵀ) Bᵀ`` with frozen W (out, in); A (r, in) and B (out, r) are trained."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, scale: float, share: float
    ) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        dropped, kept = _drop(flat, share)
        low = dropped @ a.to(x.dtype).t()
        y = x.new_empty(*x.shape[:-1], weight.shape[0])  # no view: a model may change it in place
        rows = y.view(-1, weight.shape[0])
        torch.mm(flat, weight.t(), out=rows) if bias is None else torch.addmm(bias, flat, weight.t(), out=rows)
        rows.addmm_(low, b.to(x.dtype).t(), alpha=scale)
        ctx.save_for_backward(flat, weight, a, b, low, kept)
        ctx.scale, ctx.share = scale, share
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        flat, weight, a, b, low, kept = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        grad_low, grad_a, grad_b = _adapter_gradients(grad, _keep(flat, kept, ctx.share), a, b, low, ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = grad @ weight
            if kept is None:
                grad_x.addmm_(grad_low, a.to(grad.dtype))
            else:
                grad_x += _keep(grad_low @ a.to(grad.dtype), kept, ctx.share)
            grad_x = grad_x.view(*grads[0].shape[:-1], -1)
        return grad_x, None, None, grad_a, grad_b, None, None


class LowRankAdd(torch.autograd.Function):
    """``y + scale · (drop(x) Aᵀ) Bᵀ`` for the output ``y`` of a quantized layer, or of one in another dtype.

    Not in place: bitsandbytes gives out views, which autograd does not let anybody change.
    """

    @staticmethod
    def forward(ctx: Any, y: Tensor, x: Tensor, a: Tensor, b: Tensor, scale: float, share: float) -> Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(y.dtype)
        dropped, kept = _drop(flat, share)
        low = dropped @ a.to(y.dtype).t()
        total = torch.empty_like(y, memory_format=torch.contiguous_format)  # no view: a model may change it in place
        width = y.shape[-1]
        torch.addmm(y.reshape(-1, width), low, b.to(y.dtype).t(), alpha=scale, out=total.view(-1, width))
        ctx.save_for_backward(flat, a, b, low, kept)
        ctx.scale, ctx.share, ctx.x_dtype, ctx.x_shape = scale, share, x.dtype, x.shape
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        flat, a, b, low, kept = ctx.saved_tensors
        grad = grads[0].reshape(-1, grads[0].shape[-1])
        grad_low, grad_a, grad_b = _adapter_gradients(grad, _keep(flat, kept, ctx.share), a, b, low, ctx.scale)
        grad_x = None
        if ctx.needs_input_grad[1]:
            grad_x = _keep(grad_low @ a.to(grad.dtype), kept, ctx.share).to(ctx.x_dtype).view(ctx.x_shape)
        return grads[0], grad_x, grad_a, grad_b, None, None


def _drop(x: Tensor, share: float) -> tuple[Tensor, Tensor | None]:
    """``x`` (N, in) with ``share`` of its numbers dropped and the others scaled up, and which were kept (booleans)."""
    return torch.native_dropout(x, share, True) if share else (x, None)


def _keep(x: Tensor, kept: Tensor | None, share: float) -> Tensor:
    """``x`` (N, in) dropped as before; its gradient takes the same way."""
    return x if kept is None else torch.ops.aten.native_dropout_backward(x, kept, 1 / (1 - share))


def _adapter_gradients(
    grad: Tensor, x: Tensor, a: Tensor, b: Tensor, low: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of ``x Aᵀ`` (N, r), of A and of B, from the output's gradient (N, out)."""
    dtype = b.dtype
    b = b.to(grad.dtype)
    # With beta 0 the first tensor is not read: it only lends its shape, so that the product itself can scale.
    grad_low = torch.addmm(low, grad, b, beta=0, alpha=scale)
    grad_a = (grad_low.t() @ x).to(a.dtype)
    grad_b = torch.addmm(b, grad.t(), low, beta=0, alpha=scale).to(dtype)
    return grad_low, grad_a, grad_b
