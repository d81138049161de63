"""How fast a job trains, in tokens a second: from runs on this machine, from a probe, or from the work it takes."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine import paths
from engine.memory import records
from engine.memory.cards import peak_tflops
from engine.memory.job import Job
from engine.memory.speed import cost_per_token, passes

NAME = "pace.jsonl"
NEWEST = 20
"""Of one kind of run so many count, the newest: drivers and libraries change."""
GPU_UTILISATION = 0.3
"""Share of a card's dense 16-bit peak that LoRA training of a few billion weights commonly reaches."""
CORE_FLOPS = 5e10
"""Floating-point operations a second that one core of a server's CPU reaches in training; others differ twofold."""
LAUNCH_S = 4e-4
"""Of a layer in a pass: some forty operations of ten microseconds each, however little they compute."""
CPU = "CPU"

Kind = Literal["run", "probe"]


@dataclass(frozen=True)
class Pace:
    """One measurement: tokens of rows (without padding) a second. ``at``: seconds since the epoch.

    ``method`` is what ``method_of`` makes of a job; ``micro_batch_tokens`` the padded tokens computed at once.
    """

    model: str
    method: str
    device: str
    tokens_per_second: float
    micro_batch_tokens: int
    kind: Kind = "run"
    at: float = 0.0


@dataclass(frozen=True)
class Expected:
    """``origin`` says where the figure is from: "measured here in 3 runs", "from FLOPs, rough"."""

    tokens_per_second: float
    origin: str

    def times(self, devices: int) -> Expected:
        """The pace of several devices together: adding up an adapter's gradients takes next to nothing."""
        return replace(self, tokens_per_second=self.tokens_per_second * devices)


def method_of(job: Job) -> str:
    """What decides a model's pace on a device: "lora nf4-dq recomputed"."""
    return f"{job.method} {job.quantization}" + ("" if job.checkpointing == "none" else " recomputed")


def device_of(name: str) -> str:
    """A device's name in the history: processors have one, however many threads they run."""
    return CPU if name == "RAM" or name.upper().startswith("CPU") else name


def history_file() -> Path:
    return paths.home() / NAME


def record(
    model: str, method: str, device_name: str, tokens_per_second: float, micro_batch_tokens: int,
    kind: Kind = "run", file: Path | None = None,
) -> None:  # fmt: skip
    """Append one measurement. Senseless ones are left out; a history that can't be written is no reason to fail."""
    seen = Pace(
        model, method, device_of(device_name), round(tokens_per_second, 3), micro_batch_tokens, kind, time.time()
    )
    if _makes_sense(seen):
        records.append(file or history_file(), [seen])


def read(file: Path | None = None) -> list[Pace]:
    """All measurements, oldest first; lines that can't be read are skipped."""
    return records.read(file or history_file(), Pace, _makes_sense)


def expected(job: Job, device_name: str, history: Sequence[Pace] = (), cores: int = 1) -> Expected | None:
    """Tokens a second of ``job`` on ``device_name`` (a GPU's name, or "CPU" with ``cores``).

    Best is what runs of the same model and method measured here, then a probe, then the model with another method,
    scaled by the work each takes. None for a GPU that nothing is known of.
    """
    device = device_of(device_name)
    here = [seen for seen in history if seen.device == device and seen.model == job.shape.name]
    same = [seen for seen in here if seen.method == method_of(job)]
    for kind, words in (("run", "measured here in {}"), ("probe", "from a probe of three steps here")):
        of_kind = [seen for seen in same if seen.kind == kind][-NEWEST:]
        if of_kind:
            return Expected(_median(job, device, of_kind), words.format(_runs(len(of_kind))))
    if here:
        newest = here[-NEWEST:]
        return Expected(_median(job, device, newest), f"scaled from {_runs(len(newest))} here with another method")
    return _from_flops(job, device, cores)


def flops_per_token(job: Job) -> float:
    """Floating-point operations a token takes in training: 2 a weight it passes, in each pass, and causal attention.

    The head counts for supervised tokens only, as in our loop; of experts those a token visits.
    """
    shape = job.shape
    active = shape.block_weights
    if shape.experts:
        active -= round(shape.expert_weights * (1 - shape.experts_per_token / shape.experts))
    head = job.supervised_share * shape.embedding_weights
    attention = 2.0 * job.row_tokens * shape.query_width * shape.layers
    return passes(job) * (2.0 * (active + head) + attention)


def _from_flops(job: Job, device: str, cores: int) -> Expected | None:
    """Computing at a stated share of the peak, and starting the operations of each layer."""
    peak = peak_tflops(device)
    if device != CPU and peak is None:
        return None
    if peak is None:
        computing_s = job.tokens * flops_per_token(job) / (cores * CORE_FLOPS)
    else:
        overhead = cost_per_token(job) / passes(job)
        computing_s = job.tokens * flops_per_token(job) * overhead / (GPU_UTILISATION * peak * 1e12)
    launching_s = LAUNCH_S * job.shape.layers * passes(job)
    return Expected(job.tokens / (computing_s + launching_s), "from FLOPs, rough")


def _median(job: Job, device: str, measured: Sequence[Pace]) -> float:
    return statistics.median(seen.tokens_per_second * _scale(job, device, seen) for seen in measured)


def _scale(job: Job, device: str, seen: Pace) -> float:
    """Pace of ``job`` over that of the job that was measured."""
    was = replace(
        job,
        rows=max(1, seen.micro_batch_tokens // job.row_tokens),
        method="dora" if "dora" in seen.method.split() else "lora",
        quantization=next((q for q in ("nf4-dq", "nf4", "int8") if q in seen.method.split()), "none"),
        checkpointing="layers" if "recomputed" in seen.method else "none",
    )
    if device == CPU:  # larger pieces fill a GPU better; a processor is full at once
        return passes(was) / passes(job)
    return cost_per_token(was) / cost_per_token(job)


def _runs(count: int) -> str:
    return f"{count} run" + ("s" if count > 1 else "")


def _makes_sense(seen: Pace) -> bool:
    texts = (seen.model, seen.method, seen.device, seen.kind)
    numbers = (seen.tokens_per_second, seen.micro_batch_tokens, seen.at)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
        and 0 < seen.tokens_per_second < 1e8
        and seen.micro_batch_tokens > 0
    )
