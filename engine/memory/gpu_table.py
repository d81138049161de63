"""Memory, speed and abilities of a GPU given by size or by name."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from engine.common.errors import MachineError
from engine.machine.gpu_specs import Capability
from engine.memory.profiles import GIB


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
            raise MachineError("A GPU's memory can't be that small", f"--gpu {text}", "Give a size such as 24GiB.")
        return value
    if card is not None:
        return card.gib * GIB
    near = difflib.get_close_matches(_plain(text), CARDS, n=3, cutoff=0.5)
    names = f"Did you mean {' or '.join(near)}?" if near else f"Known names: {', '.join(sorted(CARDS))}."
    raise MachineError("This GPU is not known", f"--gpu {text}", f"Give its memory, such as 24GiB. {names}")


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
