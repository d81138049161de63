"""The memory a run can have: of one GPU or of the RAM, with what others hold of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.machine.gpus import Gpu
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Budget:
    """``available_bytes`` of ``total_bytes`` are free for the run on ``device``; ``name`` is for people.

    ``gpu`` is the one it is read from, None for RAM and for a size that was typed in. ``others`` hold the rest,
    the largest first. ``unused`` says why a run on the CPU takes no GPU of those there are, and what to do.
    """

    device: Device
    name: str
    total_bytes: float
    available_bytes: float
    gpu: Gpu | None = None
    others: tuple[GpuProcess, ...] = ()
    unused: str = ""

    @property
    def used_bytes(self) -> float:
        return max(0.0, self.total_bytes - self.available_bytes)


def budget_of(machine: Machine, gpus: str = "auto") -> Budget:
    """What each process of a run with ``launch.gpus`` = ``gpus`` can have on ``machine``.

    auto is the freest GPU, or RAM without one; of several GPUs the one with least free memory counts, and processes on
    the CPU share the RAM. Raises MachineError when a named GPU is not there, can't be used by the installed torch or
    does not say how much memory it has, and for auto where the GPUs that are there can't be used by a torch for GPUs.
    """
    named = [name.strip() for name in gpus.split(",")]
    if set(named) == {"cpu"}:
        return shared(_ram(machine), len(named))
    if gpus == "auto" and machine.freest is None:
        _refuse([gpu for gpu in machine.gpus if gpu.unusable and not gpu.unusable.falls_to_cpu])
        return replace(_ram(machine), unused=machine.unused)
    chosen = [machine.freest] if gpus == "auto" else [machine.gpu(name) for name in named]
    _refuse([each for each in chosen if each is not None and each.unusable])
    _one_per_card([each for each in chosen if each is not None])
    gpu = min((each for each in chosen if each is not None), key=lambda each: each.free_bytes or 0)
    if gpu.total_bytes is None or gpu.free_bytes is None:
        raise MachineError(
            "This GPU does not tell its memory",
            f"GPU {gpu.index}: {gpu.trouble or 'memory is not available'}",
            "Choose another GPU, or launch.gpus = cpu.",
        )
    return Budget("cuda", gpu.name or f"GPU {gpu.index}", gpu.total_bytes, gpu.free_bytes, gpu, gpu.others())


def device_budget(config: RunConfig, machine: Machine) -> Budget:
    """``budget_of`` the devices of ``config``. Raises MachineError too where they would compute in different dtypes.

    Gradients of one dtype can't be added to those of another: those of float16 are scaled.
    """
    budget = budget_of(machine, config.launch.gpus)
    if config.model.dtype == "auto" and not {"auto", "cpu"} & set(config.launch.devices):
        gpus = [machine.gpu(name) for name in config.launch.devices]
        without = [gpu.label for gpu in gpus if gpu.has_bf16 is False]
        if without and len(without) < len(gpus):
            raise MachineError(
                "These GPUs have no dtype in common by themselves",
                f"launch.gpus = {config.launch.gpus}: GPU {', '.join(without)} has no bfloat16, the others have.",
                'Set model.dtype = "float16" for all of them, or name GPUs of one kind.',
            )
    return budget


def _refuse(barred: list[Gpu]) -> None:
    """Raise MachineError for the first GPU that the installed torch can't use."""
    for gpu in barred:
        if gpu.unusable is not None:
            raise MachineError("The GPU can't be used", f"GPU {gpu.label}: {gpu.unusable.words}", gpu.unusable.mend)


def _one_per_card(chosen: list[Gpu]) -> None:
    """NCCL, which adds up gradients, takes each card once. Raises MachineError for two names or parts of one card."""
    named = ", ".join(gpu.label for gpu in chosen)
    if len({gpu.key for gpu in chosen}) < len(chosen):
        raise MachineError("A GPU is named twice", f"launch.gpus means {named}.", "Name each GPU once.")
    if len({gpu.index for gpu in chosen}) < len(chosen):
        raise MachineError(
            "One run can't use two MIG instances of one GPU", named,
            "Name instances of different GPUs, or one instance, or turn MIG off.",
        )  # fmt: skip


def _ram(machine: Machine) -> Budget:
    host = machine.host
    return Budget("cpu", "RAM", host.ram_total_bytes, host.ram_available_bytes)


def shared(budget: Budget, count: int) -> Budget:
    """The part of one of ``count`` processes, where they have the RAM in common."""
    if budget.device == "cuda" or count == 1:
        return budget
    return replace(
        budget, total_bytes=budget.total_bytes / count, available_bytes=budget.available_bytes / count
    )  # fmt: skip


def elsewhere(size_bytes: float, name: str) -> Budget:
    """A GPU that is not in this machine, all of its memory free."""
    return Budget("cuda", name, size_bytes, size_bytes)
