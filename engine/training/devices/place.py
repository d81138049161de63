"""Where and in which precision a run computes, decided before and after torch is loaded."""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.config.schema import RunConfig
from engine.errors import MachineError
from engine.planning import read_machine_now

if TYPE_CHECKING:
    import torch

_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1


@dataclass(frozen=True)
class Placement:
    """Device of the model, dtype of its weights, and accelerate's mixed precision."""

    device: torch.device
    dtype: torch.dtype
    mixed_precision: str


def restrict_gpus(config: RunConfig, index: int = 0) -> None:
    """Make device ``index`` of ``launch.gpus`` the only visible one. Must run before torch is imported.

    ``auto`` takes the GPU with the most free memory, of those that CUDA_VISIBLE_DEVICES allows.
    """
    # Indices are to mean what nvidia-smi shows, not which card CUDA thinks is the fastest.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    wanted = config.launch.devices[index]
    if wanted == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif wanted != "auto":
        os.environ["CUDA_VISIBLE_DEVICES"] = wanted
    else:
        machine = read_machine_now()
        freest = machine.freest if machine else None
        if freest is not None and freest.uuid is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = freest.uuid


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks instead of returning them after every tensor: fewer page faults on the CPU."""
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    except (OSError, AttributeError):
        pass  # another C library: slower, not wrong


def place(config: RunConfig) -> Placement:
    """Resolve device, dtype and precision. Raises MachineError when a named GPU is not there."""
    import torch

    if torch.cuda.is_available():
        device = torch.device("cuda", 0)
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        if not {"auto", "cpu"}.issuperset(config.launch.devices):
            raise MachineError(
                "The GPU can't be used",
                f"launch.gpus = {config.launch.gpus!r}, but this torch sees no CUDA device.",
                "`tunedeck doctor` says why. Without a GPU set launch.gpus to auto or cpu.",
            )
        device = torch.device("cpu")
        has_bf16 = bool(torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    dtype = _dtype(config, has_bf16, device)
    names = {torch.bfloat16: "bf16", torch.float16: "fp16", torch.float32: "no"}
    precision = names[dtype] if config.launch.precision == "auto" else config.launch.precision
    return Placement(device, dtype, precision)


def _dtype(config: RunConfig, has_bf16: bool, device: torch.device) -> torch.dtype:
    import torch

    if config.model.dtype != "auto":
        return {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}[config.model.dtype]
    if has_bf16:
        return torch.bfloat16
    return torch.float16 if device.type == "cuda" else torch.float32
