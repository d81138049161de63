"""Machines for the screens' tests, and a watch that reads them when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from engine.machine.gpus import Gpu, GpuReport
from engine.machine.host import Disk, Host
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine
from engine.messages.message import Message

GIB = 2**30
NO_DRIVER = Message("machine.no-driver")
LOST = Message("machine.gpu-lost")


def host(ram_gib: float = 24.0, free_gib: float = 18.2) -> Host:
    disk = Disk(Path("/runs"), 100 * GIB, 500 * GIB)
    return Host("server", round(ram_gib * GIB), round(free_gib * GIB), 8, 5.0, (disk, disk))


def gpu(index: int = 0, total_gib: float = 79.3, used_gib: float = 0.4, name: str = "NVIDIA H100 80GB HBM3") -> Gpu:
    total, used = round(total_gib * GIB), round(used_gib * GIB)
    return Gpu(
        index, name, f"GPU-{index}1234567", None, total, used, total - used,
        utilization_percent=37, temperature_celsius=41, power_watts=123.5, power_limit_watts=700.0,
        compute_capability=(9, 0), processes=(),
    )  # fmt: skip


def lost(index: int) -> Gpu:
    return Gpu(index, trouble=LOST)


def used_by(card: Gpu, *processes: GpuProcess) -> Gpu:
    """``card`` with the memory of ``processes`` taken."""
    taken = sum(process.memory_bytes or 0 for process in processes)
    assert card.total_bytes is not None
    return replace(card, used_bytes=taken, free_bytes=card.total_bytes - taken, processes=processes)


def process(gib: float, pid: int = 4711, user: str | None = "u17", program: str | None = "python") -> GpuProcess:
    return GpuProcess(pid, round(gib * GIB), user, program, program and f"{program} train.py")


def no_gpu(free_gib: float = 18.2) -> Machine:
    return Machine(GpuReport(problem=NO_DRIVER), (), host(free_gib=free_gib))


def with_gpus(*cards: Gpu) -> Machine:
    return Machine(GpuReport(cards, "575.51.03"), cards, host())


class FakeWatch:
    """Stands in for the watch of a World: tells ``machine`` at its start, and what ``read`` is given later."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.started = self.stopped = 0
        self.interval_s = 1.0
        self._on_reading: Callable[[Machine], None] | None = None

    def __call__(self, runs: Path, on_reading: Callable[[Machine], None]) -> FakeWatch:
        self.started += 1
        self._on_reading = on_reading
        on_reading(self.machine)
        return self

    def read(self, machine: Machine) -> None:
        """The machine is another now."""
        self.machine = machine
        if self._on_reading is not None:
            self._on_reading(machine)

    def pace(self, interval_s: float) -> None:
        self.interval_s = interval_s

    def stop(self) -> None:
        self.stopped += 1
