"""The optimizers of a run, by their config names."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.config.schema import TrainSection
from engine.errors import ConfigError


def make(section: TrainSection, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW over ``parameters``: 32-bit, or 8-bit states through bitsandbytes. Raises ConfigError."""
    kind = "adamw" if section.optim == "auto" else section.optim
    settings = {"lr": section.learning_rate, "weight_decay": section.weight_decay, "betas": (0.9, 0.999)}
    if kind == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **settings)  # type: ignore[arg-type]
    on_gpu = parameters[0].is_cuda
    if not on_gpu:
        raise ConfigError(
            "This optimizer needs an NVIDIA GPU",
            f"train.optim = {kind!r}: bitsandbytes keeps 8-bit states on CUDA only.",
            'Use optim = "adamw"; LoRA states are small.',
        )
    import bitsandbytes

    make_8bit = bitsandbytes.optim.PagedAdamW8bit if kind == "paged_adamw_8bit" else bitsandbytes.optim.AdamW8bit
    optimizer: torch.optim.Optimizer = make_8bit(parameters, **settings)
    return optimizer
