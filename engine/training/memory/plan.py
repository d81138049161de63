"""What ``auto`` becomes on this machine, and what the run will take of its memory, before the weights are loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch

from engine.common.errors import ModelError, TunedeckError
from engine.config.schema import RunConfig
from engine.distributed.device import Placement
from engine.distributed.own_gpu import others_on, own_bytes, own_gpu, own_pids
from engine.machine.host import read_host
from engine.machine.snapshot import read_machine_now
from engine.memory.auto import MOST_TOKENS
from engine.memory.budget import Budget, shared
from engine.memory.duration import seldomer
from engine.memory.estimate import Estimate, Verdict, estimate, judge
from engine.memory.fit import Fit, fit
from engine.memory.history import read_history
from engine.memory.job import MOST_SHAPES, compiled, padded_length
from engine.memory.packing import computes_row_by_row
from engine.memory.speed import CPU
from engine.messages.message import Message
from engine.modeling.batch_sizes import shapes_met
from engine.modeling.batches import Batch, Layout, StepPlan
from engine.modeling.kernels import packing
from engine.modeling.kernels.attention import planned
from engine.models.card import PADDING, ModelCard
from engine.models.dims import ModelShape, from_folder
from engine.runs import events as ev
from engine.runs.phases import Sink
from engine.tokens.dataset import Prepared
from engine.training.objectives.objective import Objective

AUTO_FIELDS = (
    "model.quantization", "train.gradient_checkpointing", "train.micro_batch_tokens", "train.optim", packing.FIELD,
)  # fmt: skip
_KEPT = Message("events.setting-kept")
_RARE = Message("events.setting-rare")
_UNKNOWN = Message("events.memory-unknown")


@dataclass(frozen=True)
class RunMemory:
    """``config`` has no ``auto`` left that memory decides; ``settings`` are what those became.

    ``estimate`` is of the largest micro-batch that the run will really compute. Without ``fit`` the model's
    dimensions can't be told, and there is none. ``weights_mapped``: they stay in their files, of ``file_bytes``,
    until they are used. ``coarsest`` is that of ``padded_length``.
    """

    config: RunConfig
    settings: dict[str, Any]
    budget: Budget | None = None
    fit: Fit | None = None
    estimate: Estimate | None = None
    weights_mapped: bool = False
    file_bytes: int = 0
    coarsest: int = PADDING

    @property
    def micro_batch_tokens(self) -> int:
        tokens = self.config.train.micro_batch_tokens
        assert isinstance(tokens, int)
        return tokens

    @property
    def packed(self) -> bool:
        """Whether the rows of a micro-batch lie end to end in one sequence."""
        return self.config.dataset.packing is True

    def remedies(self) -> list[Message]:
        """Changes that would save memory, best first; smaller micro-batches are not among them."""
        if self.fit is None:
            return []
        changes = self.fit.plan().changes
        return [change.message for change in changes if "train.micro_batch_tokens" not in change.settings]

    def estimate_of(self, batches: Sequence[Batch]) -> Estimate | None:
        """The estimate for the larger of ``batches``."""
        if self.estimate is None or not batches:
            return self.estimate
        found = (_of_batch(self.estimate, batch) for batch in batches)
        return max(found, key=lambda each: each.allocated_bytes)


def make_plan(
    config: RunConfig, card: ModelCard, objective: Objective, prepared: Prepared, steps: StepPlan,
    placement: Placement, kept: Mapping[str, Any], sink: Sink, layout: Layout,
) -> RunMemory:  # fmt: skip
    """Resolve ``config`` for the rows it will train, and tell the log what that takes.

    ``kept`` are the settings of the run's first start, which win over what this machine would choose now. Whether rows
    are packed in ``layout`` is decided here.
    """
    coarsest = layout.coarsest
    kept = {field: value for field, value in kept.items() if _is_auto(config, field)}
    config = config.with_settings(kept)
    shape = _shape(card, sink)
    if kept and _is_auto(config, packing.FIELD):  # begun before rows could be packed
        kept[packing.FIELD] = False
        config = config.with_settings(kept)
    laid = packing.packing_of(config, card, shape, placement)
    by_itself = {packing.FIELD: laid.packed} if _is_auto(config, packing.FIELD) else {}
    config = config.with_settings({packing.FIELD: laid.packed})
    longest = max(int(part.lengths.max(initial=0)) for part in (prepared.train, prepared.heldout, prepared.test))
    if shape is None:
        return replace(_without_estimate(config, kept, longest, placement, sink), coarsest=coarsest)
    budget = shared(own_budget(placement.device), len(config.launch.devices))
    # The estimate counts in the dtype and with the attention that are really used.
    dtype = {"model.dtype": str(placement.dtype).removeprefix("torch.")}
    used = {"model.attn_implementation": planned(card.path, config.model, placement)}
    share = prepared.tokens.supervised / max(1, prepared.tokens.tokens)
    asks = len(prepared.test_rows) or len(prepared.heldout_rows)
    found = fit(
        config.with_settings(dtype | used), shape, budget, longest_row=longest, supervised_share=share,
        answer_tokens=prepared.tokens.supervised / max(1, len(prepared.train)) if asks else 0.0,
        history=read_history(),
    )  # fmt: skip
    settings = {**kept, **by_itself, **found.resolution.settings}
    resolved = config.with_settings(settings)
    mapped = budget.device == "cpu" and resolved.model.quantization == "none" and card.dtype == dtype["model.dtype"]
    plan = RunMemory(resolved, settings, budget, found, found.estimate, mapped, card.weight_bytes, coarsest)
    layout = layout._replace(packed=plan.packed)
    largest = objective.largest(prepared.train, steps, plan.micro_batch_tokens, layout)
    plan = replace(plan, estimate=plan.estimate_of(largest))
    expected = _with_kernels(plan, prepared, steps, placement)
    plan = replace(plan, estimate=expected)
    verdict = judge(expected, budget.available_bytes)
    rare = _seldomer(plan, prepared, steps)
    plan = replace(plan, config=plan.config.with_settings(rare), settings={**plan.settings, **rare})
    reasons = {
        **found.resolution.reasons, **dict.fromkeys(by_itself, laid.reason), **dict.fromkeys(kept, _KEPT),
        **dict.fromkeys(rare, _RARE),
    }  # fmt: skip
    _tell(plan, expected, budget, verdict, longest, reasons, sink)
    return plan


def _with_kernels(plan: RunMemory, prepared: Prepared, steps: StepPlan, placement: Placement) -> Estimate:
    """The plan's estimate with the kernels that a CPU compiles in 16 bit for the shapes of the run."""
    expected = plan.estimate
    assert expected is not None
    if placement.device.type != "cpu" or placement.dtype == torch.float32:
        return expected
    shapes = shapes_met(prepared.train.lengths, steps, plan.micro_batch_tokens, plan.packed, plan.coarsest)
    kernels = min(
        compiled(MOST_SHAPES), compiled(shapes) + expected.profile.compiled_bytes
    )  # those of answers are in it
    return replace(expected, profile=replace(expected.profile, compiled_bytes=kernels))


def _seldomer(plan: RunMemory, prepared: Prepared, steps: StepPlan) -> dict[str, int]:
    """Fewer evaluations and answers in between than usual, where those would take a large part of the run."""
    assert plan.estimate is not None
    assert plan.budget is not None
    sample = plan.config.sample
    shown = min(len(prepared.heldout_rows), sample.rows) + len(sample.prompts)
    mean = float(prepared.train.lengths.mean()) if len(prepared.train) else 0.0
    device = CPU if plan.budget.device == "cpu" else plan.budget.name
    return seldomer(
        plan.config, plan.estimate, device, read_host(()).cpu, steps.total_steps, mean * steps.batch_size,
        int(prepared.heldout.lengths.sum()), shown,
    )  # fmt: skip


def parted(plan: RunMemory, model: Any, asked: RunConfig, sink: Sink) -> RunMemory:
    """``plan`` once it is proved that the loaded ``model`` keeps packed rows apart.

    Where it does not, rows are padded, which is said; ModelError if ``asked`` wants them packed.
    """
    if not plan.packed:
        return plan
    if asked.dataset.packing == "auto" and not packing.takes_rows_apart(model):
        name = model.config._attn_implementation
        sink(ev.Warn(message=Message("events.padded-mask", attention=name)))
        return _padded(plan)
    if packing.parts_rows(model):
        return plan
    if asked.dataset.packing is True:
        raise ModelError("training.packed-rows-mix")
    sink(ev.Warn(message=Message("events.padded-mixes")))
    return _padded(plan)


def _padded(plan: RunMemory) -> RunMemory:
    padded = {packing.FIELD: False}
    return replace(plan, config=plan.config.with_settings(padded), settings={**plan.settings, **padded})


def own_budget(device: torch.device) -> Budget:
    """What this process can have: what is free, and what it holds already.

    On a GPU it is the one that torch computes on. Where the driver's library does not answer, torch is asked.
    """
    if device.type == "cpu":
        host = read_host(())
        return _with_own(Budget("cpu", "RAM", host.ram_total_bytes, host.ram_available_bytes), _anonymous_bytes())
    machine = read_machine_now()
    gpu = own_gpu(machine.gpus) if machine else None
    if gpu is None or gpu.total_bytes is None or gpu.free_bytes is None:
        free, total = torch.cuda.mem_get_info(device)
        return Budget("cuda", torch.cuda.get_device_name(device), total, free)
    name, others = gpu.name or f"GPU {gpu.index}", gpu.others(own_pids(gpu))
    return _with_own(Budget("cuda", name, gpu.total_bytes, gpu.free_bytes, gpu, others), own_bytes(gpu))


def _with_own(budget: Budget, own: int) -> Budget:
    return replace(budget, available_bytes=min(budget.total_bytes, budget.available_bytes + own))


def _anonymous_bytes() -> int:
    """RAM of this process that is no file's: the libraries' share of an estimate, already taken."""
    used = psutil.Process().memory_info()
    return int(used.rss - getattr(used, "shared", 0))


def _is_auto(config: RunConfig, dotted: str) -> bool:
    section, field = dotted.split(".")
    return dotted in AUTO_FIELDS and getattr(getattr(config, section), field) == "auto"


def _shape(card: ModelCard, sink: Sink) -> ModelShape | None:
    """The model's dimensions, by the name people know it by; what is guessed of them is said."""
    try:
        shape = from_folder(card.path)
    except TunedeckError as error:
        sink(ev.Warn(message=Message("events.no-estimate", reason=error.reason)))
        return None
    if "architecture" in shape.guessed:
        family = shape.family or Message("events.no-model-type")
        sink(ev.Warn(message=Message("events.unknown-architecture", family=family)))
    return replace(shape, name=card.name)


def _without_estimate(
    config: RunConfig, kept: Mapping[str, Any], longest: int, placement: Placement, sink: Sink
) -> RunMemory:
    """What is safe where nothing can be estimated: layers recomputed, and the rehearsal finds what fits."""
    most = max(longest, MOST_TOKENS["cuda" if placement.device.type == "cuda" else "cpu"])
    safe: dict[str, Any] = dict(zip(AUTO_FIELDS, ("none", True, most, "adamw", False), strict=True))
    chosen = {field: value for field, value in safe.items() if _is_auto(config, field)}
    config = config.with_settings(chosen)
    settings = {**kept, **chosen}
    sink(
        ev.MemoryPlan(
            device=placement.device.type, longest_row=longest, settings=settings,
            reasons=dict.fromkeys(chosen, _UNKNOWN) | dict.fromkeys(kept, _KEPT),
            micro_batch_tokens=config.train.micro_batch_tokens,  # type: ignore[arg-type]
        )
    )  # fmt: skip
    return RunMemory(config, settings)


def _of_batch(plan: Estimate, batch: Batch) -> Estimate:
    """The estimate for ``batch``; packed, a token's scores are as many as its row is long, on average."""
    row_tokens, packed = batch.row_tokens, batch.padded_tokens if plan.job.packed_tokens else 0
    if packed and computes_row_by_row(plan.job.attention):
        row_tokens = padded_length(-(-sum(length**2 for length in batch.lengths) // packed))
    rows = len(batch.lengths)
    share = batch.supervised_tokens / (packed or rows * row_tokens)
    job = replace(plan.job, rows=rows, row_tokens=row_tokens, supervised_share=share, packed_tokens=packed)
    return estimate(job, plan.profile)


def _tell(
    plan: RunMemory, expected: Estimate, budget: Budget, verdict: Verdict, longest: int, reasons: dict[str, Message],
    sink: Sink,
) -> None:  # fmt: skip
    assert plan.fit is not None
    sink(
        ev.MemoryPlan(
            device=budget.device, name=budget.name, total_bytes=int(budget.total_bytes),
            available_bytes=int(budget.available_bytes), needed_bytes=int(expected.needed_bytes),
            allocated_bytes=int(expected.allocated_bytes), shown_bytes=int(expected.shown_bytes(budget.total_bytes)),
            peak_phase=expected.peak.name, phases={phase.name: int(phase.bytes) for phase in expected.phases},
            terms={name: int(size) for name, size in expected.peak.terms.items() if size},
            verdict=verdict.message, longest_row=longest, micro_batch_tokens=plan.micro_batch_tokens,
            settings=plan.settings, reasons=reasons,
            others=others_on(budget.gpu) if budget.gpu else [],
        )
    )  # fmt: skip
    if verdict.level != "too much":
        return
    changes = tuple(change.message for change in plan.fit.plan().changes[:3])
    told = Message(
        "events.does-not-fit", needed=int(expected.needed_bytes), phase=expected.peak.title,
        device=budget.name, free=int(budget.available_bytes),
        help=Message("runs.memory-remedies", changes=changes) if changes else Message("runs.memory-shorten"),
    )  # fmt: skip
    sink(ev.Warn(message=told))
