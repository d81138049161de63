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

    Each chunk gives a gradient as large as the head in the base's dtype. It is added to those before it, into a third
    one; the sum is then made one of the trained copy's dtype.
    """
    chunk = profile.loss.chunk_tokens
    supervised = round(job.tokens * job.supervised_share)
    assert chunk is not None
    each = CAPPED_BYTES_PER_LOGIT if job.shape.softcapped_head else BYTES_PER_LOGIT
    logits = float(min(supervised, chunk) * job.shape.vocab * each)
    one = job.shape.embedding_weights * profile.frozen_bytes
    several, raised = supervised > chunk, profile.copy_bytes > profile.frozen_bytes
    beside = (one if several else 0.0) + (one if raised else 0.0)  # the gradient so far, and the head in 16 bit
    adding = max(3 * one if several else one, one + gradient(job, profile) if raised else 0.0)
    return (logits, beside) if logits + beside > adding else (0.0, adding)


def gradient(job: Job, profile: Profile) -> float:
    """A gradient of embedding or head, as large as that: the embedding's is made whole at the end of a pass."""
    return job.shape.embedding_weights * profile.copy_bytes


def trains_tables(job: Job, profile: Profile) -> bool:
    """Whether these terms apply: tables trained whole under the chunked loss."""
    return job.trained_tables > 0 and not job.is_full and profile.loss.chunk_tokens is not None
