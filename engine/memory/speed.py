"""How much slower a job gets by what saves memory, counted in floating-point operations and bytes moved."""

from __future__ import annotations

from engine.memory.job import Job

UNPACK_TOKENS = 170
"""Unpacking a 4-bit weight moves about 4.5 bytes; at 2 TB/s that takes as long as 170 tokens' 2 operations each at
150 TFLOP/s, the ratio of the cards in use."""
IDLE_TOKENS = 250
"""Below about this many tokens a layer's matrices move as many bytes as its products are worth."""


def passes(job: Job) -> float:
    """Passes over the weights per token, in units of one forward pass: forward, input gradient, for trained weights
    their gradient, and the recomputed forward."""
    recomputed = 0.0 if job.checkpointing == "none" else 1.0
    return 2.0 + (1.0 if job.is_full else 0.0) + recomputed


def cost_per_token(job: Job) -> float:
    """Relative time per token; only ratios of two jobs on the same model mean something."""
    tokens = max(1, job.tokens)
    overhead = 1.0 + IDLE_TOKENS / tokens
    if job.quantization in ("nf4", "nf4-dq"):
        overhead += UNPACK_TOKENS / tokens
    elif job.quantization == "int8":
        overhead += 0.5  # quantizing the inputs and the outliers' own product
    if job.method == "dora":
        overhead += 0.3  # the norm of every adapted matrix, in each pass
    return passes(job) * overhead


def slow_down(before: Job, after: Job) -> float:
    """Time per token of ``after`` over that of ``before``, less 1."""
    return cost_per_token(after) / cost_per_token(before) - 1
