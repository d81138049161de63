"""Memory that grows with the batch: a layer's checkpoint and working set, adapter layers, head and loss."""

from __future__ import annotations

from dataclasses import replace

from engine.memory.job import Job, Profile
from engine.memory.model_states import adapter_numbers
from engine.models.dims import Linear

ALL_LINEARS = ("q", "k", "v", "qkv", "o", "gate", "up", "gate_up", "down")
SHARED_INPUTS = (("q", "k", "v"), ("gate", "up"), ("shared_gate", "shared_up"))


CPU_SCORES_UP_TO = 640
"""Our kernel for the CPU keeps scores of rows up to this length; longer rows go to the fused one."""


MASK_BYTES = 2.0
"""A mask's boolean for a pair of tokens, and what making it takes."""
MATH_SCORE_BYTES = 4.0
"""Of torch's math attention, which computes in float32 whatever the model's dtype is."""


def score_bytes(job: Job) -> float:
    """Eager attention's bytes per score: float32 softmax 4, its 16-bit copy 2, the capped scores 2."""
    return 8.0 if job.shape.softcapped_attention else 6.0


def scores_saved(job: Job, profile: Profile) -> float:
    """What attention keeps of its scores, the only term quadratic in length; fused attention keeps none.

    Where a mask parts packed rows, it is there as well: booleans, and made numbers in each layer.
    """
    if job.attention == "eager":
        return score_bytes(job) * job.scored_tokens * job.shape.heads
    if job.attention == "math":
        return MATH_SCORE_BYTES * job.scored_tokens * job.shape.heads + _added(job, profile)
    if job.attention == "cpu" and not job.is_masked:
        # A batch of rows at this length can be met whatever the longest row is.
        return profile.attention_bytes * min(job.row_tokens, CPU_SCORES_UP_TO) * job.shape.heads
    return _added(job, profile)


def mask(job: Job) -> float:
    """The mask over all pairs of tokens, one for all layers."""
    return MASK_BYTES * job.scored_tokens if job.is_masked else 0.0


def _added(job: Job, profile: Profile) -> float:
    """What each masked layer makes of the mask's booleans: numbers that are added to the scores."""
    if not job.is_masked:
        return 0.0
    share = 1.0 if job.parts_rows_by_mask or job.checkpointing != "none" else job.shape.windowed_share
    return share * profile.attention_bytes * job.scored_tokens


def checkpoint(job: Job, profile: Profile) -> float:
    """What stays of a layer that is recomputed: its input.

    bitsandbytes' int8 product holds a plain reference to each linear's input, which recomputation can't drop.
    """
    kept = job.shape.hidden * profile.residual_bytes
    return kept + linear_inputs(job) if job.quantization == "int8" else kept


def linear_inputs(job: Job) -> float:
    """The inputs of one layer's linears in 16 bit, each kept once."""
    shape = job.shape
    return 2.0 * (2 * shape.hidden + shape.query_width + shape.active_mlp_width)


def norms_saved(job: Job, profile: Profile) -> float:
    """Inputs of a block's norms: a plain RMSNorm keeps a float32 copy, others the input itself."""
    shape = job.shape
    copies = not shape.layer_norm and not profile.fused_norm and profile.residual_bytes < 4
    each = 4.0 if copies else profile.residual_bytes
    count = shape.norms_per_layer
    if not copies and job.checkpointing != "none":
        count -= 1  # the first norm's input is the checkpoint itself
    saved = count * each * shape.hidden
    if job.is_full:  # trained norms keep what they scale, trained linears their inputs
        saved += 2.0 * shape.hidden * (1 if shape.is_parallel else 2)
        if copies:
            saved += 2.0 * shape.hidden * shape.norms_per_layer
    if shape.qk_norm:
        saved += (6.0 if job.is_full else 4.0) * (shape.query_width + shape.kv_width)
    return saved


def attention_saved(job: Job, profile: Profile) -> float:
    """Queries, keys, values and output, and the scores where they are kept."""
    shape, each = job.shape, profile.attention_bytes
    query, kv = shape.query_width, shape.kv_width
    expanded = profile.repeats_kv or job.attention in ("efficient", "math", "eager") or job.is_masked
    if job.attention == "math":  # queries, keys and values in float32, and the output
        saved = 4.0 * 3 * query + each * query
    else:
        saved = each * 2 * (query + (query if expanded else kv)) + 4.0 * shape.heads
    if shape.fused_qkv or (profile.fused_qkv and query == kv):
        saved += each * (query + kv)  # values are a part of one tensor, which they keep whole
    return saved + scores_saved(job, profile)


def mlp_saved(job: Job, profile: Profile) -> float:
    """Gate, its activation and up (gated), or the activation's input (plain), of the experts a token visits."""
    shape = job.shape
    # Stepwise: the input, half of it, the tangent and one more than that.
    plain = 4 if shape.stepwise_gelu else 1
    kept = (2 if profile.fused_mlp else 3) if shape.gated_mlp else plain
    saved = kept * shape.active_mlp_width * profile.linear_output_bytes
    if job.is_full:
        saved += 2.0 * shape.active_mlp_width  # the down projection's input
    # Each expert's output waits for its router weight.
    return saved + 2.0 * shape.experts_per_token * shape.hidden + experts_saved(job)


def adapter_inputs_saved(job: Job, profile: Profile) -> float:
    """What an adapter's A needs for its gradient: its input, shared between linears or a copy for each."""
    adapted = {linear.name: linear for linear in job.adapted()}
    if profile.fused_qkv and {"q", "k", "v"} <= adapted.keys():
        adapted = {name: linear for name, linear in adapted.items() if name not in ("k", "v")}
    mask = profile.mask_bytes if job.dropout else 0.0
    if profile.adapter_input != "shared":
        each = (2.0 if profile.adapter_input == "copy16" else 4.0) + mask
        total = sum(each * linear.inputs for linear in adapted.values())
        return total - (2.0 * adapted["o"].inputs if profile.fused_adapter and "o" in adapted else 0.0)
    if job.dropout and not (profile.fused_adapter or profile.drops_again):
        return sum((profile.linear_output_bytes + mask) * linear.inputs for linear in adapted.values())
    masks = mask * sum(linear.inputs for linear in adapted.values()) if profile.drops_again else 0.0
    return masks + sum(profile.linear_output_bytes * linear.inputs for linear in _own_inputs(adapted, profile))


def _own_inputs(adapted: dict[str, Linear], profile: Profile) -> list[Linear]:
    """One linear for each input that is kept for adapters only: attention's output is kept anyway."""
    kept: list[Linear] = []
    for name, linear in adapted.items():
        group = next((group for group in SHARED_INPUTS if name in group), (name,))
        first = next(member for member in group if member in adapted)
        recomputed = profile.fused_mlp and name.endswith("down")
        if name == first and name != "o" and not recomputed:
            kept.append(linear)
    return kept


def low_rank_saved(job: Job, profile: Profile) -> float:
    """What comes out of each adapter's A, which B needs for its gradient: ``rank`` numbers."""
    return profile.linear_output_bytes * job.rank * len(job.adapted())


def dora_saved(job: Job) -> float:
    """DoRA scales the layer's and the adapter's output by a trained magnitude, so both are kept."""
    return 4.0 * sum(linear.outputs for linear in job.adapted()) if job.method == "dora" else 0.0


def quantized_inputs_saved(job: Job, profile: Profile) -> float:
    """The same inputs where quantized linears keep them though nothing of theirs is trained."""
    return linear_inputs(job) if profile.keeps_quantized_input and job.is_quantized else 0.0


def layer_saved(job: Job, profile: Profile) -> float:
    """Everything autograd keeps of one layer."""
    return (
        norms_saved(job, profile)
        + attention_saved(job, profile)
        + mlp_saved(job, profile)
        + adapter_inputs_saved(job, profile)
        + low_rank_saved(job, profile)
        + dora_saved(job)
        + quantized_inputs_saved(job, profile)
    )


def mlp_backward(job: Job, profile: Profile) -> float:
    """Beside what is saved when the MLP's product is differentiated: the gradients of product, activation and up,
    and the stream's gradient with the layer's own output. Experts are walked one by one."""
    shape = job.shape
    if shape.is_moe:
        width = shape.experts_per_token * shape.expert_intermediate / shape.experts + shape.shared_intermediate
    else:
        width = shape.intermediate
    gradients = (3 if shape.gated_mlp else 2) * width * profile.linear_output_bytes
    return gradients - down_input_saved(job, profile) + 4.0 * shape.hidden


def down_input_saved(job: Job, profile: Profile) -> float:
    """What the down projection keeps for its own gradient, which is gone when the product is differentiated."""
    if job.is_full:
        return 2.0 * job.shape.active_mlp_width
    wanted = ALL_LINEARS if "all" in job.targets else job.targets
    rest = replace(job, targets=tuple(name for name in wanted if name != "down"))
    return adapter_inputs_saved(job, profile) - adapter_inputs_saved(rest, profile)


def attention_backward(job: Job, profile: Profile) -> float:
    """Beside what is saved when kept scores are differentiated; the MLP's share is gone by then."""
    scores = scores_saved(job, profile) * (2 if job.attention in ("cpu", "math") else 1)
    return scores + 4.0 * job.shape.hidden - mlp_saved(job, profile) if scores else 0.0


def forward_only(job: Job, profile: Profile) -> float:
    """Beside the weights when nothing is kept for a backward pass: the stream and the MLP, or attention."""
    shape = job.shape
    mlp = 3 * shape.active_mlp_width * profile.linear_output_bytes
    attention = profile.attention_bytes * 2 * (shape.query_width + shape.kv_width) + scores_saved(job, profile)
    return 2 * profile.residual_bytes * shape.hidden + max(mlp, attention)


def kv_cache(job: Job) -> float:
    """Keys and values of all layers for one token of a generated answer."""
    return 2.0 * 2 * job.shape.kv_width * job.shape.layers


def head_hidden(job: Job, profile: Profile) -> float:
    """Final norm and hidden states around the loss."""
    loss = profile.loss
    return job.shape.hidden * (loss.hidden_bytes + loss.supervised_hidden_bytes * job.supervised_share)


def logits_bytes(job: Job, profile: Profile) -> float:
    """Bytes (not per token) of logits and what the loss makes of them, for the micro-batch or one chunk of it."""
    loss, vocab = profile.loss, job.shape.vocab
    if loss.chunk_tokens is None:
        return job.tokens * vocab * loss.bytes_per_logit
    return vocab * min(round(job.tokens * job.supervised_share), loss.chunk_tokens) * loss.bytes_per_logit


def expert_copies(job: Job) -> float:
    """One layer's experts with their update in 16 bit, which the graph keeps."""
    return 2.0 * _expert_weights(job) if job.adapts_experts else 0.0


def expert_gradient(job: Job) -> float:
    """The gradient of a layer's fused gate and up, before it becomes that of their two factors."""
    return 2.0 * _expert_weights(job) * 2 / 3 if job.adapts_experts else 0.0


def experts_saved(job: Job) -> float:
    """Bytes per token: each visited expert's input and product, which a trained matrix needs."""
    shape = job.shape
    return 2.0 * shape.experts_per_token * (shape.hidden + shape.expert_intermediate) if job.adapts_experts else 0.0


def experts_passing(job: Job) -> float:
    """Bytes per token while experts' answers are put together: three float32 tensors of them."""
    return 12.0 * job.shape.experts_per_token * job.shape.hidden if job.shape.fused_experts else 0.0


def _expert_weights(job: Job) -> int:
    return job.shape.expert_weights // (job.shape.layers - job.shape.dense_layers)


def adapters_passing(job: Job, profile: Profile) -> float:
    """Bytes beside what is saved while a layer's last linear goes through the library's own adapter layer.

    That is the MLP's way down: everything of the layer is saved by then, and its input is the widest. The lean
    layers make copies only with dropout, the fused ones none.
    """
    last = next((linear for linear in job.adapted() if linear.name.endswith("down")), None)
    dora = job.method == "dora"
    if last is not None and job.dropout and profile.drops_again:
        # Backward: the input's gradient, the adapter's share of it, and that dropped as the input was.
        return (3 * profile.linear_output_bytes * last.inputs + 4.0 * last.outputs) * job.tokens
    if last is None or profile.fused_adapter or (profile.adapter_input == "shared" and not dora):
        return 0.0
    # Beside the output, the stream: its gradient, the residual, the normed input and what that was scaled from.
    wide = _input_casts(job, profile) * last.inputs + 5 * profile.linear_output_bytes * last.outputs
    if not dora:
        return wide * job.tokens
    # The norm is formed before the adapter's product; then the update is scaled in float32.
    scaled = wide + (2.0 + 12.0) * last.outputs
    return max(dora_norm(job, last) + wide * job.tokens, dora_kept(last) + scaled * job.tokens)


def _input_casts(job: Job, profile: Profile) -> float:
    """Bytes for each number of the input: itself, its float32 copy, and that with some of it dropped."""
    own = profile.linear_output_bytes
    if profile.adapter_input == "copy16":
        return own + 4.0 + (4.0 if job.dropout else 0.0)
    return own + (4.0 if job.dropout and own < 4 else 0.0)


def cast_weights(job: Job, profile: Profile) -> float:
    """The 16-bit copies of float32 adapters that autocast keeps to the end of the forward pass."""
    casts = profile.adapter_input == "copy16" and profile.adapter_bytes == 4
    return 2.0 * adapter_numbers(job) if casts and not job.is_full else 0.0


def dora_norm(job: Job, linear: Linear) -> float:
    """The update is made of an identity matrix (float32 and 16 bit); then matrix, update and sum in float32."""
    square, size = linear.inputs**2, linear.inputs * linear.outputs
    unpacked = 2.0 * size if job.is_quantized else 0.0
    return unpacked + max(6.0 * square + 2.0 * size, 2.0 * square + 16.0 * size)


def dora_kept(linear: Linear) -> float:
    """Of these the 16-bit identity, matrix and update stay to the end of the layer's forward."""
    return 2.0 * linear.inputs**2 + 8.0 * linear.inputs * linear.outputs


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
    adding = max(3 * one if several else one, one + table_gradient(job, profile) if raised else 0.0)
    return (logits, beside) if logits + beside > adding else (0.0, adding)


def table_gradient(job: Job, profile: Profile) -> float:
    """A gradient of embedding or head, as large as that: the embedding's is made whole at the end of a pass."""
    return job.shape.embedding_weights * profile.copy_bytes


def trains_tables(job: Job, profile: Profile) -> bool:
    """Whether these terms apply: tables trained whole under the chunked loss."""
    return job.trained_tables > 0 and not job.is_full and profile.loss.chunk_tokens is not None
