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
VARIED_LAYERS = 1.4
"""With batches of many lengths: a longer batch can't use a shorter one's blocks, and the larger a block the less."""
REFILLED = 0.8
"""Share of the room up to the limit that is filled again after the allocator gave blocks back."""
REFILLED_FULL = 0.5
"""The same when each optimizer step needs blocks as large as the weights."""


def reserved(
    job: Job, profile: Profile, phases: Mapping[str, Mapping[str, float]], capacity_bytes: float | None
) -> float:
    """Bytes held by the allocator, on a GPU of ``capacity_bytes`` (None: endless)."""
    allocated = max(sum(terms.values()) for terms in phases.values())
    loss, backward, step = phases["loss"], phases["backward"], phases["step"]
    static = sum(value for name, value in backward.items() if name not in (*BATCH_TERMS, "gradients"))
    static += step["gradients"]
    layers = backward["checkpoints"] + backward["layer"] + backward["backward"] + loss["head_hidden"]
    logits = loss["logits"] * profile.loss.cached_share
    if profile.varied_lengths:
        layers, logits = layers * VARIED_LAYERS, loss["logits"] * VARIED_LOGITS
    batch, workspace = layers + logits, step["step_workspace"]
    held = static + max(batch, workspace) + (1 - REUSED_BY_OPTIMIZER) * min(batch, workspace)
    held = max(held, allocated)
    if capacity_bytes is None:
        return held
    room = capacity_bytes - profile.context_bytes - allocated
    limit = allocated + max(0.0, room) * (REFILLED_FULL if job.is_full else REFILLED)
    return min(held, limit)
