"""The learning rate as a pure function of progress, so that a resumed run needs no scheduler state."""

from __future__ import annotations

import math


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
