"""What an NVIDIA GPU can run, by its compute capability: the fused attention kernel that torch has for it."""

from __future__ import annotations

from typing import Literal

Capability = tuple[int, int]
Dtype = Literal["bfloat16", "float16", "float32"]
AttentionKernel = Literal["flash", "efficient", "math"]
"""``flash`` and ``efficient`` (memory-efficient) keep no scores; ``math`` keeps one for each pair of tokens."""

_FLASH_FROM, _EFFICIENT_FROM, _LAST = (8, 0), (5, 0), (12, 1)
_FLASH_WIDEST = 256
_SMALL_SHARED_MEMORY = ((8, 6), (8, 9)), ((12, 0), (12, 1))
"""First and last of the capabilities whose flash kernel has no backward pass for heads of 193 to 224."""


def attention_kernel(
    capability: Capability, dtype: Dtype, *, head_width: int = 128, value_width: int | None = None, masked: bool = False
) -> AttentionKernel:
    """The kernel that torch's scaled_dot_product_attention trains with on a GPU of this ``capability``.

    ``head_width``: of a query and a key; ``value_width`` where a value's differs. ``masked``: whether a mask is given,
    as against plain causal attention. Keys and values have as many heads as queries, or the kernel is ``flash``: no
    other takes grouped heads. cuDNN's kernel is switched off and does not count.
    The rules are those of torch 2.13 (aten/src/ATen/native/transformers/cuda/sdp_utils.cpp).
    """
    if _has_flash(capability, dtype, head_width, value_width or head_width) and not masked:
        return "flash"
    return "efficient" if _has_efficient(capability, dtype, head_width, value_width or head_width) else "math"


def _has_flash(capability: Capability, dtype: Dtype, head_width: int, value_width: int) -> bool:
    lacks_backward = 192 < head_width <= 224 and any(
        first <= capability <= last for first, last in _SMALL_SHARED_MEMORY
    )
    return (
        _FLASH_FROM <= capability <= _LAST
        and dtype != "float32"
        and head_width == value_width <= _FLASH_WIDEST
        and not lacks_backward
    )


def _has_efficient(capability: Capability, dtype: Dtype, head_width: int, value_width: int) -> bool:
    if not _EFFICIENT_FROM <= capability <= _LAST or (dtype == "bfloat16" and capability < (8, 0)):
        return False
    tensor_cores_from, multiple = ((8, 0), 4) if dtype == "float32" else ((7, 0), 8)
    return capability < tensor_cores_from or (head_width % multiple == 0 and value_width % multiple == 0)
