"""What it takes, beside weight, gradient and states, to train embedding and output head whole in our loop."""

from __future__ import annotations

from engine.memory.job import Job
from engine.memory.profiles import Profile

BYTES_PER_LOGIT = 12
"""A trained head's chunk is computed again in the backward pass: float32 logits, log-softmax and gradient."""
CAPPED_BYTES_PER_LOGIT = 20
"""With a soft cap also its tangent and slope."""


def head_backward(job: Job, profile: Profile) -> tuple[float, float]:
    """Bytes of a chunk's logits, and of the head's gradients on their way into their sum, at the larger moment.

    Each chunk gives a gradient as large as the head. It is added to those before it, into a third one.
    """
    chunk = profile.loss.chunk_tokens
    supervised = round(job.tokens * job.supervised_share)
    assert chunk is not None
    each = CAPPED_BYTES_PER_LOGIT if job.shape.softcapped_head else BYTES_PER_LOGIT
    logits = float(min(supervised, chunk) * job.shape.vocab * each)
    one = gradient(job, profile)
    several = supervised > chunk
    before, adding = (one, 3 * one) if several else (0.0, one)
    return (logits, before) if logits + before > adding else (0.0, adding)


def gradient(job: Job, profile: Profile) -> float:
    """A gradient of embedding or head, as large as that: the embedding's is made whole at the end of a pass."""
    return job.shape.embedding_weights * profile.frozen_bytes


def trains_tables(job: Job, profile: Profile) -> bool:
    """Whether these terms apply: tables trained whole under the chunked loss."""
    return job.trained_tables > 0 and not job.is_full and profile.loss.chunk_tokens is not None
