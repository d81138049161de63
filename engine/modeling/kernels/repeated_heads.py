"""Causal attention for GPUs that have no flash kernel for the dtype: T4 and V100, and float32 on any.

Without a mask transformers leaves it to torch to share keys and values among query heads, which only flash kernels do
(torch 2.13): all others would give way to plain matrix products that keep each score in float32, 4 GB for an 8B and
one row of 1,024 tokens. Repeated, keys and values are taken by the memory-efficient kernel, which keeps no scores.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from engine.modeling.kernels.cpu_attention import refuse_unknown

NAME = "tunedeck_repeated_heads"


def register() -> str:
    """Make the kernel known to transformers and return the name to load a model with."""
    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    dropout: float = 0.0, scaling: float | None = None, is_causal: bool | None = None, **kwargs: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """Attention in transformers' own form: (batch, heads, length, width) in, (batch, length, heads, width) out.

    With a mask the library repeats keys and values by itself. Raises ModelError for an argument that would change the
    result and that no kernel here knows.
    """
    librarys = refuse_unknown(kwargs)
    groups, length = query.shape[1] // key.shape[1], query.shape[2]
    causal = is_causal if is_causal is not None else getattr(module, "is_causal", True)
    if groups == 1 or attention_mask is not None or not causal or librarys or not 1 < length == key.shape[2]:
        output: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, **kwargs
        )
        return output
    found = nn.functional.scaled_dot_product_attention(
        query, repeat_kv(key, groups), repeat_kv(value, groups), dropout_p=dropout, is_causal=True, scale=scaling
    )
    return found.transpose(1, 2).contiguous(), None
