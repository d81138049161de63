"""Weights trained whole beside the adapter, in float32 over a 16-bit base: in bfloat16 small updates would be lost.

What such a module takes and gives keeps the base's dtype, so that everything around it computes as before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from engine.modeling.peft import ModulesToSaveWrapper

_HALF = (torch.bfloat16, torch.float16)


def keep_in_float32(model: nn.Module) -> int:
    """Make every trained 16-bit weight of ``model`` float32; returns how many there were.

    A loss scaler for float16 refuses gradients in 16 bit, and one of 2⁻⁸ more is the next number to 1 in bfloat16.
    """
    for module in list(model.modules()):
        if isinstance(module, ModulesToSaveWrapper):
            for trained in module.modules_to_save.values():
                _join(trained)
    halves = [weight for weight in model.parameters() if weight.requires_grad and weight.dtype in _HALF]
    for weight in halves:
        weight.data = weight.data.float()
    return len(halves)


def _join(module: nn.Module) -> None:
    """Let ``module`` compute in float32, or as autocast says, among others that compute in its present dtype."""
    dtypes = {weight.dtype for weight in module.parameters()} & set(_HALF)
    if len(dtypes) != 1:
        return
    (dtype,) = dtypes

    def take(module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
        return tree_map(_to_float32, (args, kwargs))  # type: ignore[no-any-return]

    def give(module: nn.Module, args: Any, output: Any) -> Any:
        return tree_map(lambda value: value.to(dtype) if _is(value, torch.float32) else value, output)

    module.register_forward_pre_hook(take, with_kwargs=True)
    module.register_forward_hook(give)


def _to_float32(value: Any) -> Any:
    """Autocast chooses the dtype of each operation by itself."""
    is_half = isinstance(value, Tensor) and value.dtype in _HALF
    return value.float() if is_half and not torch.is_autocast_enabled(value.device.type) else value


def _is(value: Any, dtype: torch.dtype) -> bool:
    return isinstance(value, Tensor) and value.dtype == dtype
