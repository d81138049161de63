"""The machine in a few words for the first line of home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.machine.gpus import Gpu
    from engine.machine.snapshot import Machine

NOTICEABLE_SHARE = 0.01
NOTICEABLE_CELSIUS = 3


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
    """Whether it is worth sending over the line: another GPU, or figures that moved more than they always do."""
    if before is None or _who(before) != _who(now):
        return True
    moved = abs(before.budget_bytes - now.budget_bytes)
    then, here = (machine.freest.temperature_celsius if machine.freest else None for machine in (before, now))
    warmer = (then is None) != (here is None) or abs((here or 0) - (then or 0)) >= NOTICEABLE_CELSIUS
    return moved >= NOTICEABLE_SHARE * now.budget_total_bytes or warmer


def _who(machine: Machine) -> tuple[object, ...]:
    freest = machine.freest
    return len(machine.gpus), freest and (freest.index, freest.uuid), any(gpu.trouble for gpu in machine.gpus)
