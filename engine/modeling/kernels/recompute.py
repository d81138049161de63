"""Layers that are recomputed in the backward pass: with the random numbers of the first time only where they draw any.

Keeping and setting the random state costs each layer some calls into the driver, twice a micro-batch.
"""

from __future__ import annotations

from typing import Any

from torch import nn

_DRAWING = ("drop", "jitter", "noise")
"""Parts of the names under which layers keep how much chance there is in them."""


def recompute_layers(model: Any) -> None:
    """Recompute the layers of ``model``, a transformers model with an adapter in it or none."""
    options = {"use_reentrant": False, "preserve_rng_state": draws_numbers(model)}
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)


def draws_numbers(model: nn.Module) -> bool:
    """Whether a forward pass in training draws random numbers, or may do so in code that came with the model."""
    return any(_draws(module) for module in model.modules())


def _draws(module: nn.Module) -> bool:
    if type(module).__module__.startswith("transformers_modules"):
        return True
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    return any(
        isinstance(value, float) and value > 0 and any(part in name for part in _DRAWING)
        for name, value in vars(module).items()
    )
