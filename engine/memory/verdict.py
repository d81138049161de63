"""Whether a job fits into what a GPU has, by how much, and at which phase it would fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.memory.estimate import Estimate
from engine.memory.profiles import GIB

TIGHT_SHARE = 0.05
TIGHT_BYTES = 0.5 * GIB

Level = Literal["fits", "tight", "too much"]


@dataclass(frozen=True)
class Verdict:
    """``spare_bytes`` is negative when memory lacks. ``phase`` is the peak, where the job would run out."""

    level: Level
    needed_bytes: float
    available_bytes: float
    phase: str

    @property
    def spare_bytes(self) -> float:
        return self.available_bytes - self.needed_bytes

    @property
    def text(self) -> str:
        """The verdict in words: "fits, 9.4 GiB spare"."""
        gib = abs(self.spare_bytes) / GIB
        if self.level == "too much":
            return f"does not fit: {gib:.1f} GiB too much at {self.phase}"
        return f"fits, {gib:.1f} GiB spare" if self.level == "fits" else f"tight: {gib:.1f} GiB spare at {self.phase}"


def judge(result: Estimate, available_bytes: float) -> Verdict:
    """``available_bytes``: the GPU's total less what others use, or the RAM there is."""
    spare = available_bytes - result.needed_bytes
    tight = spare < max(TIGHT_BYTES, TIGHT_SHARE * available_bytes)
    level: Level = "too much" if spare < 0 else "tight" if tight else "fits"
    return Verdict(level, result.needed_bytes, available_bytes, result.peak.title)
