"""KL(base || tuned) over next tokens: both distributions in chunks of positions, logits never kept.

For logits z of the tuned model and p, q the softmax of base and tuned, KL = sum p (log p - log q), and its gradient
with respect to z is q - p. Base states carry no gradient. As in ``engine.modeling.kernels.loss`` the gradient of the
hidden states is formed in the forward pass, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.modeling.kernels.head import PLAIN, LogitForm
from engine.modeling.kernels.loss import filled

CHUNK_POSITIONS = {"cpu": 64, "cuda": 256}
"""Positions whose logits exist at one time: half of the loss's, as there are two distributions."""
HeadOf = Callable[[Tensor], Tensor]


def head_divergence(
    hidden: Tensor, base_hidden: Tensor, head: HeadOf, base_head: HeadOf | None = None, form: LogitForm = PLAIN,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """KL(base || tuned) at each of N positions, in nats.

    ``hidden`` (N, h) are the tuned model's states, with gradient, ``base_hidden`` (N, h) the base's, without.
    ``base_head`` forms the base's logits where its head is another (None: the same). ``form`` is what the model makes
    of a head's output. Returns the sum, weighted by ``weights`` (N,), with gradient, and each position's own, (N,)
    float32 without. A frozen linear head takes the fused path, any other is recomputed in the backward pass.
    """
    chunk = CHUNK_POSITIONS.get(hidden.device.type, 256)
    if type(head) is nn.Linear and not head.weight.requires_grad and base_head is None:
        result: tuple[Tensor, Tensor] = FusedDivergence.apply(  # type: ignore[no-untyped-call]
            hidden, base_hidden, head.weight, head.bias, chunk, form, weights
        )
        return result
    parts = [
        checkpoint(_plain_chunk, tuned, base, head, base_head or head, form, use_reentrant=False)
        for tuned, base in zip(hidden.split(chunk), base_hidden.split(chunk), strict=True)
    ]
    per_token = torch.cat(parts) if parts else hidden.new_zeros(0, dtype=torch.float32)
    total = per_token.sum() if weights is None else (per_token * weights).sum()
    return total, per_token.detach()


def _plain_chunk(hidden: Tensor, base_hidden: Tensor, head: HeadOf, base_head: HeadOf, form: LogitForm) -> Tensor:
    with torch.no_grad():
        log_p = form.of(base_head(base_hidden).float()).log_softmax(1)
    log_q = form.of(head(hidden).float()).log_softmax(1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


class FusedDivergence(torch.autograd.Function):
    """Weighted sum of divergences under a frozen linear head, its hidden-state gradient formed in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, base_hidden: Tensor, weight: Tensor, bias: Tensor | None, chunk: int,
        form: LogitForm, weights: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        grad = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        found = torch.empty(hidden.shape[0], dtype=torch.float32, device=hidden.device)
        for start in range(0, hidden.shape[0], chunk):
            part = slice(start, start + chunk)
            log_q, slope = _log_softmax(hidden[part], weight, bias, form, grad is not None)
            log_p, _ = _log_softmax(base_hidden[part], weight, bias, form, False)
            p = log_p.exp()
            found[part] = log_p.sub_(log_q).mul_(p).sum(1)
            if grad is not None:
                steep = log_q.exp_().sub_(p)
                if slope is not None:
                    steep *= slope
                if form.scale != 1.0:
                    steep *= form.scale
                if weights is not None:  # before the rounding to the head's dtype
                    steep *= weights[part, None]
                grad[part] = (filled(steep.to(weight.dtype)) @ weight)[: len(steep)]
                del steep
            del log_p, log_q, p, slope  # before the next chunk's come
        if grad is not None:
            ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(found)
        return found.sum() if weights is None else (found * weights).sum(), found

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = ctx.saved_tensors
        return grad * grads[0].to(grad.dtype), None, None, None, None, None, None


def _log_softmax(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, form: LogitForm, with_slope: bool
) -> tuple[Tensor, Tensor | None]:
    """Log-probabilities (n, V) float32 of ``hidden`` (n, h), and the slope of the cap where there is one."""
    logits = nn.functional.linear(filled(hidden.to(weight.dtype)), weight, bias)[: len(hidden)].float()
    if form.scale != 1.0:
        logits *= form.scale
    slope = None
    if form.cap is not None:
        logits = torch.tanh_(logits.div_(form.cap)).mul_(form.cap)
        slope = (logits / form.cap).square_().neg_().add_(1) if with_slope else None
    return logits.log_softmax(1), slope
