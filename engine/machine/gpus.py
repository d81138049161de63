"""One reading of every NVIDIA GPU through NVML: memory, load, abilities, and whose processes are on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from engine.machine.processes import GpuProcess, describe
from engine.messages.message import Message

T = TypeVar("T")

PROBLEMS = {
    "NVMLError_LibraryNotFound": Message("machine.no-driver"),
    "NVMLError_DriverNotLoaded": Message("machine.driver-not-loaded"),
    "NVMLError_LibRmVersionMismatch": Message("machine.driver-replaced"),
    "NVMLError_NoPermission": Message("machine.no-permission"),
}


@dataclass(frozen=True)
class Unusable:
    """Why the installed torch can't compute on a GPU, and what to do.

    ``falls_to_cpu``: a run that names no GPU takes the CPU, as this torch is for CPUs only.
    """

    reason: Message
    advice: Message
    falls_to_cpu: bool = False


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one MIG instance of one (``mig_of`` is then its GPU's index). None means not available.

    ``trouble`` says why a GPU can't be read any more; its last figures are gone with it.
    """

    index: int
    name: str | None = None
    uuid: str | None = None
    mig_of: int | None = None
    total_bytes: int | None = None
    used_bytes: int | None = None
    free_bytes: int | None = None
    utilization_percent: int | None = None
    temperature_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    compute_capability: tuple[int, int] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    trouble: Message | None = None
    unusable: Unusable | None = None

    @property
    def key(self) -> str:
        """What names it in ``launch.gpus``: its index, or the UUID of a MIG instance, which has no index of its own."""
        return str(self.index) if self.mig_of is None or self.uuid is None else self.uuid

    @property
    def label(self) -> str:
        """ "1 Tesla T4"."""
        return f"{self.key} {self.name or ''}".rstrip()

    @property
    def has_bf16(self) -> bool | None:
        """Whether it multiplies in bfloat16 (compute capability 8.0 on)."""
        return None if self.compute_capability is None else self.compute_capability >= (8, 0)

    def others(self, own_pids: Sequence[int] = ()) -> tuple[GpuProcess, ...]:
        """Processes that are not in ``own_pids``, the largest first."""
        foreign = [process for process in self.processes or () if process.pid not in own_pids]
        return tuple(sorted(foreign, key=lambda process: -(process.memory_bytes or 0)))


@dataclass(frozen=True)
class GpuReport:
    """All GPUs in NVML's order. ``problem`` says why there are none to read.

    ``cuda`` is the newest CUDA that the driver runs, a compatibility package of the user's included.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    problem: Message | None = None
    cuda: tuple[int, int] | None = None


class GpuReader:
    """Reads GPUs again and again over one NVML session; never raises. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._nvml: Any = None

    def read(self) -> GpuReport:
        problem = self._open()
        if problem:
            return GpuReport(problem=problem)
        count = self._ask(self._nvml.nvmlDeviceGetCount) or 0
        gpus = tuple(gpu for index in range(count) for gpu in self._read_device(index))
        problem = None if gpus else Message("machine.no-gpu")
        cuda = self._ask(self._nvml.nvmlSystemGetCudaDriverVersion_v2)
        return GpuReport(
            gpus, self._ask(self._nvml.nvmlSystemGetDriverVersion), problem,
            None if cuda is None else (cuda // 1000, cuda % 1000 // 10),
        )  # fmt: skip

    def close(self) -> None:
        if self._nvml is not None:
            self._ask(self._nvml.nvmlShutdown)
            self._nvml = None

    def _open(self) -> Message | None:
        """Start the session if there is none; returns what is wrong."""
        if self._nvml is not None:
            return None
        import pynvml

        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            silent = Message("machine.library-silent", error=str(error))
            return PROBLEMS.get(type(error).__name__, silent)
        self._nvml = pynvml
        return None

    def _ask(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """One value, or None where this GPU, driver or user can't have it."""
        try:
            return function(*arguments)
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError, UnicodeDecodeError):
            return None

    def _read_device(self, index: int) -> list[Gpu]:
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError as error:
            if type(error).__name__ in ("NVMLError_GpuIsLost", "NVMLError_Unknown", "NVMLError_NotFound"):
                return [Gpu(index, trouble=Message("machine.gpu-lost"))]
            if type(error).__name__ != "NVMLError_NotSupported":
                return [Gpu(index, trouble=Message("machine.gpu-silent", error=str(error)))]
        gpu = self._read_handle(handle, index)
        mode = self._ask(nvml.nvmlDeviceGetMigMode, handle)
        return self._mig_instances(handle, gpu) if mode and mode[0] else [gpu]

    def _read_handle(self, handle: Any, index: int) -> Gpu:
        nvml, ask = self._nvml, self._ask
        memory = ask(nvml.nvmlDeviceGetMemoryInfo, handle)
        load = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        power = ask(nvml.nvmlDeviceGetPowerUsage, handle)
        limit = ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        return Gpu(
            index=index,
            name=ask(nvml.nvmlDeviceGetName, handle),
            uuid=ask(nvml.nvmlDeviceGetUUID, handle),
            total_bytes=memory.total if memory else None,
            used_bytes=memory.used if memory else None,
            free_bytes=memory.free if memory else None,
            utilization_percent=load.gpu if load else None,
            temperature_celsius=ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power_watts=power / 1000 if power is not None else None,
            power_limit_watts=limit / 1000 if limit is not None else None,
            compute_capability=ask(nvml.nvmlDeviceGetCudaComputeCapability, handle),
            processes=self._processes(handle),
        )

    def _mig_instances(self, handle: Any, gpu: Gpu) -> list[Gpu]:
        """The instances of a partitioned GPU; without one it can't be used, which is said."""
        nvml, ask = self._nvml, self._ask
        found = []
        for number in range(ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            instance = ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, number)
            if instance is not None:
                read = self._read_handle(instance, gpu.index)
                name = read.name or f"{gpu.name} MIG"
                found.append(
                    replace(read, name=name, mig_of=gpu.index, compute_capability=gpu.compute_capability)
                )  # fmt: skip
        return found or [replace(gpu, trouble=Message("machine.mig-without-instance"))]

    def _processes(self, handle: Any) -> tuple[GpuProcess, ...] | None:
        nvml = self._nvml
        lists = [
            self._ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle),
            self._ask(nvml.nvmlDeviceGetGraphicsRunningProcesses, handle),
        ]
        if all(entries is None for entries in lists):
            return None
        by_pid: dict[int, int | None] = {}
        for entries in lists:
            for entry in entries or ():
                by_pid[entry.pid] = max(entry.usedGpuMemory or 0, by_pid.get(entry.pid) or 0) or None
        return tuple(describe(pid, memory) for pid, memory in sorted(by_pid.items()))


def visible(gpus: Sequence[Gpu], environ: Mapping[str, str] | None = None) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order: indices, or the beginning of a UUID.

    As CUDA does, the list ends at the first entry that names no GPU.
    """
    setting = (os.environ if environ is None else environ).get("CUDA_VISIBLE_DEVICES")
    if setting is None:
        return tuple(gpus)
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in setting.split(",")):
        match = [gpu for gpu in gpus if _names(entry, gpu)]
        if not match or match[0] in chosen:
            break
        # A partitioned GPU named by its index gives its first instance.
        chosen.append(match[0])
    return tuple(chosen)


def _names(entry: str, gpu: Gpu) -> bool:
    if entry.isdigit():
        return int(entry) == gpu.index
    return entry.startswith(("GPU-", "MIG-")) and gpu.uuid is not None and gpu.uuid.startswith(entry)
