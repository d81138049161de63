"""The optimizers of a run, by their config names."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engine.config.schema import TrainSection
from engine.errors import ConfigError


def check(section: TrainSection, device: torch.device) -> None:
    """Raise ConfigError where the optimizer can't work on ``device``; asked before a model is loaded."""
    if section.optim in ("auto", "adamw") or device.type == "cuda":
        return
    raise ConfigError(
        "This optimizer needs an NVIDIA GPU",
        f"train.optim = {section.optim!r}: bitsandbytes keeps 8-bit states on CUDA only.",
        'Use optim = "adamw"; LoRA states are small.',
    )


def make(section: TrainSection, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """AdamW over ``parameters``: 32-bit, or 8-bit states through bitsandbytes."""
    settings = {"lr": section.learning_rate, "weight_decay": section.weight_decay, "betas": (0.9, 0.999)}
    if section.optim in ("auto", "adamw"):
        return torch.optim.AdamW(parameters, fused=True, **settings)  # type: ignore[arg-type]
    import bitsandbytes

    paged = section.optim == "paged_adamw_8bit"
    make_8bit = bitsandbytes.optim.PagedAdamW8bit if paged else bitsandbytes.optim.AdamW8bit
    optimizer: torch.optim.Optimizer = make_8bit(parameters, **settings)
    return optimizer
