"""What an NVIDIA GPU can run, by compute capability, and memory and speed of the cards that are known by name."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from engine.common.errors import MachineError

GIB = 2**30
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


@dataclass(frozen=True)
class Card:
    """One kind of GPU.

    ``gib``: memory as the driver reports it, less than what is printed on the box. ``tflops``: dense 16-bit peak with
    float32 accumulation, ``gb_s``: memory bandwidth, both from the maker's data sheet. ``reached``: share of the peak
    that long matrix products come to; cards with many units for their watts and cards before Ampere reach less.
    """

    gib: float
    tflops: float
    gb_s: float
    capability: Capability
    reached: float = 0.7


CARDS = {
    "p100": Card(15.9, 19, 732, (6, 0)),
    "v100-16g": Card(15.8, 112, 900, (7, 0)),
    "v100-32g": Card(31.7, 112, 900, (7, 0)),
    "t4": Card(14.6, 65, 320, (7, 5), 0.4),
    "2080ti": Card(10.8, 54, 616, (7, 5)),
    "titanrtx": Card(23.6, 65, 672, (7, 5)),
    "rtx8000": Card(44.5, 65, 672, (7, 5)),
    "a30": Card(23.6, 165, 933, (8, 0)),
    "a100": Card(79.3, 312, 2039, (8, 0)),
    "a100-40g": Card(39.5, 312, 1555, (8, 0)),
    "a100-80g": Card(79.3, 312, 2039, (8, 0)),
    "a10": Card(22.1, 125, 600, (8, 6), 0.6),
    "a10g": Card(22.1, 70, 600, (8, 6), 0.8),
    "a40": Card(44.5, 150, 696, (8, 6)),
    "a4000": Card(15.7, 77, 448, (8, 6), 0.8),
    "a5000": Card(23.6, 111, 768, (8, 6), 0.8),
    "a6000": Card(47.5, 155, 768, (8, 6), 0.8),
    "3060": Card(11.8, 26, 360, (8, 6), 0.8),
    "3080": Card(9.8, 60, 760, (8, 6), 0.8),
    "3090": Card(23.6, 71, 936, (8, 6), 0.8),
    "3090ti": Card(23.6, 80, 1008, (8, 6), 0.8),
    "l4": Card(22.5, 121, 300, (8, 9), 0.45),
    "l40": Card(44.5, 181, 864, (8, 9)),
    "l40s": Card(44.5, 362, 864, (8, 9), 0.55),
    "rtx6000ada": Card(47.5, 364, 960, (8, 9), 0.55),
    "4060ti": Card(15.6, 44, 288, (8, 9), 0.8),
    "4070": Card(11.7, 58, 504, (8, 9), 0.8),
    "4080": Card(15.7, 97, 717, (8, 9), 0.8),
    "4090": Card(23.6, 165, 1008, (8, 9), 0.8),
    "h100": Card(79.2, 989, 3350, (9, 0), 0.6),
    "h200": Card(140.4, 989, 4800, (9, 0), 0.6),
    "b200": Card(178.4, 2250, 8000, (10, 0), 0.55),
    "5080": Card(15.5, 113, 960, (12, 0), 0.8),
    "5090": Card(31.4, 210, 1792, (12, 0), 0.8),
}
_UNITS = {"gib": GIB, "g": GIB, "gb": 10**9, "mib": 2**20, "m": 2**20, "mb": 10**6, "": GIB}


def gpu_bytes(text: str) -> float:
    """Usable memory of ``24GiB``, ``24``, ``80GB`` or a card's name such as ``A100-80GB`` or ``RTX 4090``.

    Raises MachineError: a size that is not positive, or a name that is not known (with the nearest ones).
    """
    size = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    card = card_of(text)
    if card is not None and not (size and size[2]):
        return card.gib * GIB
    if size and size[2].lower() in _UNITS:
        value = float(size[1]) * _UNITS[size[2].lower()]
        if value <= 0:
            raise MachineError("machine.gpu-too-small", given=text)
        return value
    if card is not None:
        return card.gib * GIB
    near = difflib.get_close_matches(_plain(text), CARDS, n=3, cutoff=0.5)
    if near:
        raise MachineError("machine.unknown-gpu-near", given=text, near=near)
    raise MachineError("machine.unknown-gpu", given=text, known=sorted(CARDS))


def card_of(name: str) -> Card | None:
    """A card by the name its driver or a person gives it; None for a size, or a card that is not known."""
    return CARDS.get(_plain(name))


def _plain(text: str) -> str:
    """``NVIDIA A100-SXM4-80GB`` as ``a100-80g``, ``RTX 4090`` as ``4090``, ``NVIDIA RTX A6000`` as ``a6000``."""
    words = re.sub(r"nvidia|geforce|tesla|quadro|generation|sxm\d?|pcie|nvl|hbm\d?e?", " ", text.lower())
    words = re.sub(r"(\d+)\s*gi?b\b", r"\1g", words).replace("_", " ")
    joined = "-".join(words.replace("-", " ").split())
    found = re.fullmatch(r"rtx-?(\d{4})(-?ti)?(-?super)?", joined)
    if found and found[1] + (found[2] or "").lstrip("-") in CARDS:
        return found[1] + (found[2] or "").lstrip("-")
    if joined in CARDS:
        return joined
    glued = joined.replace("-", "")
    if glued in CARDS:
        return glued
    if glued.removeprefix("rtx") in CARDS:
        return glued.removeprefix("rtx")
    # A size that the card always has says nothing new: "H100-80g".
    base = joined.rsplit("-", 1)[0]
    return base if base in CARDS and f"{base}-40g" not in CARDS else joined
