"""The dtype that matrix products are computed in, where autocast may choose another than their inputs'."""

from __future__ import annotations

import torch
from torch import Tensor


def computed_dtype(x: Tensor) -> torch.dtype:
    """What a matrix product of ``x`` comes out in."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
