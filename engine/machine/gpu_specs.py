"""What an NVIDIA GPU can run, by its compute capability: torch's wheels, the dtype, the fused attention kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Capability = tuple[int, int]
CudaVersion = tuple[int, int]
Dtype = Literal["bfloat16", "float16", "float32"]
AttentionKernel = Literal["flash", "efficient", "math"]
"""``flash`` and ``efficient`` (memory-efficient) keep no scores; ``math`` keeps one for each pair of tokens."""

_FLASH_FROM, _EFFICIENT_FROM, _LAST = (8, 0), (5, 0), (12, 1)
_FLASH_WIDEST = 256
_SMALL_SHARED_MEMORY = ((8, 6), (8, 9)), ((12, 0), (12, 1))
"""First and last of the capabilities whose flash kernel has no backward pass for heads of 193 to 224."""


@dataclass(frozen=True)
class Wheel:
    """One of torch's builds: its ``name`` in the index, the CUDA it brings, and the capabilities it has kernels for.

    ``driver`` is the least NVIDIA driver for its CUDA on Linux (CUDA release notes, minor version compatibility).
    """

    name: str
    cuda: CudaVersion
    first: Capability
    last: Capability
    driver: str


WHEELS = (
    Wheel("cu130", (13, 0), (7, 5), (12, 1), "580"),
    Wheel("cu126", (12, 6), (5, 0), (9, 0), "525"),
)
"""Those of torch 2.12 to 2.14 that are not experimental, the preferred one first (torch's release matrix)."""
_BLACKWELL, _BLACKWELL_FROM = (10, 0), (12, 8)
"""A capability, and the first CUDA that compiles for it."""


def wheel_for(capability: Capability | None, driver_cuda: CudaVersion | None) -> Wheel | None:
    """The best wheel for this GPU under a driver that runs up to ``driver_cuda``; None: the driver is too old for all.

    What is not known (None) rules nothing out.
    """
    return next(
        (
            wheel
            for wheel in WHEELS
            if (capability is None or wheel.first <= capability <= wheel.last)
            and (driver_cuda is None or wheel.cuda[0] <= driver_cuda[0])
        ),
        None,
    )


def least_driver(cuda: CudaVersion) -> str:
    """The least driver for programs built with ``cuda``; those of one major version need the same."""
    return next((wheel.driver for wheel in WHEELS if wheel.cuda[0] == cuda[0]), "")


def cuda_compiles_for(cuda: CudaVersion, capability: Capability) -> bool:
    """Whether CUDA of this version makes kernels for ``capability`` at all: 13 dropped all before Turing."""
    newest = capability < _BLACKWELL or cuda >= _BLACKWELL_FROM
    return newest and (cuda < (13, 0) or capability >= (7, 5))


def has_kernels(arch_list: list[str], capability: Capability) -> bool:
    """Whether a build with ``arch_list`` (as ``torch.cuda.get_arch_list()``) runs on ``capability``.

    Code for a GPU (sm_86) runs on those of its major version from its minor one on, portable code (compute_90) on all
    later ones.
    """
    for kind, _, digits in (arch.partition("_") for arch in arch_list):
        number = int("".join(character for character in digits if character.isdigit()) or 0)
        built = divmod(number, 10)
        if built <= capability and (kind == "compute" or built[0] == capability[0]):
            return True
    return False


def trained_dtype(capability: Capability) -> Dtype:
    """What ``auto`` computes in on a GPU: bfloat16 where it multiplies in it (from 8.0 on), else float16."""
    return "bfloat16" if capability >= (8, 0) else "float16"


def attention_kernel(
    capability: Capability, dtype: Dtype, *, head_width: int = 128, value_width: int | None = None, masked: bool = False
) -> AttentionKernel:
    """The kernel that torch's scaled_dot_product_attention trains with on a GPU of this ``capability``.

    ``head_width``: of a query and a key; ``value_width`` where a value's differs. ``masked``: whether a mask is given,
    as against plain causal attention. Keys and values have as many heads as queries, or the kernel is ``flash``: no
    other takes grouped heads. cuDNN's kernel is switched off and does not count.
    The rules are those of torch 2.13 (aten/src/ATen/native/transformers/cuda/sdp_utils.cpp).
    """
    if _has_flash(capability, dtype, head_width, value_width or head_width) and not masked:
        return "flash"
    return "efficient" if _has_efficient(capability, dtype, head_width, value_width or head_width) else "math"


def _has_flash(capability: Capability, dtype: Dtype, head_width: int, value_width: int) -> bool:
    lacks_backward = 192 < head_width <= 224 and any(
        first <= capability <= last for first, last in _SMALL_SHARED_MEMORY
    )
    return (
        _FLASH_FROM <= capability <= _LAST
        and dtype != "float32"
        and head_width == value_width <= _FLASH_WIDEST
        and not lacks_backward
    )


def _has_efficient(capability: Capability, dtype: Dtype, head_width: int, value_width: int) -> bool:
    if not _EFFICIENT_FROM <= capability <= _LAST or (dtype == "bfloat16" and capability < (8, 0)):
        return False
    tensor_cores_from, multiple = ((8, 0), 4) if dtype == "float32" else ((7, 0), 8)
    return capability < tensor_cores_from or (head_width % multiple == 0 and value_width % multiple == 0)
