"""How fast a job trains, in tokens a second: from runs on this machine, from a probe, or from the work it takes."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from engine.common import paths
from engine.machine.cpu_specs import Cpu
from engine.machine.gpu_specs import card_of
from engine.memory.history import append_lines, read_lines
from engine.memory.job import Job, Profile
from engine.memory.speed import CPU, seconds_per_token
from engine.messages.message import Message

NAME = "pace.jsonl"
NEWEST = 20
"""Of one kind of run so many count, the newest: drivers and libraries change."""
PUBLISHED_FOR = ("4090", "a6000", "a100", "h100")
"""Cards with published speeds of plain LoRA on 7 to 8 billion weights, which the computed pace agrees with."""
NEAR = 8.0
"""A model up to so many times smaller or larger than those is like them."""
PUBLISHED_WEIGHTS = 7.5e9

Kind = Literal["run", "probe"]
Basis = Literal["run", "probe", "other method", "published", "computed"]
"""A run or a probe here, another method of the model here, computed as published figures bear out, or only computed."""


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
    """``basis`` is where the figure is from, ``origin`` the same for people: "measured here in 3 runs"."""

    tokens_per_second: float
    origin: Message
    basis: Basis = "run"

    @property
    def rough(self) -> bool:
        """Whether it is neither measured here nor near a published figure."""
        return self.basis == "computed"

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
        append_lines(file or history_file(), [seen])


def read(file: Path | None = None) -> list[Pace]:
    """All measurements, oldest first; lines that can't be read are skipped."""
    return read_lines(file or history_file(), Pace, _makes_sense)


def expected(
    job: Job, profile: Profile, device_name: str, history: Sequence[Pace] = (), cpu: Cpu = Cpu()
) -> Expected | None:
    """Tokens a second of ``job`` on ``device_name`` (a GPU's name, or "CPU", which ``cpu`` tells of).

    Best is what runs of the same model and method measured here, then a probe, then the model with another method,
    scaled by the work each takes. None for a GPU that nothing is known of.
    """
    device = device_of(device_name)
    here = [seen for seen in history if seen.device == device and seen.model == job.shape.name]
    same = [seen for seen in here if seen.method == method_of(job)]
    for kind in ("run", "probe"):
        of_kind = [seen for seen in same if seen.kind == kind][-NEWEST:]
        if of_kind:
            origin = Message("memory.pace-run", runs=len(of_kind)) if kind == "run" else Message("memory.pace-probe")
            return Expected(_median(job, profile, device, of_kind), origin, kind)
    if here:
        newest = here[-NEWEST:]
        rate, origin = _median(job, profile, device, newest), Message("memory.pace-other-method", runs=len(newest))
        return Expected(rate, origin, "other method")
    if device != CPU and card_of(device) is None:
        return None
    origin = Message("memory.pace-cpu" if device == CPU else "memory.pace-gpu")
    rate = 1 / seconds_per_token(job, profile, device, cpu)
    return Expected(rate, origin, "published" if is_near_published(job, profile, device) else "computed")


def is_near_published(job: Job, profile: Profile, device: str) -> bool:
    """Whether somebody has published the speed of a job like this on such a card."""
    card = card_of(device)
    known = card is not None and any(card == card_of(name) for name in PUBLISHED_FOR)
    size = job.shape.parameters / PUBLISHED_WEIGHTS
    plain = job.method == "lora" and job.quantization in ("none", "nf4", "nf4-dq") and not job.shape.is_moe
    return known and plain and profile.linear_output_bytes == 2 and 1 / NEAR <= size <= NEAR


def _median(job: Job, profile: Profile, device: str, measured: Sequence[Pace]) -> float:
    return statistics.median(seen.tokens_per_second * _scale(job, profile, device, seen) for seen in measured)


def _scale(job: Job, profile: Profile, device: str, seen: Pace) -> float:
    """Pace of ``job`` over that of the job that was measured."""
    was = replace(
        job,
        method="dora" if "dora" in seen.method.split() else "lora",
        quantization=next((q for q in ("nf4-dq", "nf4", "int8") if q in seen.method.split()), "none"),
        checkpointing="layers" if "recomputed" in seen.method else "none",
    )
    if device != CPU:  # larger pieces fill a GPU better; a processor is full at once
        was = replace(was, rows=max(1, seen.micro_batch_tokens // job.row_tokens))
        if job.packed_tokens:
            was = replace(was, packed_tokens=max(job.row_tokens, seen.micro_batch_tokens))
    return seconds_per_token(was, profile, device) / seconds_per_token(job, profile, device)


def _makes_sense(seen: Pace) -> bool:
    texts = (seen.model, seen.method, seen.device, seen.kind)
    numbers = (seen.tokens_per_second, seen.micro_batch_tokens, seen.at)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers)
        and 0 < seen.tokens_per_second < 1e8
        and seen.micro_batch_tokens > 0
    )
