"""The base model seen through the adapter on it: the adapter is passed over for a while, no second model is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from engine.modeling.peft import AuxiliaryTrainingWrapper, BaseTunerLayer


@contextmanager
def adapter_off(model: nn.Module) -> Iterator[None]:
    """Inside, ``model`` computes as its base does: without adapters and without weights trained whole beside them.

    Unlike PEFT's ``disable_adapter`` it leaves ``requires_grad`` alone, so that a graph may be begun before and
    finished after. A model without an adapter is its base.
    """
    layers: list[Any] = [
        module for module in model.modules() if isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper)
    ]
    before = [layer._disable_adapters for layer in layers]
    try:
        for layer in layers:
            layer._disable_adapters = True
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer._disable_adapters = was


def has_adapter(model: nn.Module) -> bool:
    """Whether there is anything that ``adapter_off`` would pass over."""
    return any(isinstance(module, BaseTunerLayer | AuxiliaryTrainingWrapper) for module in model.modules())
