"""How long a micro-batch takes: operations computed, bytes moved and kernels started, and a card's speed at each."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from engine.machine.cpu_specs import CORE_FLOPS, Cpu
from engine.machine.gpu_specs import CARDS, Card, card_of
from engine.memory.estimate import Estimate
from engine.memory.job import Job, Profile
from engine.memory.model_states import adapter_numbers

CPU = "CPU"
TYPICAL = CARDS["a100"]
"""Ratios on a card that is not known are taken to be this one's."""
CPU_LAYER_S = 4e-4
"""Of a layer in a pass on a CPU: some forty operations of ten microseconds each, however little they compute."""
IDLE_TOKENS = 250
"""Below about this many tokens a layer's matrices on a CPU take as long to read as their products to compute."""
LAUNCH_S = 4.5e-6
"""The host's time to start one kernel."""
WAIT_S = 3e-5
"""What a wait for the device costs: the queue of kernels runs dry."""
MOVED = 0.85
"""Share of a card's bandwidth that elementwise kernels reach."""
LOGIT_BYTES = 46.0
"""Moved for each logit from the product to its gradient: twelve passes in 16 and 32 bit."""


@dataclass(frozen=True)
class Work:
    """One micro-batch: ``flops`` of products, ``weight_bytes`` they read at least, ``moved_bytes`` by all other
    kernels, ``kernels`` started and ``waits`` of the host for the device."""

    flops: float
    weight_bytes: float
    moved_bytes: float
    kernels: float
    waits: float = 0.0


def passes(job: Job) -> float:
    """Passes over the weights per token, in units of one forward pass: forward, input gradient, for trained weights
    their gradient, the recomputed forward, and the base's own."""
    return 1.0 + _forwards(job) + (1.0 if job.is_full else 0.0) + (1.0 if job.beside_base else 0.0)


def _forwards(job: Job) -> float:
    return 1.0 if job.checkpointing == "none" else 2.0


def flops_per_token(job: Job) -> float:
    """Floating-point operations a token takes in training: 2 a weight it passes, in each pass, and attention.

    The head counts for supervised tokens only, as in our loop, and is never recomputed; of experts those a token
    visits. Attention is causal; its backward takes 2.5 times its forward, and where scores are kept it computes those
    of the future too.
    """
    shape = job.shape
    active = shape.block_weights
    if shape.experts:
        active -= round(shape.expert_weights * (1 - shape.experts_per_token / shape.experts))
    head = job.supervised_share * shape.embedding_weights * (3 if job.is_full else 2)
    head *= 2.5 if job.beside_base else 1  # two more products for the divergence, and its gradient's
    forwards = _forwards(job) + (1.0 if job.beside_base else 0.0)
    attention = 2.0 * job.scored_tokens * shape.query_width * shape.layers * (forwards + 2.5)
    if job.keeps_scores:
        attention *= 2
    return 2.0 * (passes(job) * active + head) + attention + 6.0 * (0 if job.is_full else adapter_numbers(job))


def work_of(job: Job, profile: Profile) -> Work:
    """What one micro-batch of ``job`` takes under ``profile``'s kernels."""
    shape, again = job.shape, _forwards(job)
    forward, backward = _moved(job, profile)
    layers = job.tokens * shape.layers * ((again + job.beside_base) * forward + backward)
    supervised = job.tokens * job.supervised_share
    logits = supervised * shape.vocab * LOGIT_BYTES
    weights = shape.block_weights * passes(job)
    unpacked = 0.0
    if job.quantization in ("nf4", "nf4-dq", "gptq4"):
        unpacked = 2.5 * weights
    elif job.quantization == "int8":  # the forward product takes them as they are
        unpacked = 3.0 * shape.block_weights
    if job.method == "dora":  # the norm of every adapted matrix and its update, in float32
        adapted = sum(linear.weights for linear in job.adapted()) * shape.layers
        unpacked += 30.0 * adapted * again
    chunk = profile.loss.chunk_tokens
    chunks = math.ceil(supervised / chunk) if chunk else 1
    started, waits = _kernels(job, profile)
    return Work(
        flops=job.tokens * flops_per_token(job),
        weight_bytes=2.0 * weights,
        moved_bytes=layers + logits + unpacked,
        kernels=shape.layers * started + 16 * chunks,
        waits=shape.layers * waits,
    )


def _moved(job: Job, profile: Profile) -> tuple[float, float]:
    """Bytes for each token and layer, forward and backward, by kernels that read and write and compute next to
    nothing; products' own inputs are in what a card reaches. Counted from the eager kernels of a Llama's layer."""
    shape = job.shape
    h, q, kv, mlp = shape.hidden, shape.query_width, shape.kv_width, shape.active_mlp_width
    inputs = sum(linear.inputs for linear in job.adapted())
    outputs = sum(linear.outputs for linear in job.adapted())
    normed = shape.norms_per_layer * h + (q + kv if shape.qk_norm else 0)
    norm = (4.0, 6.0) if profile.fused_norm or shape.layer_norm else (36.0, 89.0)
    rope = 8.0 if profile.fused_mlp else 24.0
    act = (6.0, 12.0) if profile.fused_mlp else (10.0, 18.0)
    if not shape.gated_mlp:
        act = (32.0, 48.0) if shape.stepwise_gelu else (4.0, 6.0)
    pieces = [
        (norm[0] * normed, norm[1] * normed),
        ((rope + 4) * (q + kv), (rope + 10) * (q + kv)),  # rope and attention
        (12.0 * h, 12.0 * h),  # the stream
        (act[0] * mlp, act[1] * mlp),
    ]
    if job.keeps_scores:
        scores = job.scored_tokens * shape.heads
        pieces.append((24.0 * scores, 32.0 * scores))
    if shape.is_moe:  # tokens to their experts and back
        pieces.append((8.0 * shape.experts_per_token * h, 8.0 * shape.experts_per_token * h))
    if _is_lean(job, profile):
        pieces.append((2.0 * inputs + 4.0 * outputs, 6.0 * inputs + 4.0 * outputs))
    else:  # the PEFT library's own layers: casts to float32 and back
        pieces.append((14.0 * inputs + 12.0 * outputs, 24.0 * inputs + 8.0 * outputs))
    if job.method == "dora":
        pieces.append((16.0 * outputs, 16.0 * outputs))
    if job.dropout:
        pieces.append((9.0 * inputs, 9.0 * inputs))
    if job.quantization == "int8":
        pieces.append((10.0 * sum(linear.inputs + linear.outputs for linear in shape.linears), 0.0))
    size = profile.linear_output_bytes / 2
    return size * sum(forward for forward, _ in pieces), size * sum(backward for _, backward in pieces)


def _is_lean(job: Job, profile: Profile) -> bool:
    return profile.adapter_input == "shared" and job.method != "dora"


def _kernels(job: Job, profile: Profile) -> tuple[float, float]:
    """Kernels that a layer starts in all its passes, and the host's waits: about 200 and none for a Llama's layer with
    lean adapters and nothing recomputed."""
    shape, again = job.shape, _forwards(job)
    linears = len(shape.linears) + (6 * shape.experts if shape.is_moe else 0)
    adapted = len(job.adapted())
    lean = _is_lean(job, profile)
    norms = shape.norms_per_layer + (2 if shape.qk_norm else 0)
    norm_forward, norm_backward = (1, 2) if profile.fused_norm or shape.layer_norm else (11, 11)
    forward = norms * norm_forward + linears + adapted * (5 if lean else 10) + 14
    backward = norms * norm_backward + linears + adapted * (9 if lean else 15) + 28
    if job.quantization != "none":
        forward, backward = forward + 2 * linears, backward + 2 * linears
    waits = linears * (again + job.beside_base) if job.quantization == "int8" else 0.0
    return (again + job.beside_base) * forward + backward, waits


def on_card(job: Job, profile: Profile, card: Card) -> float:
    """Seconds of one micro-batch on ``card``: its kernels run one after another, while the host starts the next ones.

    Where both take about as long some kernels wait for the host and some for the card, so neither is hidden whole.
    """
    work = work_of(job, profile)
    reached = card.reached * card.tflops * 1e12
    if profile.linear_output_bytes == 4 and profile.frozen_bytes == 4:
        reached /= 8  # no tensor cores for float32
    bandwidth = MOVED * card.gb_s * 1e9
    device = max(work.flops / reached, work.weight_bytes / bandwidth) + work.moved_bytes / bandwidth
    host = work.kernels * LAUNCH_S + work.waits * WAIT_S
    return math.hypot(device, host)


def as_trained(cpu: Cpu, profile: Profile) -> Cpu:
    """``cpu`` as fast as it is with the numbers of ``profile``: instructions for bfloat16 help nothing in float32."""
    return cpu if profile.frozen_bytes < 4 else replace(cpu, core_flops=min(cpu.core_flops, CORE_FLOPS))


def on_cpu(job: Job, cpu: Cpu) -> float:
    """Seconds of one micro-batch on ``cpu``."""
    overhead = 1.0 + IDLE_TOKENS / max(1, job.tokens)
    if job.quantization in ("nf4", "nf4-dq", "gptq4"):
        overhead += 170 / max(1, job.tokens)  # unpacking a weight takes as long as 170 tokens' products with it
    elif job.quantization == "int8":
        overhead += 0.5
    if job.method == "dora":
        overhead += 0.3
    computing = job.tokens * flops_per_token(job) * overhead / cpu.flops
    return computing + CPU_LAYER_S * job.shape.layers * passes(job)


def seconds_per_token(job: Job, profile: Profile, device: str, cpu: Cpu = Cpu()) -> float:
    """Of a padded token on ``device``: "CPU", or a GPU's name; one that is not known counts as a typical one, so that
    only ratios mean something there."""
    if device == CPU:
        return on_cpu(job, as_trained(cpu, profile)) / job.tokens
    return on_card(job, profile, card_of(device) or TYPICAL) / job.tokens


def slow_down(before: Estimate, after: Estimate, device: str) -> float:
    """Time per token of ``after`` over that of ``before``, less 1."""
    was, now = (seconds_per_token(each.job, each.profile, device) for each in (before, after))
    return now / was - 1
