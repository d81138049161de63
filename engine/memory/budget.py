"""The memory a run can have: of one GPU or of the RAM, with what others hold of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import MachineError
from engine.machine.gpus import Gpu
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Budget:
    """``available_bytes`` of ``total_bytes`` are free for the run on ``device``; ``name`` is for people.

    ``gpu`` is the one it is read from, None for RAM and for a size that was typed in. ``others`` hold the rest,
    the largest first.
    """

    device: Device
    name: str
    total_bytes: float
    available_bytes: float
    gpu: Gpu | None = None
    others: tuple[GpuProcess, ...] = ()

    @property
    def used_bytes(self) -> float:
        return max(0.0, self.total_bytes - self.available_bytes)


def budget_of(machine: Machine, gpus: str = "auto") -> Budget:
    """What a run with ``launch.gpus`` = ``gpus`` can have on ``machine``: auto is the freest GPU, or RAM without one.

    Raises MachineError when a named GPU is not there or does not say how much memory it has.
    """
    if gpus == "cpu" or (gpus == "auto" and machine.freest is None):
        return _ram(machine)
    gpu = machine.freest if gpus == "auto" else machine.gpu(gpus.split(",")[0])
    assert gpu is not None
    if gpu.total_bytes is None or gpu.free_bytes is None:
        raise MachineError(
            "This GPU does not tell its memory",
            f"GPU {gpu.index}: {gpu.trouble or 'memory is not available'}",
            "Choose another GPU, or launch.gpus = cpu.",
        )
    return Budget("cuda", gpu.name or f"GPU {gpu.index}", gpu.total_bytes, gpu.free_bytes, gpu, gpu.others())


def _ram(machine: Machine) -> Budget:
    host = machine.host
    return Budget("cpu", "RAM", host.ram_total_bytes, host.ram_available_bytes)


def elsewhere(size_bytes: float, name: str) -> Budget:
    """A GPU that is not in this machine, all of its memory free."""
    return Budget("cuda", name, size_bytes, size_bytes)
