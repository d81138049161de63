"""Peak memory of a job on one GPU: every term, every phase, the peak, what tools may show, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.machine.gpu_specs import GIB
from engine.memory import activations, model_states
from engine.memory.job import Job, Profile


@dataclass(frozen=True)
class Label:
    letter: str
    title: str
    sentence: str


LABELS: dict[str, Label] = {
    "block_weights": Label("W", "Layers' weights", "The matrices of all layers, with the constants of quantization."),
    "tables": Label("W", "Embedding and head", "Word tables stay in 16 bit when layers are quantized."),
    "other_weights": Label("W", "Norms and biases", "Small weights that are never quantized."),
    "adapters": Label("L", "Adapter", "The numbers that are trained, in float32; grows with rank and targets."),
    "optimizer": Label("O", "Optimizer", "AdamW remembers two numbers for each trained one."),
    "gradients": Label("O", "Gradients", "One number for each trained one, kept while micro-batches add up."),
    "step_workspace": Label("O", "Optimizer's workspace", "The update of all trained numbers before it is applied."),
    "buckets": Label("O", "Gradient exchange", "Buffers in which GPUs send each other their gradients."),
    "checkpoints": Label("A", "Stored activations", "What each layer keeps for its backward pass; grows with tokens."),
    "layer": Label("A", "One layer recomputed", "Everything one layer needs for its backward pass."),
    "backward": Label("A", "One layer's gradients", "Gradients of one layer's intermediate results."),
    "forward": Label("A", "Forward pass", "One layer's intermediate results when nothing is kept."),
    "kv_cache": Label("A", "Answers' memory", "Keys and values of the answers an evaluation writes."),
    "logits": Label("G", "Logits and loss", "One score for each word of the vocabulary and each token at the loss."),
    "head_hidden": Label("G", "Around the loss", "Hidden states before the head, and their gradient."),
    "dequantized": Label("T", "Unpacked matrix", "A quantized matrix is unpacked to 16 bit while it multiplies."),
    "unsharded": Label("T", "Gathered weights", "Sharded weights are whole while they are used."),
    "merge": Label("T", "One matrix merged", "A weight matrix, its update and their sum."),
    "cast_cache": Label("T", "16-bit copies", "Copies of float32 weights that mixed precision works with."),
}

GROUPS = {
    "W": "weights",
    "L": "adapter",
    "O": "optimizer and gradients",
    "A": "activations",
    "G": "logits and loss",
    "T": "working copies",
}


SAFETY = 1.03
"""Rounding of blocks and small tensors that no term counts."""
SHARDED_WASTE = 0.25
"""Sharding gathers on a stream of its own, whose cached blocks the others can't take over in time: a quarter of
what a batch takes can't be had back."""

BATCH_TERMS = ("checkpoints", "layer", "backward", "logits", "head_hidden")
REUSED_BY_OPTIMIZER = 0.5
"""The optimizer's blocks are as large as the largest weights; about half find room in the batch's, or the reverse."""
VARIED_LOGITS = 2.5
"""With batches of many lengths: a longer batch's logits can't use a shorter one's blocks, so that several lie about.
Measured by one trainer only (rows of 500 to 3,000 tokens)."""

TIGHT_SHARE = 0.05
TIGHT_BYTES = 0.5 * GIB
Level = Literal["fits", "tight", "too much"]

PHASES = {
    "load": "loading the model",
    "loss": "the loss, at the end of the forward pass",
    "backward": "the backward pass of a layer",
    "backward_end": "the end of the backward pass",
    "step": "the optimizer's step",
    "evaluation": "evaluation",
    "save": "saving a checkpoint",
    "merge": "merging the adapter",
}


@dataclass(frozen=True)
class Phase:
    """A moment of the run and the bytes alive in it, by term (names of ``LABELS``)."""

    name: str
    terms: dict[str, float]

    @property
    def title(self) -> str:
        return PHASES[self.name]

    @cached_property
    def bytes(self) -> float:
        return sum(self.terms.values())


@dataclass(frozen=True)
class Estimate:
    """What a job needs on each GPU. ``allocated_bytes`` are live tensors at the peak, as torch counts them."""

    job: Job
    profile: Profile
    phases: tuple[Phase, ...]

    @cached_property
    def peak(self) -> Phase:
        return max(self.phases, key=lambda phase: phase.bytes)

    @property
    def allocated_bytes(self) -> float:
        return self.peak.bytes

    @property
    def needed_bytes(self) -> float:
        """The least that must be free: live tensors with a margin, context and kernels, and what sharding wastes."""
        waste = 0.0
        if self.job.weight_shards > 1:
            waste = SHARDED_WASTE * sum(self.peak.terms.get(name, 0.0) for name in BATCH_TERMS)
        return self.allocated_bytes * SAFETY + waste + self.profile.context_bytes + self.profile.compiled_bytes

    def reserved_bytes(self, capacity_bytes: float | None = None) -> float:
        """What torch's allocator may hold, freed blocks included, on a GPU of ``capacity_bytes`` (None: endless).

        Blocks of the layers and blocks of the loss differ in size, so neither phase fits into what the other left: what
        is held grows to the sum of both, though they never live at the same time. Near the card's limit the allocator
        gives blocks back and tries again, so this never decides whether a job fits.
        """
        loss, backward, step = (self.phase(name).terms for name in ("loss", "backward", "step"))
        static = sum(value for name, value in backward.items() if name not in (*BATCH_TERMS, "gradients"))
        static += step["gradients"]
        layers = backward["checkpoints"] + backward["layer"] + backward["backward"] + loss["head_hidden"]
        logits = loss["logits"] * (VARIED_LOGITS if self.profile.varied_lengths else 1.0)
        batch, workspace = layers + logits, step["step_workspace"]
        held = static + max(batch, workspace) + (1 - REUSED_BY_OPTIMIZER) * min(batch, workspace)
        held = max(held, self.allocated_bytes)
        if capacity_bytes is None:
            return held
        return min(held, max(self.allocated_bytes, capacity_bytes - self.profile.context_bytes))

    def shown_bytes(self, capacity_bytes: float | None = None) -> float:
        """What nvidia-smi may read up to."""
        paged = (
            model_states.optimizer_states(self.job, self.profile) if model_states.states_are_paged(self.job) else 0.0
        )
        beside = self.profile.context_bytes + self.profile.compiled_bytes
        shown = self.reserved_bytes(capacity_bytes) + beside + paged
        return min(shown, capacity_bytes) if capacity_bytes else shown

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


def estimate(job: Job, profile: Profile) -> Estimate:
    """All phases of ``job`` under ``profile``; well under a millisecond."""
    static = _static(job, profile)
    gradients = model_states.gradients(job, profile) / job.state_shards
    held = {"gradients": gradients} if profile.gradients_persist else {}
    batch = _batch(job, profile)
    checkpoints, logits, hidden = batch["checkpoints"], batch["logits"], batch["head_hidden"]
    layer, spent = batch["layer"], batch["held_inputs"]
    held_in_loss, made_last = held, gradients
    if activations.trains_tables(job, profile):
        logits, sums = activations.head_backward(job, profile)
        held_in_loss = {"gradients": gradients + sums}
        made_last = gradients + activations.table_gradient(job, profile)
    casts = static["cast_cache"] + activations.cast_weights(job, profile)
    cast_at_loss = {**static, "cast_cache": casts}
    # Without recomputation the graph holds them through the backward pass.
    cast_after = cast_at_loss if job.checkpointing == "none" else static
    weights = {name: static[name] for name in ("block_weights", "tables", "other_weights", "adapters")}
    last_layer = checkpoints if job.checkpointing == "offload" else checkpoints / job.shape.layers
    return Estimate(
        job,
        profile,
        (
            Phase("load", {**weights, "dequantized": model_states.dequantized(job)}),
            Phase(
                "loss",
                {**cast_at_loss, **held_in_loss, "checkpoints": checkpoints, "logits": logits, "head_hidden": hidden},
            ),
            Phase(
                "backward",
                {**cast_after, **held, "checkpoints": checkpoints + spent, "layer": layer,
                 "backward": batch["backward"]},
            ),
            Phase(
                "backward_end",
                {**static, "gradients": made_last, "checkpoints": last_layer + spent, "layer": layer,
                 "backward": batch["backward"]},
            ),
            Phase("step", _step(job, profile, static, gradients)),
            Phase("evaluation", _evaluation(job, profile, static)),
            Phase("save", {**static}),
            Phase("merge", {"merge": model_states.merge(job)}),
        ),
    )  # fmt: skip


def _static(job: Job, profile: Profile) -> dict[str, float]:
    """What is there through every step."""
    cut = job.weight_shards
    kept = 0.0 if job.cpu_offload else 1.0
    paged = model_states.states_are_paged(job)
    return {
        "block_weights": kept * model_states.block_weights(job, profile) / cut,
        "tables": kept * model_states.tables(job, profile) / cut,
        "other_weights": kept * model_states.other_weights(job, profile) / cut,
        "adapters": model_states.adapters(job, profile),
        "optimizer": 0.0 if paged else kept * model_states.optimizer_states(job, profile) / job.state_shards,
        "unsharded": model_states.unsharded(job, profile),
        "cast_cache": model_states.cast_cache(job, profile),
        "buckets": model_states.buckets(job, profile),
    }


def _batch(job: Job, profile: Profile) -> dict[str, float]:
    """What a micro-batch takes, in bytes."""
    tokens, layers = job.tokens, job.shape.layers
    saved = activations.layer_saved(job, profile) * tokens + activations.expert_copies(job)
    stored = activations.checkpoint(job, profile) * tokens
    kept, layer = {
        "none": (layers * saved, 0.0),
        "layers": (layers * stored, saved),
        # On its way to RAM and back: the layer at hand and the next one.
        "offload": (2 * stored, saved),
    }[job.checkpointing]
    kept += activations.mask(job) * tokens
    held = 0.0
    if profile.holds_layer_inputs and job.weight_shards > 1 and not job.is_full and layer:
        held = (layers - 2) * 2.0 * job.shape.hidden * tokens
    unpacking = model_states.dequantized(job) + (2.0 * job.shape.active_mlp_width + 4.0 * job.shape.hidden) * tokens
    return {
        "checkpoints": kept,
        "layer": layer,
        "held_inputs": held,
        "backward": max(
            activations.mlp_backward(job, profile) * tokens + activations.expert_gradient(job),
            activations.experts_passing(job) * tokens,
            activations.attention_backward(job, profile) * tokens,
            unpacking if job.is_quantized else 0.0,
            activations.adapters_passing(job, profile),
        ),
        "logits": activations.logits_bytes(job, profile),
        "head_hidden": activations.head_hidden(job, profile) * tokens,
    }


def _step(job: Job, profile: Profile, static: dict[str, float], gradients: float) -> dict[str, float]:
    gathered = ("unsharded", "cast_cache")
    alive = {name: value for name, value in static.items() if name not in gathered}
    workspace = model_states.step_workspace(job, profile) / job.state_shards
    return {**alive, "gradients": gradients, "step_workspace": workspace}


def _evaluation(job: Job, profile: Profile, static: dict[str, float]) -> dict[str, float]:
    """Either the loss of held-out rows or answers to their prompts, whichever takes more."""
    loss = {
        "forward": activations.forward_only(job, profile) * job.tokens,
        "logits": activations.logits_bytes(job, profile) if profile.loss.chunk_tokens else 0.0,
    }
    prompts = min(job.tokens, job.answer_tokens)
    answers = {
        "forward": activations.forward_only(job, profile) * prompts,
        "kv_cache": activations.kv_cache(job) * job.answer_tokens,
    }
    larger = max(loss, answers, key=lambda terms_: sum(terms_.values()))
    return {**static, **larger, "dequantized": model_states.dequantized(job) + activations.expert_copies(job)}


@dataclass(frozen=True)
class Verdict:
    """``spare_bytes`` is negative when memory lacks. ``phase`` is the peak, where the job would run out."""

    level: Level
    needed_bytes: float
    available_bytes: float
    phase: str

    @property
    def spare_bytes(self) -> float:
        return self.available_bytes - self.needed_bytes

    @property
    def text(self) -> str:
        """The verdict in words: "fits, 9.4 GiB spare"."""
        gib = abs(self.spare_bytes) / GIB
        if self.level == "too much":
            return f"does not fit: {gib:.1f} GiB too much at {self.phase}"
        return f"fits, {gib:.1f} GiB spare" if self.level == "fits" else f"tight: {gib:.1f} GiB spare at {self.phase}"


def judge(result: Estimate, available_bytes: float) -> Verdict:
    """``available_bytes``: the GPU's total less what others use, or the RAM there is."""
    spare = available_bytes - result.needed_bytes
    tight = spare < max(TIGHT_BYTES, TIGHT_SHARE * available_bytes)
    level: Level = "too much" if spare < 0 else "tight" if tight else "fits"
    return Verdict(level, result.needed_bytes, available_bytes, result.peak.title)
