"""The memory a run can have: of one GPU or of the RAM, with what others hold of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.machine.gpus import Gpu
from engine.machine.processes import GpuProcess
from engine.machine.snapshot import Machine
from engine.messages.message import Message

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Budget:
    """``available_bytes`` of ``total_bytes`` are free for the run on ``device``; ``name`` is for people.

    ``gpu`` is the one it is read from, None for RAM and for a size that was typed in. ``others`` hold the rest,
    the largest first. ``unused`` says why a run on the CPU takes no GPU of those there are.
    """

    device: Device
    name: str
    total_bytes: float
    available_bytes: float
    gpu: Gpu | None = None
    others: tuple[GpuProcess, ...] = ()
    unused: Message | None = None

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
        reason = gpu.trouble or Message("memory.no-memory-figure")
        raise MachineError("memory.memory-unknown", gpu=gpu.index, reason=reason)
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
            raise MachineError("memory.no-common-dtype", gpus=config.launch.gpus, without=without)
    return budget


def _refuse(barred: list[Gpu]) -> None:
    """Raise MachineError for the first GPU that the installed torch can't use."""
    for gpu in barred:
        if gpu.unusable is not None:
            raise MachineError(
                "memory.gpu-unusable", gpu=gpu.label, reason=gpu.unusable.reason, advice=gpu.unusable.advice
            )


def _one_per_card(chosen: list[Gpu]) -> None:
    """NCCL, which adds up gradients, takes each card once. Raises MachineError for two names or parts of one card."""
    named = [gpu.label for gpu in chosen]
    if len({gpu.key for gpu in chosen}) < len(chosen):
        raise MachineError("memory.gpu-named-twice", gpus=named)
    if len({gpu.index for gpu in chosen}) < len(chosen):
        raise MachineError("memory.one-instance-per-gpu", gpus=named)


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
