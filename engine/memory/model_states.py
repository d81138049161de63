"""Memory that does not depend on the batch: weights, adapters, gradients, optimizer. One function a term, bytes."""

from __future__ import annotations

from engine.memory.job import Job, Profile, Quantization

BYTES_PER_WEIGHT: dict[Quantization, float] = {
    # 4 bits, and one float32 scale for each block of 64.
    "nf4": 0.5 + 4 / 64,
    # The scales themselves in 8 bit, with one float32 for each 256 of them.
    "nf4-dq": 0.5 + 1 / 64 + 4 / (64 * 256),
    "int8": 1.0,
}
EIGHT_BIT_BLOCK = 256
SMALL_TENSOR = 4096
"""bitsandbytes keeps the optimizer states of smaller tensors in float32."""


def bytes_per_weight(job: Job, profile: Profile) -> float:
    """Bytes for each weight of the blocks' linears, quantization constants included."""
    if job.quantization == "none":
        return profile.trained_bytes if job.is_full else profile.frozen_bytes
    if job.quantization == "gptq4":
        # A 16-bit scale and a 4-bit zero point for each group.
        return 0.5 + (2.5 / job.gptq_group if job.gptq_group else 0.0)
    return BYTES_PER_WEIGHT[job.quantization]


def block_weights(job: Job, profile: Profile) -> float:
    """The blocks' linears, and an image tower's. Experts fused into one tensor stay unquantized under bitsandbytes."""
    shape, each = job.shape, bytes_per_weight(job, profile)
    plain = shape.expert_weights if job.is_quantized and shape.fused_experts and job.quantization != "gptq4" else 0
    total = (shape.block_weights + shape.tower_linears - plain) * each + plain * profile.frozen_bytes
    if job.quantization == "int8":
        total += 4.0 * shape.layers * sum(linear.outputs for linear in shape.linears)  # a float32 scale a row
    return total


def head_weights(job: Job, profile: Profile) -> int:
    """Weights of an output head of its own."""
    return job.shape.embedding_weights if profile.untied_head else job.shape.head_weights


def tables(job: Job, profile: Profile) -> float:
    """Embedding and output head, which 4-bit and 8-bit loaders leave in 16 bit."""
    each = profile.trained_bytes if job.is_full else profile.table_bytes
    head = head_weights(job, profile)
    if profile.quantized_head and job.is_quantized:
        return job.shape.embedding_weights * each + head * bytes_per_weight(job, profile)
    return (job.shape.embedding_weights + head) * each


def other_weights(job: Job, profile: Profile) -> float:
    """Norms, biases, routers, and what of an image tower is never quantized."""
    other = job.shape.other_weights + job.shape.tower_other
    return other * (profile.trained_bytes if job.is_full else profile.table_bytes)


def adapter_numbers(job: Job) -> int:
    """Numbers the adapters train: r x (in + out) a linear; DoRA adds a magnitude for each output.

    Of experts fused into one tensor each has its own, gate and up with twice the rank; their router has one too.
    """
    shape = job.shape
    layer = sum(job.rank * (linear.inputs + linear.outputs) * linear.count for linear in job.adapted())
    if job.method == "dora":
        layer += sum(linear.outputs * linear.count for linear in job.adapted())
    if job.adapts_experts:
        layer += job.rank * shape.experts * (3 * shape.hidden + 5 * shape.expert_intermediate)
        layer += job.rank * (shape.hidden + shape.experts)
    on_head = job.adapter_on_head and not job.is_full
    return layer * shape.layers + (job.rank * (shape.hidden + shape.vocab) if on_head else 0)


def table_numbers(job: Job) -> int:
    """Numbers of embedding and head that are trained whole beside the adapter."""
    return 0 if job.is_full else job.trained_tables * job.shape.embedding_weights


def trained_numbers(job: Job) -> int:
    return job.shape.parameters if job.is_full else adapter_numbers(job) + table_numbers(job)


def adapters(job: Job, profile: Profile) -> float:
    """Adapter weights and the trained copies of embedding and head."""
    return adapter_numbers(job) * profile.adapter_bytes + table_numbers(job) * profile.copy_bytes


def trained(job: Job, profile: Profile) -> float:
    """All that is trained, each number in its dtype."""
    return job.shape.parameters * profile.trained_bytes if job.is_full else adapters(job, profile)


def gradients(job: Job, profile: Profile) -> float:
    """One gradient for each trained number."""
    if profile.gradients_freed_early:
        return 0.0
    if profile.gradient_bytes is not None:
        return trained_numbers(job) * profile.gradient_bytes
    return trained(job, profile)


def optimizer_states(job: Job, profile: Profile) -> float:
    """AdamW: two numbers for each trained one in its dtype; 8 bit: two bytes, and a scale per 256 for each."""
    if profile.optimizer_state_bytes is not None:
        return trained_numbers(job) * profile.optimizer_state_bytes
    if job.optimizer == "sgd":
        return 0.0
    if job.optimizer == "adamw":
        return 2 * trained(job, profile)
    small = job.shape.other_weights if job.is_full and job.shape.hidden < SMALL_TENSOR else 0
    return (trained_numbers(job) - small) * (2 + 8 / EIGHT_BIT_BLOCK) + small * 8.0


def states_are_paged(job: Job) -> bool:
    """Paged states are unified memory: outside torch's allocator, and evicted to RAM when the GPU is full."""
    return job.optimizer.startswith("paged")


def step_workspace(job: Job, profile: Profile) -> float:
    """torch's foreach AdamW writes the update of all parameters before it applies them."""
    if job.optimizer != "adamw" or not profile.foreach_workspace or profile.gradients_freed_early:
        return 0.0
    return trained(job, profile)


def cast_cache(job: Job, profile: Profile) -> float:
    """16-bit copies of float32 weights that live beside them.

    Autocast keeps them through a step when the weights are trained or nothing is recomputed; a recomputed
    frozen layer casts its own again, so one layer's and the head's exist at a time.
    """
    shape = job.shape
    head = 2.0 * shape.embedding_weights
    if not profile.autocast_cache:
        return head if profile.casts_head else 0.0
    whole = job.is_full or job.checkpointing == "none"
    return 2.0 * (shape.block_weights if whole else shape.layer_weights) + head


def dequantized(job: Job) -> float:
    """The 16-bit copy of one matrix that a quantized linear multiplies with; DoRA's norm needs float32 ones."""
    copies = 2.0 if job.is_quantized else 0.0
    if job.method == "dora":
        copies += 8.0
    return copies * job.shape.largest_linear


def unsharded(job: Job, profile: Profile) -> float:
    """What a sharded model gathers: embedding and head, and the layer being computed (its gradient too)."""
    if job.weight_shards == 1:
        return 0.0
    shape = job.shape
    layer = 4.0 if job.is_full else bytes_per_weight(job, profile)
    return 2.0 * (shape.embedding_weights + shape.head_weights) + layer * shape.layer_weights


def buckets(job: Job, profile: Profile) -> float:
    """Flat buffers that data-parallel training sends gradients in."""
    if job.gpus == 1 or job.sharding in ("none", "fsdp"):
        return 0.0
    if job.sharding == "ddp":
        return gradients(job, profile)
    return 2 * 2.0 * min(trained_numbers(job), 200_000_000)


def merge(job: Job) -> float:
    """Merging goes matrix by matrix: the 16-bit weight, the float32 update and their float32 sum."""
    return 0.0 if job.is_full else (2.0 + 4.0 + 4.0) * job.shape.largest_linear
