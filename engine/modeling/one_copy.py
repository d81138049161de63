"""The tensors of a micro-batch on their way to the GPU: one copy from pinned memory, for which nobody waits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_ALIGNED = 16
"""Bytes. Every part begins at a multiple of this, so that it can be seen as numbers of any dtype."""


def to_device(tensors: Sequence[Tensor | None], device: torch.device) -> tuple[Tensor | None, ...]:
    """``tensors`` on ``device``, None where there is none. They share one block of memory there."""
    if device.type != "cuda":
        return tuple(None if tensor is None else tensor.to(device) for tensor in tensors)
    begins, size = [], 0
    for tensor in tensors:
        begins.append(size)
        size += 0 if tensor is None else -(-tensor.nbytes // _ALIGNED) * _ALIGNED
    pinned = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    for tensor, part in zip(tensors, _parts(tensors, begins, pinned), strict=True):
        if tensor is not None and part is not None:
            part.copy_(tensor)
    # Pinned memory that is let go is not used again before the copy is done: torch's allocator sees to that.
    return _parts(tensors, begins, pinned.to(device, non_blocking=True))


def _parts(tensors: Sequence[Tensor | None], begins: Sequence[int], block: Tensor) -> tuple[Tensor | None, ...]:
    """The places of ``tensors`` in ``block`` (bytes), in their own shapes and dtypes."""
    return tuple(
        None if tensor is None else block[begin : begin + tensor.nbytes].view(tensor.dtype).view(tensor.shape)
        for tensor, begin in zip(tensors, begins, strict=True)
    )
