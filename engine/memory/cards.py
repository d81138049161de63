"""Memory and peak speed of a GPU given by size or by name."""

from __future__ import annotations

import difflib
import re

from engine.errors import MachineError
from engine.memory.profiles import GIB

# GiB as the driver reports them, which is less than what is printed on the box.
CARDS_GIB = {
    "t4": 14.6, "v100-16g": 15.8, "v100-32g": 31.7, "p100": 15.9, "l4": 22.5, "l40": 44.5, "l40s": 44.5, "a10": 22.1,
    "a10g": 22.1, "a30": 23.6, "a40": 44.5, "a100": 79.3, "a100-40g": 39.5, "a100-80g": 79.3, "a6000": 47.5,
    "a5000": 23.6, "a4000": 15.7, "rtx6000ada": 47.5, "h100": 79.2, "h200": 140.4, "b200": 178.4, "2080ti": 10.8,
    "3060": 11.8, "3080": 9.8, "3090": 23.6, "4060ti": 15.6, "4070": 11.7, "4080": 15.7, "4090": 23.6, "5080": 15.5,
    "5090": 31.4,
}  # fmt: skip
# Dense 16-bit TFLOP/s with float32 accumulation, from the makers' data sheets.
PEAK_TFLOPS = {
    "t4": 65, "v100-16g": 112, "v100-32g": 112, "p100": 19, "l4": 121, "l40": 181, "l40s": 362, "a10": 125, "a10g": 70,
    "a30": 165, "a40": 150, "a100": 312, "a100-40g": 312, "a100-80g": 312, "a6000": 155, "a5000": 111, "a4000": 77,
    "rtx6000ada": 364, "h100": 989, "h200": 989, "b200": 2250, "2080ti": 54, "3060": 26, "3080": 60, "3090": 71,
    "4060ti": 44, "4070": 58, "4080": 97, "4090": 165, "5080": 113, "5090": 210,
}  # fmt: skip
_UNITS = {"gib": GIB, "g": GIB, "gb": 10**9, "mib": 2**20, "m": 2**20, "mb": 10**6, "": GIB}


def gpu_bytes(text: str) -> float:
    """Usable memory of ``24GiB``, ``24``, ``80GB`` or a card's name such as ``A100-80GB`` or ``RTX 4090``.

    Raises MachineError: a size that is not positive, or a name that is not known (with the nearest ones).
    """
    size = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    plain_name = _plain(text)
    if plain_name in CARDS_GIB and not (size and size[2]):
        return CARDS_GIB[plain_name] * GIB
    if size and size[2].lower() in _UNITS:
        value = float(size[1]) * _UNITS[size[2].lower()]
        if value <= 0:
            raise MachineError("A GPU's memory can't be that small", f"--gpu {text}", "Give a size such as 24GiB.")
        return value
    if plain_name in CARDS_GIB:
        return CARDS_GIB[plain_name] * GIB
    near = difflib.get_close_matches(plain_name, CARDS_GIB, n=3, cutoff=0.5) or sorted(CARDS_GIB)[:6]
    raise MachineError(
        "This GPU is not known", f"--gpu {text}", f"Give a size such as 24GiB, or one of: {', '.join(near)}"
    )


def peak_tflops(name: str) -> float | None:
    """Dense 16-bit TFLOP/s of a card by its name; None for a size, or a card that is not known."""
    return PEAK_TFLOPS.get(_plain(name))


def _plain(text: str) -> str:
    """``NVIDIA A100-SXM4-80GB`` as ``a100-80g``, ``RTX 4090`` as ``4090``."""
    words = re.sub(r"nvidia|geforce|tesla|quadro|sxm\d?|pcie|nvl|hbm\d?e?", " ", text.lower())
    words = re.sub(r"(\d+)\s*gi?b\b", r"\1g", words).replace("_", " ")
    joined = "-".join(words.replace("-", " ").split())
    found = re.fullmatch(r"rtx-?(\d{4})(-?(ti|super))?", joined)
    if found:
        return found[1] + ("ti" if found[3] == "ti" else "")
    if joined in CARDS_GIB:
        return joined
    glued = joined.replace("-", "")
    base = joined.rsplit("-", 1)[0]
    if glued in CARDS_GIB:
        return glued
    # A size that the card always has says nothing new: "H100-80g".
    return base if base in CARDS_GIB and f"{base}-40g" not in CARDS_GIB else joined
