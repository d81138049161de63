"""The machine in a few words for the first line of home, and which of its changes are worth showing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.machine.snapshot import Machine

NOTICEABLE_SHARE = 0.01
NOTICEABLE_CELSIUS = 3
NOTICEABLE_PERCENT = 10


def machine_line(machine: Machine) -> str:
    """The freest GPU with its room and temperature; without one, why not and the RAM."""
    gpu, host = machine.freest, machine.host
    if gpu is not None:
        heat = "" if gpu.temperature_celsius is None else f"  {gpu.temperature_celsius} C"
        count = f"{len(machine.gpus)} x " if len(machine.gpus) > 1 else ""
        name = f"{count}{short_name(gpu)}"
        return text("home.gpu-free", name=name, free=gpu.free_bytes, total=gpu.total_bytes) + heat
    missing = "home.gpu-lost" if any(gpu.trouble for gpu in machine.gpus) else "home.no-gpu"
    if machine.unused:
        missing = "home.gpu-unused"
    ram = text("home.ram-free", free=host.ram_available_bytes, total=host.ram_total_bytes)
    return f"{text(missing)}  {ram}"


def short_name(gpu: Gpu) -> str:
    """A GPU's name without its maker's."""
    return shorten((gpu.name or f"GPU {gpu.index}").removeprefix("NVIDIA ").removeprefix("GeForce "), 28)


def is_news(before: Machine | None, now: Machine) -> bool:
    """Whether it is worth sending over the line: other GPUs or users, or figures that moved more than usual."""
    if before is None or _who(before) != _who(now):
        return True
    moved = abs(before.host.ram_available_bytes - now.host.ram_available_bytes)
    pairs = zip(before.gpus, now.gpus, strict=True)
    return moved >= NOTICEABLE_SHARE * now.host.ram_total_bytes or any(_has_moved(*pair) for pair in pairs)


def _has_moved(then: Gpu, now: Gpu) -> bool:
    def by(before: int | None, here: int | None, least: float) -> bool:
        return (before is None) != (here is None) or abs((here or 0) - (before or 0)) >= least

    return (
        by(then.free_bytes, now.free_bytes, NOTICEABLE_SHARE * (now.total_bytes or 1))
        or by(then.temperature_celsius, now.temperature_celsius, NOTICEABLE_CELSIUS)
        or by(then.utilization_percent, now.utilization_percent, NOTICEABLE_PERCENT)
    )


def _who(machine: Machine) -> tuple[object, ...]:
    freest = machine.freest
    each = [
        (gpu.index, gpu.uuid, gpu.trouble, sorted({process.user or "" for process in gpu.processes or ()}))
        for gpu in machine.gpus
    ]
    return freest and (freest.index, freest.uuid), *map(str, each)
