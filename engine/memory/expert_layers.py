"""Adapters on experts that are fused into one tensor: the PEFT library adds the update to a copy of all of them."""

from __future__ import annotations

from engine.memory.job import Job


def numbers(job: Job) -> int:
    """Numbers trained in one layer, the router's too: each expert has its own, gate and up twice the rank."""
    shape = job.shape
    if not job.adapts_experts:
        return 0
    experts = job.rank * shape.experts * (3 * shape.hidden + 5 * shape.expert_intermediate)
    return experts + job.rank * (shape.hidden + shape.experts)


def copies(job: Job) -> float:
    """One layer's experts with their update in 16 bit, which the graph keeps."""
    return 2.0 * _weights(job) if job.adapts_experts else 0.0


def gradient(job: Job) -> float:
    """The gradient of a layer's fused gate and up, before it becomes that of their two factors."""
    return 2.0 * _weights(job) * 2 / 3 if job.adapts_experts else 0.0


def saved(job: Job) -> float:
    """Bytes per token: each visited expert's input and product, which a trained matrix needs."""
    shape = job.shape
    return 2.0 * shape.experts_per_token * (shape.hidden + shape.expert_intermediate) if job.adapts_experts else 0.0


def passing(job: Job) -> float:
    """Bytes per token while experts' answers are put together: three float32 tensors of them."""
    return 12.0 * job.shape.experts_per_token * job.shape.hidden if job.shape.fused_experts else 0.0


def _weights(job: Job) -> int:
    return job.shape.expert_weights // (job.shape.layers - job.shape.dense_layers)
