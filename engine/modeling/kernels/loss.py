"""The loss over supervised tokens: head and cross-entropy in chunks, logits never kept.

A chunk's logits are formed, turned into its loss and into the gradient of its hidden states at once, and
forgotten. The backward pass only scales that gradient, so nothing is computed twice and the peak holds
one chunk of logits instead of all of them (a 49,152-word vocabulary needs 0.2 MB a token in float32).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from engine.modeling.kernels import flash
from engine.modeling.kernels.head import PLAIN, Head, LogitForm, body_of, logit_form
from engine.modeling.kernels.known_rows import rows_known
from engine.modeling.randomness import EmbeddingNoise

CHUNK_POSITIONS = {"cpu": 128, "cuda": 512}
"""Supervised positions whose logits exist at one time."""
_FILLED = 32
"""On a CPU the last chunk is filled to a multiple of this: kernels are compiled and kept for each number of rows."""


class SupervisedLoss(nn.Module):
    """A causal language model whose forward is the weighted sum of the losses of its supervised tokens.

    Body, selection and loss are one forward, so that hooks of data-parallel wrappers fire as they should.
    """

    def __init__(self, model: nn.Module, head: Head | None = None, noise_alpha: float | None = None) -> None:
        """``head``: how the loaded model was proved to form its logits; without it, as its config has it.

        ``noise_alpha`` is that of ``EmbeddingNoise``, None for none.
        """
        super().__init__()
        self.model = model
        self.head = head or Head(logit_form(_base(model).config))
        self.noise = EmbeddingNoise(_base(model).get_input_embeddings(), noise_alpha) if noise_alpha else None

    def forward(
        self, input_ids: Tensor, positions: Tensor, targets: Tensor, weights: Tensor | None = None,
        position_ids: Tensor | None = None, row_starts: Tensor | None = None, longest_row: int = 0,
        drawn: Sequence[tuple[int, int, int]] = (),
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Weighted sum of the losses (a scalar) and each token's own loss (N, unweighted, without gradient), float32.

        ``input_ids`` (batch, length) is padded on the right: with causal attention no mask is needed.
        ``positions`` (N,) index the flattened input; ``targets`` (N,) are the tokens to predict there, ``weights``
        (N,), float32, what each counts for (None: 1). ``position_ids`` (1, length), which begin anew with each row, are
        those of rows packed end to end; the model's attention must part them (``engine.modeling.kernels.packing``).
        ``row_starts`` (rows + 1,), int32, are where those begin and the last ends, ``longest_row`` bounds their tokens.
        ``drawn`` are the rows that get noise in training, as ``EmbeddingNoise.on`` takes them.
        """
        hidden = self.states(input_ids, positions, position_ids, row_starts, longest_row, drawn)
        return head_loss(hidden, self.output_head(), targets, self.head.form, weights)

    def states(
        self, input_ids: Tensor, positions: Tensor, position_ids: Tensor | None = None,
        row_starts: Tensor | None = None, longest_row: int = 0, drawn: Sequence[tuple[int, int, int]] = (),
    ) -> Tensor:  # fmt: skip
        """Last hidden states (N, h) at ``positions``."""
        with self.noise.on(drawn) if self.noise is not None and self.training else nullcontext():
            hidden = hidden_states(self.model, input_ids, position_ids, row_starts, longest_row)
        return hidden.reshape(-1, hidden.shape[-1]).index_select(0, positions)

    def output_head(self) -> Callable[[Tensor], Tensor]:
        """What makes logits of states, but for ``LogitForm``."""
        model: Any = self.model
        head: Callable[[Tensor], Tensor] = self.head.own or _base(model).get_output_embeddings()
        return head


def hidden_states(
    model: Any, input_ids: Tensor, position_ids: Tensor | None = None, row_starts: Tensor | None = None,
    longest_row: int = 0,
) -> Tensor:  # fmt: skip
    """What the body of ``model`` (an adapter around it or not) makes of ``input_ids``: (batch, length, h).

    Where rows of one sequence begin is told to flash attention, which would ask the device in every layer.
    """
    base = _base(model)
    packed: dict[str, Any] = {} if position_ids is None else {"position_ids": position_ids}
    if row_starts is not None and flash.takes_lengths(base):
        packed |= {"cu_seq_lens_q": row_starts, "cu_seq_lens_k": row_starts}
        packed |= {"max_length_q": longest_row, "max_length_k": longest_row}
    with rows_known(packed=position_ids is not None):
        hidden: Tensor = body_of(base)(input_ids=input_ids, use_cache=False, **packed).last_hidden_state
    return hidden


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def head_loss(
    hidden: Tensor, head: Callable[[Tensor], Tensor], targets: Tensor, form: LogitForm = PLAIN,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Cross-entropy of ``hidden`` (N, h) under the language-model ``head`` against ``targets`` (N,).

    ``form`` is what the model makes of the head's output. Returns the sum, weighted by ``weights`` (N,), and the
    per-token losses without them. A frozen linear head takes the fused path; a trained or wrapped one is recomputed
    chunk by chunk in the backward pass, at the same peak.
    """
    chunk = CHUNK_POSITIONS.get(hidden.device.type, 512)
    if type(head) is nn.Linear and not head.weight.requires_grad:
        result: tuple[Tensor, Tensor] = FusedHeadLoss.apply(  # type: ignore[no-untyped-call]
            hidden, head.weight, head.bias, targets, chunk, form.scale, form.cap, weights
        )
        return result
    losses = [
        checkpoint(_plain_chunk_loss, h, head, t, form, use_reentrant=False)
        for h, t in zip(hidden.split(chunk), targets.split(chunk), strict=True)
    ]
    per_token = torch.cat(losses) if losses else hidden.new_zeros(0, dtype=torch.float32)
    total = per_token.sum() if weights is None else (per_token * weights).sum()
    return total, per_token.detach()


def _plain_chunk_loss(hidden: Tensor, head: Callable[[Tensor], Tensor], targets: Tensor, form: LogitForm) -> Tensor:
    return nn.functional.cross_entropy(form.of(head(hidden).float()), targets, reduction="none")


def filled(rows: Tensor) -> Tensor:
    """``rows`` (n, width), on a CPU with zeros behind them."""
    missing = -len(rows) % _FILLED
    return nn.functional.pad(rows, (0, 0, 0, missing)) if missing and rows.device.type == "cpu" else rows


class FusedHeadLoss(torch.autograd.Function):
    """Weighted sum of cross-entropies of a frozen linear head, its hidden-state gradient formed in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int,
        scale: float, softcap: float | None, weights: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        needs_grad = ctx.needs_input_grad[0]
        losses = torch.empty(targets.shape[0], dtype=torch.float32, device=hidden.device)
        grad = torch.empty_like(hidden) if needs_grad else None
        dtype = weight.dtype
        for start in range(0, targets.shape[0], chunk):
            part = slice(start, start + chunk)
            target = targets[part, None]
            logits = nn.functional.linear(filled(hidden[part].to(dtype)), weight, bias)[: len(target)].float()
            if scale != 1.0:
                logits *= scale
            if softcap is not None:
                logits = torch.tanh_(logits.div_(softcap)).mul_(softcap)
            slope = None if softcap is None or grad is None else (logits / softcap).square_().neg_().add_(1)
            logits -= logits.amax(1, keepdim=True)
            shifted = logits.gather(1, target)
            total = logits.exp_().sum(1, keepdim=True)
            losses[part] = (total.log() - shifted).squeeze(1)
            if grad is not None:
                logits /= total  # now the probabilities
                logits.scatter_add_(1, target, logits.new_full((1, 1), -1.0).expand_as(target))
                if slope is not None:
                    logits *= slope
                if scale != 1.0:
                    logits *= scale
                if weights is not None:  # before the rounding to the head's dtype
                    logits *= weights[part, None]
                del slope
                grad[part] = (filled(logits.to(dtype)) @ weight)[: len(target)]
            del logits, shifted, total  # before the next chunk's come
        if grad is not None:
            ctx.save_for_backward(grad)
        ctx.mark_non_differentiable(losses)
        return losses.sum() if weights is None else (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = ctx.saved_tensors
        return (grad * grads[0].to(grad.dtype), None, None, None, None, None, None, None)
