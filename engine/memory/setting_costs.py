"""What one step more of a setting costs: memory and time for twice the rank, twice the length, and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.machine.gpu_specs import GIB
from engine.memory.estimate import Estimate, judge
from engine.memory.from_config import Setup, estimate_run, job_of
from engine.memory.speed import slow_down
from engine.messages.message import Message

NOTHING_BYTES = 0.005 * GIB
NOTICEABLE_TIME = 0.005
HIGHEST = {"adapter.r": 1024, "dataset.max_length": 1_048_576, "train.batch_size": 65_536}
DROPOUT_STEP = 0.05
Step = tuple[object, Message]
"""The value one step on, and the step's name."""
_NO_TIME = ("dataset.max_length",)  # other rows are trained on then: no time to compare


@dataclass(frozen=True)
class StepCost:
    """``field`` at ``value``, one step from where it stands: bytes more needed at the peak (negative: saved).

    ``slow_down``: time per token over the present one, less 1, from floating-point operations (0.5: half as long
    again). ``step`` names the step. ``lacks_bytes``: what would then be missing, 0 when it fits. ``why`` explains
    a step that costs nothing.
    """

    field: str
    value: object
    step: Message
    extra_bytes: float
    slow_down: float
    lacks_bytes: float
    why: Message | None = None

    @property
    def is_free(self) -> bool:
        """Whether it takes no memory worth telling."""
        return abs(self.extra_bytes) < NOTHING_BYTES

    @property
    def memory(self) -> Message:
        """ "+0.31 GiB", "-9.9 GiB", "no extra memory"."""
        if self.is_free:
            return Message("memory.costs-nothing")
        return Message(
            "memory.costs-more" if self.extra_bytes > 0 else "memory.costs-less", bytes=abs(self.extra_bytes)
        )

    @property
    def time(self) -> Message | None:
        """ "50% slower", "33% less time", None when it is the same."""
        if abs(self.slow_down) < NOTICEABLE_TIME or self.field in _NO_TIME:
            return None
        return Message("memory.slower" if self.slow_down > 0 else "memory.less-time", share=abs(self.slow_down))

    @property
    def short(self) -> Message:
        """The memory alone: "rank 32: +0.31 GiB"."""
        return Message("memory.cost", step=self.step, memory=self.memory)

    @property
    def message(self) -> Message:
        """All of it: "recomputing off: +7.1 GiB, 33% less time, would not fit"."""
        lacks = Message("memory.would-not-fit") if self.lacks_bytes > 0 else None
        parts = [part for part in (self.memory, self.time, self.why, lacks) if part is not None]
        return Message("memory.cost-line", step=self.step, parts=parts)


def step_costs(setup: Setup, available_bytes: float) -> dict[str, StepCost]:
    """One step of every field that can cost memory, by its dotted name; about a millisecond.

    ``setup`` is a run in which nothing is auto any more: everything but the one field stays as it is.
    """
    before = estimate_run(setup)
    found = {field: _cost(field, step, setup, before, available_bytes) for field, step in _STEPS.items()}
    return {field: cost for field, cost in found.items() if cost is not None}


def _cost(
    field: str,
    step: Callable[[Setup], Step | None],
    setup: Setup,
    before: Estimate,
    available_bytes: float,
) -> StepCost | None:
    taken = step(setup)
    if taken is None:
        return None
    value, name = taken
    after_setup = setup.with_settings({field: value})
    after = estimate_run(after_setup)
    extra = after.needed_bytes - before.needed_bytes
    return StepCost(
        field=field,
        value=value,
        step=name,
        extra_bytes=extra,
        slow_down=slow_down(before, after, setup.device_name),
        lacks_bytes=max(0.0, -judge(after, available_bytes).spare_bytes),
        why=_why_nothing(field, setup, after_setup) if abs(extra) < NOTHING_BYTES else None,
    )


def _why_nothing(field: str, before: Setup, after: Setup) -> Message | None:
    if field == "train.batch_size":
        return Message("memory.split-automatically")
    if field == "dataset.max_length":
        if after.row_tokens == before.row_tokens:
            return Message("memory.no-longer-row", tokens=before.longest_row or before.row_tokens)
        return Message("memory.fewer-rows-at-once", rows=job_of(after).rows, before=job_of(before).rows)
    if field == "train.micro_batch_tokens":
        return Message("memory.no-more-rows")
    return None


def _doubled(field: str, code: str) -> Callable[[Setup], Step | None]:
    section, name = field.split(".")

    def step(setup: Setup) -> Step | None:
        value = getattr(getattr(setup.config, section), name)
        if not isinstance(value, int) or 2 * value > HIGHEST.get(field, 1 << 40):
            return None
        return 2 * value, Message(code, value=2 * value)

    return step


def _checkpointing(setup: Setup) -> Step:
    recomputes = job_of(setup).checkpointing != "none"
    return not recomputes, Message("memory.recomputing-off" if recomputes else "memory.recomputing-on")


def _quantization(setup: Setup) -> Step:
    if setup.config.model.quantization == "nf4":
        return "none", Message("memory.weights-16-bit")
    return "nf4", Message("memory.weights-4-bit")


def _double_quant(setup: Setup) -> Step | None:
    if setup.config.model.quantization != "nf4":
        return None
    now = setup.config.model.double_quant
    return not now, Message("memory.double-quantization-off" if now else "memory.double-quantization-on")


def _optimizer(setup: Setup) -> Step | None:
    if setup.device == "cpu":
        return None
    if setup.config.train.optim in ("adamw_8bit", "paged_adamw_8bit"):
        return "adamw", Message("memory.states-to-32-bit")
    return "adamw_8bit", Message("memory.states-to-8-bit")


def _dora(setup: Setup) -> Step:
    now = setup.config.adapter.use_dora
    return not now, Message("memory.to-lora" if now else "memory.to-dora")


def _dropout(setup: Setup) -> Step:
    if setup.config.adapter.lora_dropout:
        return 0.0, Message("memory.no-dropout")
    return DROPOUT_STEP, Message("memory.dropout-to", value=DROPOUT_STEP)


_STEPS: dict[str, Callable[[Setup], Step | None]] = {
    "adapter.r": _doubled("adapter.r", "memory.rank-to"),
    "dataset.max_length": _doubled("dataset.max_length", "memory.rows-to"),
    "train.batch_size": _doubled("train.batch_size", "memory.batch-to"),
    "train.micro_batch_tokens": _doubled("train.micro_batch_tokens", "memory.micro-batch-to"),
    "train.gradient_checkpointing": _checkpointing,
    "model.quantization": _quantization,
    "model.double_quant": _double_quant,
    "train.optim": _optimizer,
    "adapter.use_dora": _dora,
    "adapter.lora_dropout": _dropout,
}
