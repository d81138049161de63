"""Where and in which precision a run computes, decided before and after torch is loaded."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.common.errors import MachineError
from engine.config.schema import RunConfig
from engine.machine.gpu_specs import has_kernels
from engine.machine.snapshot import read_machine_now
from engine.machine.torch_build import advice
from engine.memory.budget import device_budget

if TYPE_CHECKING:
    import torch

KERNELS_KEPT = "128"
_ALLOCATOR = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
"""Names of the variable that sets torch's allocator: today's, and the older one that is read as well."""
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1


@dataclass(frozen=True)
class Placement:
    """Device of the model, dtype of its weights, and accelerate's mixed precision."""

    device: torch.device
    dtype: torch.dtype
    mixed_precision: str

    @property
    def precision(self) -> str:
        """What all processes of a run must have in common: "bfloat16, bf16"."""
        return f"{str(self.dtype).removeprefix('torch.')}, {self.mixed_precision}"


def choose_devices(config: RunConfig) -> list[str]:
    """What each process of a run computes on, as CUDA_VISIBLE_DEVICES names it: "" is the CPU, "auto" torch's choice.

    ``auto`` is the GPU with the most free memory. All are looked up among those that CUDA_VISIBLE_DEVICES leaves, and
    told by UUID, which means the same card to NVML, to CUDA and to every process. Raises MachineError.
    """
    wanted = config.launch.devices
    if set(wanted) == {"cpu"}:
        return [""] * len(wanted)
    machine = read_machine_now()
    if machine is None or not machine.report.gpus:  # no driver that answers: torch may know more
        return _unseen(wanted)
    device_budget(config, machine)
    chosen = [machine.freest if name == "auto" else machine.gpu(name) for name in wanted]
    return ["auto" if gpu is None else gpu.uuid or str(gpu.index) for gpu in chosen]


def _unseen(wanted: list[str]) -> list[str]:
    """``wanted`` where no GPU can be looked up: as they are, but none that the environment hides."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    hidden = [name for name in wanted if allowed is not None and name not in ("auto", *allowed.split(","))]
    if hidden:
        raise MachineError("distributed.gpu-hidden", allowed=allowed, gpu=hidden[0])
    return wanted


def restrict_gpus(config: RunConfig) -> list[str]:
    """Make the first device of ``config`` the only visible one; returns all, as ``choose_devices`` does.

    Must run before torch is imported.
    """
    devices = choose_devices(config)
    see_only(devices[0])
    return devices


def see_only(device: str) -> None:
    """Make ``device`` (one of ``choose_devices``) the only visible one. Must run before torch is imported."""
    # Indices are to mean what nvidia-smi shows, not which card CUDA thinks is the fastest.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    if device != "auto":
        os.environ["CUDA_VISIBLE_DEVICES"] = device


def settle_memory() -> None:
    """How this process's allocators keep memory; must run before torch is imported."""
    keep_freed_memory()
    bound_kernel_cache()
    grow_segments()


def grow_segments() -> None:
    """Let blocks of GPU memory grow where they are, unless the user has set something of the kind.

    Micro-batches differ in shape, so blocks of a fixed size leave gaps that nothing fits into.
    """
    if not any(name in os.environ for name in _ALLOCATOR):
        os.environ[_ALLOCATOR[1]] = "expandable_segments:True"


def bound_kernel_cache() -> None:
    """Let oneDNN keep fewer kernels than its 1,024: each shape of rows makes some sixteen, of about 0.9 MB in bfloat16.

    A model of 3M weights had 1.24 GB after 48 shapes, and has 0.99 GB so; making kernels anew took 4% of its time.
    Must run before torch computes.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KERNELS_KEPT)


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of returning them after every tensor: fewer page faults on the CPU."""
    _set_thresholds(1 << 30, (1 << 31) - 1)


def return_freed_memory() -> None:
    """Let glibc map tensors one by one, so that what is freed counts as free where memory is limited or measured."""
    _set_thresholds(1 << 17, 1 << 17)


def _set_thresholds(mmap_bytes: int, trim_bytes: int) -> None:
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, mmap_bytes)
        libc.mallopt(_M_TRIM_THRESHOLD, trim_bytes)
    except (OSError, AttributeError):
        pass  # another C library: slower, not wrong


def place(config: RunConfig) -> Placement:
    """Resolve device, dtype and precision.

    Raises MachineError where a GPU was named, or ``auto`` and one is there, that this torch can't compute on.
    """
    import torch

    if torch.cuda.is_available():
        device = torch.device("cuda", 0)
        _check_kernels()
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        _check_no_gpu(config)
        device = torch.device("cpu")
        has_bf16 = bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    dtype = _dtype(config, has_bf16, device)
    names = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "no"}
    precision = names[dtype] if config.launch.precision == "auto" else config.launch.precision
    return Placement(device, dtype, precision)


def _check_kernels() -> None:
    """Raise MachineError where this torch holds no code for the card: its first kernel would fail."""
    import torch

    capability = torch.cuda.get_device_capability(0)
    built = torch.cuda.get_arch_list()
    if not built or torch.version.cuda is None or has_kernels(built, capability):
        return
    machine = read_machine_now()
    raise MachineError(
        "distributed.no-kernels", torch=str(torch.__version__), gpu=torch.cuda.get_device_name(0),
        capability=f"{capability[0]}.{capability[1]}", built=built,
        advice=advice(capability, machine.report.cuda if machine else None),
    )  # fmt: skip


def _check_no_gpu(config: RunConfig) -> None:
    """Raise MachineError where torch sees no GPU but one was named, or is there for a torch that is built for it."""
    import torch

    named = not {"auto", "cpu"}.issuperset(config.launch.devices)
    if set(config.launch.devices) == {"cpu"} or (torch.version.cuda is None and not named):
        return
    machine = read_machine_now()
    there = machine.gpus if machine else ()
    if not there and not named:
        return
    barred = next((gpu.unusable for gpu in there if gpu.unusable), None)
    gpus, version = config.launch.gpus, str(torch.__version__)
    if barred:
        raise MachineError("distributed.gpu-unusable", gpus=gpus, reason=barred.reason, advice=barred.advice)
    # The card that NVML shows and torch does not: what torch says of it, where the driver's version does not tell.
    why = _why_no_cuda()
    if not there:
        raise MachineError("distributed.gpu-unseen", gpus=gpus, torch=version, reason=why)
    seen = [gpu.label for gpu in there]
    raise MachineError("distributed.gpu-unseen-by-torch", gpus=gpus, gpu=seen, torch=version, reason=why)


def _why_no_cuda() -> str:
    """torch's own words for why CUDA can't begin."""
    import torch

    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0].rstrip(".") + "."
    return ""


def _dtype(config: RunConfig, has_bf16: bool, device: torch.device) -> torch.dtype:
    import torch

    if config.model.dtype != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[config.model.dtype]
    if has_bf16:
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else torch.float32
