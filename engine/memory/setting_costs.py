"""What one step more of a setting costs: memory and time for twice the rank, twice the length, and the like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.machine.gpu_specs import GIB
from engine.memory.estimate import Estimate, judge
from engine.memory.from_config import Setup, estimate_run, job_of
from engine.memory.speed import slow_down

NOTHING_BYTES = 0.005 * GIB
NOTICEABLE_TIME = 0.005
HIGHEST = {"adapter.r": 1024, "dataset.max_length": 1_048_576, "train.batch_size": 65_536}
DROPOUT_STEP = 0.05
_NO_TIME = ("dataset.max_length",)  # other rows are trained on then: no time to compare


@dataclass(frozen=True)
class StepCost:
    """``field`` at ``value``, one step from where it stands: bytes more needed at the peak (negative: saved).

    ``slow_down``: time per token over the present one, less 1, from floating-point operations (0.5: half as long
    again). ``label`` names the step. ``lacks_bytes``: what would then be missing, 0 when it fits. ``why`` explains
    a step that costs nothing.
    """

    field: str
    value: object
    label: str
    extra_bytes: float
    slow_down: float
    lacks_bytes: float
    why: str = ""

    @property
    def memory(self) -> str:
        """ "+0.31 GiB", "-9.9 GiB", "no memory"."""
        if abs(self.extra_bytes) < NOTHING_BYTES:
            return "no memory"
        size = self.extra_bytes / GIB
        return f"{size:+.2f} GiB" if abs(size) < 10 else f"{size:+.1f} GiB"

    @property
    def time(self) -> str:
        """ "50% slower", "33% less time", "" when it is the same."""
        share = f"{abs(self.slow_down) * 100:.0f}%"
        if abs(self.slow_down) < NOTICEABLE_TIME or self.field in _NO_TIME:
            return ""
        return f"{share} slower" if self.slow_down > 0 else f"{share} less time"

    @property
    def short(self) -> str:
        """The memory alone: "rank 32: +0.31 GiB"."""
        return f"{self.label}: {self.memory}"

    @property
    def text(self) -> str:
        """The whole sentence: "recomputing off: +7.10 GiB, 33% less time; would not fit"."""
        told = ", ".join(filter(None, (self.short, self.time)))
        told += f" ({self.why})" if self.why else ""
        return told + ("; would not fit" if self.lacks_bytes > 0 else "")


def step_costs(setup: Setup, available_bytes: float) -> dict[str, StepCost]:
    """One step of every field that can cost memory, by its dotted name; about a millisecond.

    ``setup`` is a run in which nothing is auto any more: everything but the one field stays as it is.
    """
    before = estimate_run(setup)
    found = {field: _cost(field, step, setup, before, available_bytes) for field, step in _STEPS.items()}
    return {field: cost for field, cost in found.items() if cost is not None}


def _cost(
    field: str,
    step: Callable[[Setup], tuple[object, str] | None],
    setup: Setup,
    before: Estimate,
    available_bytes: float,
) -> StepCost | None:
    taken = step(setup)
    if taken is None:
        return None
    value, label = taken
    after_setup = setup.with_settings({field: value})
    after = estimate_run(after_setup)
    extra = after.needed_bytes - before.needed_bytes
    return StepCost(
        field=field,
        value=value,
        label=label,
        extra_bytes=extra,
        slow_down=slow_down(before, after, setup.device_name),
        lacks_bytes=max(0.0, -judge(after, available_bytes).spare_bytes),
        why=_why_nothing(field, setup, after_setup) if abs(extra) < NOTHING_BYTES else "",
    )


def _why_nothing(field: str, before: Setup, after: Setup) -> str:
    if field == "train.batch_size":
        return "it is cut into micro-batches"
    if field == "dataset.max_length":
        if after.row_tokens == before.row_tokens:
            return f"no row is longer than {before.longest_row or before.row_tokens:,}"
        return f"{job_of(after).rows} rows at once instead of {job_of(before).rows}"
    if field == "train.micro_batch_tokens":
        return "a step has no more rows to take at once"
    return ""


def _doubled(field: str, unit: str) -> Callable[[Setup], tuple[object, str] | None]:
    section, name = field.split(".")

    def step(setup: Setup) -> tuple[object, str] | None:
        value = getattr(getattr(setup.config, section), name)
        if not isinstance(value, int) or 2 * value > HIGHEST.get(field, 1 << 40):
            return None
        return 2 * value, f"{unit} {2 * value:,}".strip() if unit else f"{2 * value:,}"

    return step


def _checkpointing(setup: Setup) -> tuple[object, str]:
    recomputes = job_of(setup).checkpointing != "none"
    return not recomputes, f"recomputing {'off' if recomputes else 'on'}"


def _quantization(setup: Setup) -> tuple[object, str]:
    packed = setup.config.model.quantization == "nf4"
    return ("none", "16-bit weights") if packed else ("nf4", "4-bit weights")


def _double_quant(setup: Setup) -> tuple[object, str] | None:
    if setup.config.model.quantization != "nf4":
        return None
    now = setup.config.model.double_quant
    return not now, f"double quantization {'off' if now else 'on'}"


def _optimizer(setup: Setup) -> tuple[object, str] | None:
    if setup.device == "cpu":
        return None
    eight = setup.config.train.optim in ("adamw_8bit", "paged_adamw_8bit")
    return ("adamw", "32-bit states") if eight else ("adamw_8bit", "8-bit states")


def _dora(setup: Setup) -> tuple[object, str]:
    now = setup.config.adapter.use_dora
    return not now, "plain LoRA" if now else "DoRA"


def _dropout(setup: Setup) -> tuple[object, str]:
    now = setup.config.adapter.lora_dropout
    return (0.0, "no dropout") if now else (DROPOUT_STEP, f"dropout {DROPOUT_STEP}")


_STEPS: dict[str, Callable[[Setup], tuple[object, str] | None]] = {
    "adapter.r": _doubled("adapter.r", "rank"),
    "dataset.max_length": _doubled("dataset.max_length", "rows to"),
    "train.batch_size": _doubled("train.batch_size", "batch"),
    "train.micro_batch_tokens": _doubled("train.micro_batch_tokens", ""),
    "train.gradient_checkpointing": _checkpointing,
    "model.quantization": _quantization,
    "model.double_quant": _double_quant,
    "train.optim": _optimizer,
    "adapter.use_dora": _dora,
    "adapter.lora_dropout": _dropout,
}
