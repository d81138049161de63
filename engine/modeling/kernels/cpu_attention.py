"""Causal attention for short rows on the CPU, by plain matrix products.

The library's fused CPU kernel takes 14 ms for forward and backward where plain batched products take 3 (1,024 tokens
in rows of 64, 9 heads, bfloat16). Up to ``LONGEST`` positions the score matrix is small enough to keep; longer rows,
masks and everything unusual go to the library's kernel. What neither knows is refused, never passed over: then the
model is loaded with its own attention (``engine.modeling.load``).

Rows packed end to end come with their lengths in place of a mask and are computed row by row, so that no position sees
another row and no score is computed in vain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import causal_mask_function, sdpa_mask

from engine.common.errors import ModelError
from engine.memory.job import COARSEST, padded_length
from engine.messages.message import Message
from engine.modeling.kernels.dtypes import computed_dtype

NAME = "tunedeck_cpu"
LONGEST = 640
_LENGTHS = torch.int32
"""Dtype of row lengths in a mask's place: a real mask is of booleans or floats."""
_WITHOUT_EFFECT = frozenset(
    {"position_ids", "cache_position", "use_cache", "cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k",
     "num_items_in_batch", "output_hidden_states", "output_router_logits", "deterministic"}
)  # fmt: skip
"""Arguments that attention passes on: they change no score, or say again what the mask says."""
_LIBRARYS_OWN = frozenset({"position_bias", "cache", "softcap"})
"""What the library's kernel computes, or refuses by itself."""


def register() -> str:
    """Make the kernel known to transformers and return the name to load a model with."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, row_mask)
    return NAME


def row_mask(
    batch_size: int, q_length: int, kv_length: int, q_offset: int = 0, kv_offset: int = 0,
    mask_function: Callable[..., Tensor] = causal_mask_function, attention_mask: Tensor | None = None,
    allow_is_causal_skip: bool = True, use_vmap: bool = False, **kwargs: Any,
) -> Tensor | None:  # fmt: skip
    """The lengths (1, 1, 1, rows) of rows that lie end to end; else the library's mask, which may be none."""
    packed = batch_size == 1 and attention_mask is None and not (allow_is_causal_skip or use_vmap)
    if packed and 1 < q_length == kv_length:
        lengths = _row_lengths(mask_function, q_length)
        if lengths is not None:
            return lengths.view(1, 1, 1, -1)
    found: Tensor | None = sdpa_mask(
        batch_size, q_length, kv_length, q_offset, kv_offset, mask_function=mask_function,
        attention_mask=attention_mask, allow_is_causal_skip=allow_is_causal_skip, use_vmap=use_vmap, **kwargs,
    )  # fmt: skip
    return found


def _row_lengths(sees: Callable[..., Tensor], length: int) -> Tensor | None:
    """Where a position does not see the one before it a row begins.

    None if a window hides a row from its own end, or a position sees the next one.
    """
    zero, at = torch.zeros(1, dtype=torch.long), torch.arange(length)
    begins = torch.cat([torch.ones(1, dtype=torch.bool), ~sees(zero, zero, at[1:], at[:-1])])
    first = at[begins]
    lengths = torch.diff(first, append=at.new_tensor([length]))
    whole = sees(zero, zero, first + lengths - 1, first).all() and not sees(zero, zero, at[:-1], at[1:]).any()
    return lengths.to(_LENGTHS) if bool(whole) else None


def attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    dropout: float = 0.0, scaling: float | None = None, is_causal: bool | None = None, **kwargs: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention in transformers' own form: (batch, heads, length, width) in, (batch, length, heads, width) out.

    Raises ModelError for an argument that would change the result and that no kernel here knows.
    """
    librarys = refuse_unknown(kwargs)
    window = kwargs.get("sliding_window")
    if attention_mask is not None and attention_mask.dtype == _LENGTHS:
        if librarys:
            raise _not_known(Message("modeling.over-packed-rows", what=librarys))
        lengths = attention_mask.flatten().tolist()
        return _row_by_row(lengths, module, query, key, value, dropout, scaling, is_causal, **kwargs), None
    length = query.shape[2]
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    simple = (
        attention_mask is None and causal and dropout == 0.0 and not librarys
        and length == key.shape[2] and 1 < length <= LONGEST and (window is None or length <= window)
        and query.shape[-1] == key.shape[-1] == value.shape[-1]
        and query.dtype == key.dtype == value.dtype == computed_dtype(query)  # autocast mixes them
    )  # fmt: skip
    if not simple:
        output: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
        return output
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    out = CausalAttention.apply(query, key, value, scale)  # type: ignore[no-untyped-call]
    return out.transpose(1, 2), None


def refuse_unknown(arguments: Mapping[str, Any]) -> str:
    """Names of those of attention's further ``arguments`` that only the library's kernel knows, in words.

    Raises ModelError for others that would change the result, such as sinks (``s_aux``).
    """
    given = {name for name, value in arguments.items() if value is not None and value is not False}
    unknown = given - _WITHOUT_EFFECT - _LIBRARYS_OWN - {"sliding_window"}
    if unknown:
        raise _not_known(", ".join(sorted(unknown)))
    return ", ".join(sorted(given & _LIBRARYS_OWN))


def _not_known(what: str | Message) -> ModelError:
    return ModelError("modeling.attention-unfit", what=what)


def _row_by_row(
    lengths: list[int], module: nn.Module, query: Tensor, key: Tensor, value: Tensor, *options: Any, **kwargs: Any
) -> Tensor:
    """Each row for itself; (1, heads, length, width) in, as ``attention`` out.

    A row is filled up behind its end, where nothing before sees it: kernels are compiled and kept for each shape.
    """
    outputs = []
    for length, *row in zip(lengths, *(tensor.split(lengths, 2) for tensor in (query, key, value)), strict=True):
        missing = padded_length(length, COARSEST) - length
        q, k, v = (nn.functional.pad(part, (0, 0, 0, missing)) if missing else part for part in row)
        output, _ = attention(module, q, k, v, None, *options, **kwargs)
        outputs.append(output[:, :length])
    return torch.cat(outputs, 1)


class CausalAttention(torch.autograd.Function):
    """softmax(scale · q kᵀ + causal) v. Query heads of one key head form a tall matrix, so keys are never copied."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        batch, heads, length, width = query.shape
        kv_heads = key.shape[1]
        q = (query * scale).reshape(batch * kv_heads, -1, width)
        k = key.reshape(batch * kv_heads, length, width)
        v = value.reshape(batch * kv_heads, length, width)
        weights = torch.bmm(q, k.transpose(1, 2)).view(-1, length, length)
        weights += _future(length, weights.dtype)
        weights = torch.softmax(weights, -1).view(batch * kv_heads, -1, length)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scale = scale
        return torch.bmm(weights, v).view(batch, heads, length, width)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, weights = ctx.saved_tensors
        batch, heads, length, width = grads[0].shape
        grad = grads[0].reshape(q.shape)
        grad_v = torch.bmm(weights.transpose(1, 2), grad)
        grad_weights = torch.bmm(grad, v.transpose(1, 2))
        # Future positions have weight 0, so their gradient vanishes without a mask.
        grad_scores = torch._softmax_backward_data(grad_weights, weights, -1, weights.dtype)
        grad_q = torch.bmm(grad_scores, k).mul_(ctx.scale)
        grad_k = torch.bmm(grad_scores.transpose(1, 2), q)
        kv_shape = (batch, -1, length, width)
        return grad_q.view(batch, heads, length, width), grad_k.view(kv_shape), grad_v.view(kv_shape), None


_future_cache: dict[tuple[int, torch.dtype], Tensor] = {}


def _future(length: int, dtype: torch.dtype) -> Tensor:
    """(length, length) with -inf above the diagonal; the last few lengths are kept."""
    found = _future_cache.get((length, dtype))
    if found is None:
        if len(_future_cache) >= 8:
            _future_cache.pop(next(iter(_future_cache)))
        found = torch.full((length, length), float("-inf"), dtype=dtype).triu_(1)
        _future_cache[length, dtype] = found
    return found
