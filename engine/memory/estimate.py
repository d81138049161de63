"""Peak memory of a job on one GPU: every term, every phase, the peak, what tools may show, and whether it fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from engine.machine.gpu_specs import GIB
from engine.memory import activations, model_states
from engine.memory.job import Job, Profile
from engine.messages.message import Message

LABELS: dict[str, tuple[str, Message]] = {
    "block_weights": ("W", Message("memory.term-block-weights")),
    "tables": ("W", Message("memory.term-tables")),
    "other_weights": ("W", Message("memory.term-other-weights")),
    "adapters": ("L", Message("memory.term-adapters")),
    "optimizer": ("O", Message("memory.term-optimizer")),
    "gradients": ("O", Message("memory.term-gradients")),
    "step_workspace": ("O", Message("memory.term-step-workspace")),
    "buckets": ("O", Message("memory.term-buckets")),
    "checkpoints": ("A", Message("memory.term-checkpoints")),
    "layer": ("A", Message("memory.term-layer")),
    "backward": ("A", Message("memory.term-backward")),
    "forward": ("A", Message("memory.term-forward")),
    "kv_cache": ("A", Message("memory.term-kv-cache")),
    "logits": ("G", Message("memory.term-logits")),
    "head_hidden": ("G", Message("memory.term-head-hidden")),
    "dequantized": ("T", Message("memory.term-dequantized")),
    "unsharded": ("T", Message("memory.term-unsharded")),
    "merge": ("T", Message("memory.term-merge")),
    "cast_cache": ("T", Message("memory.term-cast-cache")),
}
"""Each term with the letter of its group in the bar and its name; the part ``about`` of that explains it."""
GROUPS = "WLOAGT"
"""Weights, adapter, optimizer and gradients, activations, logits and loss, working copies."""

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
    "load": Message("memory.phase-load"),
    "loss": Message("memory.phase-loss"),
    "backward": Message("memory.phase-backward"),
    "backward_end": Message("memory.phase-backward-end"),
    "step": Message("memory.phase-step"),
    "evaluation": Message("memory.phase-evaluation"),
    "save": Message("memory.phase-save"),
    "merge": Message("memory.phase-merge"),
}


@dataclass(frozen=True)
class Phase:
    """A moment of the run and the bytes alive in it, by term (names of ``LABELS``)."""

    name: str
    terms: dict[str, float]

    @property
    def title(self) -> Message:
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
    phase: Message

    @property
    def spare_bytes(self) -> float:
        return self.available_bytes - self.needed_bytes

    @property
    def message(self) -> Message:
        """ "fits, 9.4 GiB spare"; where it gets close, in which phase."""
        if self.level == "too much":
            return Message("memory.too-much", missing=-self.spare_bytes, phase=self.phase)
        if self.level == "tight":
            return Message("memory.tight", spare=self.spare_bytes, phase=self.phase)
        return Message("memory.fits", spare=self.spare_bytes)


def judge(result: Estimate, available_bytes: float) -> Verdict:
    """``available_bytes``: the GPU's total less what others use, or the RAM there is."""
    spare = available_bytes - result.needed_bytes
    tight = spare < max(TIGHT_BYTES, TIGHT_SHARE * available_bytes)
    level: Level = "too much" if spare < 0 else "tight" if tight else "fits"
    return Verdict(level, result.needed_bytes, available_bytes, result.peak.title)
