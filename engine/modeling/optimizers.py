"""The optimizers of a run by their config names, and the learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from engine.common.errors import ConfigError
from engine.config.schema import TrainSection
from engine.memory.model_states import EIGHT_BIT_BLOCK, SMALL_TENSOR


def check(section: TrainSection, device: torch.device) -> None:
    """Raise ConfigError where the optimizer can't work on ``device``; asked before a model is loaded."""
    if section.optim in ("auto", "adamw") or device.type == "cuda":
        return
    raise ConfigError("modeling.optimizer-needs-gpu", optimizer=section.optim)


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


def first_states(section: TrainSection, parameters: Sequence[torch.nn.Parameter]) -> list[torch.Tensor]:
    """Tensors as large as the states that a first step would make, written to; the optimizer stays as it is.

    Paged states are none of them: they live outside torch's memory and make room by themselves.
    """
    if section.optim == "paged_adamw_8bit":
        return []
    sizes = [_state_bytes(section, parameter) for parameter in parameters for _ in ("mean", "square")]
    # Ones: untouched zeros take no memory on the CPU.
    return [
        torch.ones(size, dtype=torch.uint8, device=parameters[0].device)  # all trained weights are on one device
        for size in sizes
    ]


def _state_bytes(section: TrainSection, parameter: torch.nn.Parameter) -> int:
    """Bytes of one of AdamW's two moments: in the weight's dtype, or in 8 bit with a float32 scale for each block."""
    count = parameter.numel()
    if section.optim == "adamw_8bit":
        return count * 4 if count < SMALL_TENSOR else count + 4 * -(-count // EIGHT_BIT_BLOCK)
    return count * parameter.element_size()


def learning_rate(step: int, total_steps: int, peak: float, kind: str = "cosine", warmup_ratio: float = 0.0) -> float:
    """Rate of optimizer step ``step`` (the first is 1) of ``total_steps``.

    It rises linearly over ``ceil(warmup_ratio * total_steps)`` steps, reaching ``peak`` on the last of them, then
    follows ``kind``: half a cosine to 0, a line to 0, or constant. Without warm-up this is transformers' schedule.
    """
    warmup = math.ceil(warmup_ratio * total_steps)
    if step <= warmup:
        return peak * step / warmup
    done = (step - 1 - warmup) / max(1, total_steps - warmup)
    if kind == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    if kind == "linear":
        return peak * max(0.0, 1 - done)
    return peak
