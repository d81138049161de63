"""Numbers with their units as people read them: one way to write each kind, for every screen and command."""

from __future__ import annotations

import math


def percent(share: float | None, decimals: bool = False) -> str:
    """A share of 0 to 1 as "42%"; with ``decimals`` "12.5%" where that says more. What is there is never "0%"."""
    if share is None or not math.isfinite(share):
        return "-"
    if decimals:
        shown = f"{share * 100:.1f}".removesuffix(".0")
        return f"{shown}%" if shown != "0" or share == 0 else "<0.1%"
    return "<1%" if 0 < share < 0.005 else f"{share * 100:.0f}%"


def amount(number: float) -> str:
    """135,000,000 as "135M": how people name the size of a model, or many tokens."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """``38 s``, ``6 min``, ``2 h 10 min``."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
