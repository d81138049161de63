"""The GPU this process computes on, as NVML knows it: who else is on it, and how it is doing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import psutil

from engine.machine.gpus import Gpu
from engine.machine.processes import sees_host_pids
from engine.machine.snapshot import Machine
from engine.runs import events as ev

MOST_OTHERS = 8
MOST_BESIDE = 2 * 2**30
"""What a process may hold of a GPU beside torch's memory."""


def own_gpu(gpus: Sequence[Gpu]) -> Gpu | None:
    """Of the GPUs that CUDA_VISIBLE_DEVICES leaves the one that torch calls 0; None when NVML can't tell."""
    uuid = _torch_uuid()
    if uuid is not None:
        found = next((gpu for gpu in gpus if gpu.uuid is not None and uuid in gpu.uuid), None)
        if found is not None:
            return found
    return gpus[0] if gpus else None


def own_bytes(gpu: Gpu) -> int:
    """What this process holds of ``gpu``: as NVML counts it, else what torch's allocator has."""
    pids = own_pids(gpu)
    found = sum(process.memory_bytes or 0 for process in gpu.processes or () if process.pid in pids[:1])
    torch = _torch_on_gpu()
    return found or (0 if torch is None else int(torch.cuda.memory_reserved(0)))


def own_pids(gpu: Gpu) -> list[int]:
    """This process's number as NVML says it, and those of the processes it started to train along.

    In a container NVML's numbers are the host's. This process is then the one that holds as much as torch has here,
    and the least beside it: a context and libraries.
    """
    if sees_host_pids():
        return _own_pids()
    torch = _torch_on_gpu()
    if torch is None:
        return []
    held = int(torch.cuda.memory_reserved(0))
    over = {p.pid: (p.memory_bytes or 0) - held for p in gpu.processes or ()}
    likely = [pid for pid, more in over.items() if 0 <= more <= MOST_BESIDE]
    return [min(likely, key=lambda pid: over[pid])] if likely else []


def others_on(gpu: Gpu) -> list[ev.ProcessUse]:
    """Other people's processes, the largest first."""
    return [
        ev.ProcessUse(pid=process.pid, user=process.user, program=process.program, memory=process.memory_bytes)
        for process in gpu.others(own_pids(gpu))[:MOST_OTHERS]
    ]


def run_gpus(machine: Machine, devices: Sequence[str]) -> list[ev.GpuUse]:
    """How the GPUs of a run on ``devices`` (of ``choose_devices``) are doing, this process's own first.

    The others' are hidden from this process, and one that NVML has lost has no figures.
    """
    own = own_gpu(machine.gpus)
    found = [] if own is None else [_use(own, _torch_on_gpu())]
    for name in devices[1:]:
        found += [_use(gpu, None) for gpu in machine.report.gpus if name in (gpu.uuid, str(gpu.index))][:1]
    return found


def _use(gpu: Gpu, torch: Any) -> ev.GpuUse:
    """With what ``torch`` holds of it; None where another process of the run computes."""
    return ev.GpuUse(
        index=gpu.index, name=gpu.name, total=gpu.total_bytes, used=gpu.used_bytes,
        reserved=None if torch is None else torch.cuda.memory_reserved(0),
        peak_allocated=None if torch is None else torch.cuda.max_memory_allocated(0),
        utilization=gpu.utilization_percent, temperature=gpu.temperature_celsius, power=gpu.power_watts,
        others=others_on(gpu),
    )  # fmt: skip


def _own_pids() -> list[int]:
    """This process and those it started to train along."""
    try:
        return [os.getpid(), *(child.pid for child in psutil.Process().children())]
    except psutil.Error:
        return [os.getpid()]


def _torch_on_gpu() -> Any:
    """torch once it computes on a GPU; asking never makes it begin to."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    ready = getattr(cuda, "is_initialized", None)
    return torch if ready is not None and ready() else None


def _torch_uuid() -> str | None:
    torch = _torch_on_gpu()
    if torch is None:
        return None
    uuid = getattr(torch.cuda.get_device_properties(0), "uuid", None)
    return None if uuid is None else str(uuid).removeprefix("GPU-")
