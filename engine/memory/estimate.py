"""Peak memory of a job on one GPU: every term, every phase, which phase is the peak, and what tools may show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from engine.memory import activations, adapter_layers, allocator, expert_layers, terms, trained_tables
from engine.memory.job import Job
from engine.memory.profiles import Profile

SAFETY = 1.03
"""Rounding of blocks and small tensors that no term counts."""
SHARDED_WASTE = 0.25
"""Sharding gathers on a stream of its own, whose cached blocks the others can't take over in time: a quarter of
what a batch takes can't be had back."""

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
    """A moment of the run and the bytes alive in it, by term (names of ``engine.memory.labels``)."""

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
            waste = SHARDED_WASTE * sum(self.peak.terms.get(name, 0.0) for name in allocator.BATCH_TERMS)
        return self.allocated_bytes * SAFETY + waste + self.profile.context_bytes + self.profile.compiled_bytes

    def reserved_bytes(self, capacity_bytes: float | None = None) -> float:
        """What torch's allocator may hold, freed blocks included, on a GPU of ``capacity_bytes``."""
        return allocator.reserved(self.job, self.profile, {p.name: p.terms for p in self.phases}, capacity_bytes)

    def shown_bytes(self, capacity_bytes: float | None = None) -> float:
        """What nvidia-smi may read up to."""
        paged = terms.optimizer_states(self.job, self.profile) if terms.states_are_paged(self.job) else 0.0
        beside = self.profile.context_bytes + self.profile.compiled_bytes
        shown = self.reserved_bytes(capacity_bytes) + beside + paged
        return min(shown, capacity_bytes) if capacity_bytes else shown

    def phase(self, name: str) -> Phase:
        return next(phase for phase in self.phases if phase.name == name)


def estimate(job: Job, profile: Profile) -> Estimate:
    """All phases of ``job`` under ``profile``; well under a millisecond."""
    static = _static(job, profile)
    gradients = terms.gradients(job, profile) / job.state_shards
    held = {"gradients": gradients} if profile.gradients_persist else {}
    batch = _batch(job, profile)
    checkpoints, logits, hidden = batch["checkpoints"], batch["logits"], batch["head_hidden"]
    layer, spent = batch["layer"], batch["held_inputs"]
    held_in_loss, made_last = held, gradients
    if trained_tables.trains_tables(job, profile):
        logits, sums = trained_tables.head_backward(job, profile)
        held_in_loss = {"gradients": gradients + sums}
        made_last = gradients + trained_tables.gradient(job, profile)
    casts = static["cast_cache"] + adapter_layers.cast_weights(job, profile)
    cast_at_loss = {**static, "cast_cache": casts}
    # Without recomputation the graph holds them through the backward pass.
    cast_after = cast_at_loss if job.checkpointing == "none" else static
    weights = {name: static[name] for name in ("block_weights", "tables", "other_weights", "adapters")}
    last_layer = checkpoints if job.checkpointing == "offload" else checkpoints / job.shape.layers
    return Estimate(
        job,
        profile,
        (
            Phase("load", {**weights, "dequantized": terms.dequantized(job)}),
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
            Phase("merge", {"merge": terms.merge(job)}),
        ),
    )  # fmt: skip


def _static(job: Job, profile: Profile) -> dict[str, float]:
    """What is there through every step."""
    cut = job.weight_shards
    kept = 0.0 if job.cpu_offload else 1.0
    paged = terms.states_are_paged(job)
    return {
        "block_weights": kept * terms.block_weights(job, profile) / cut,
        "tables": kept * terms.tables(job, profile) / cut,
        "other_weights": kept * terms.other_weights(job, profile) / cut,
        "adapters": terms.adapters(job, profile),
        "optimizer": 0.0 if paged else kept * terms.optimizer_states(job, profile) / job.state_shards,
        "unsharded": terms.unsharded(job, profile),
        "cast_cache": terms.cast_cache(job, profile),
        "buckets": terms.buckets(job, profile),
    }


def _batch(job: Job, profile: Profile) -> dict[str, float]:
    """What a micro-batch takes, in bytes."""
    tokens, layers = job.tokens, job.shape.layers
    saved = activations.layer_saved(job, profile) * tokens + expert_layers.copies(job)
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
    unpacking = terms.dequantized(job) + (2.0 * job.shape.active_mlp_width + 4.0 * job.shape.hidden) * tokens
    return {
        "checkpoints": kept,
        "layer": layer,
        "held_inputs": held,
        "backward": max(
            activations.mlp_backward(job, profile) * tokens + expert_layers.gradient(job),
            expert_layers.passing(job) * tokens,
            activations.attention_backward(job, profile) * tokens,
            unpacking if job.is_quantized else 0.0,
            adapter_layers.passing(job, profile),
        ),
        "logits": activations.logits_bytes(job, profile),
        "head_hidden": activations.head_hidden(job, profile) * tokens,
    }


def _step(job: Job, profile: Profile, static: dict[str, float], gradients: float) -> dict[str, float]:
    gathered = ("unsharded", "cast_cache")
    alive = {name: value for name, value in static.items() if name not in gathered}
    workspace = terms.step_workspace(job, profile) / job.state_shards
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
    return {**static, **larger, "dequantized": terms.dequantized(job) + expert_layers.copies(job)}
