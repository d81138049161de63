"""What torch's caching allocator holds beyond live tensors, and so what nvidia-smi may show.

Freed blocks stay with the allocator. Blocks of the layers and blocks of the loss differ in size, so neither phase
fits into what the other left: what is held grows to the sum of both, though they never live at the same time.
Near the card's limit the allocator gives blocks back and tries again, so this never decides whether a job fits.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.memory.job import Job
from engine.memory.profiles import Profile

BATCH_TERMS = ("checkpoints", "layer", "backward", "logits", "head_hidden")

REUSED_BY_OPTIMIZER = 0.5
"""The optimizer's blocks are as large as the largest weights; about half find room in the batch's, or the reverse."""
VARIED_LOGITS = 2.5
"""With batches of many lengths: a longer batch's logits can't use a shorter one's blocks, so that several lie about.
Measured by one trainer only (rows of 500 to 3,000 tokens)."""


def reserved(
    job: Job, profile: Profile, phases: Mapping[str, Mapping[str, float]], capacity_bytes: float | None
) -> float:
    """Bytes held by the allocator, on a GPU of ``capacity_bytes`` (None: endless)."""
    allocated = max(sum(terms.values()) for terms in phases.values())
    loss, backward, step = phases["loss"], phases["backward"], phases["step"]
    static = sum(value for name, value in backward.items() if name not in (*BATCH_TERMS, "gradients"))
    static += step["gradients"]
    layers = backward["checkpoints"] + backward["layer"] + backward["backward"] + loss["head_hidden"]
    logits = loss["logits"] * (VARIED_LOGITS if profile.varied_lengths else 1.0)
    batch, workspace = layers + logits, step["step_workspace"]
    held = static + max(batch, workspace) + (1 - REUSED_BY_OPTIMIZER) * min(batch, workspace)
    held = max(held, allocated)
    if capacity_bytes is None:
        return held
    return min(held, max(allocated, capacity_bytes - profile.context_bytes))
