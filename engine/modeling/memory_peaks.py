"""The highest memory of each phase of a run: torch's own count on a GPU, resident memory on the CPU."""

from __future__ import annotations

import torch

from engine.modeling.resident_memory import restart_peak


class Peaks:
    """Peak bytes by phase: each ``take`` is of what was since the last one, or since ``restart``."""

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self.measured: dict[str, int] = {}

    @property
    def of(self) -> str:
        """What is measured: ``allocated`` by torch on the GPU, or ``resident`` memory of the process."""
        return "allocated" if self._cuda else "resident"

    def restart(self) -> int:
        """Bytes at the highest since the last call; counting begins anew."""
        if self._cuda is None:
            return restart_peak()
        if not torch.cuda.is_initialized():
            return 0
        peak = torch.cuda.max_memory_allocated(self._cuda)
        torch.cuda.reset_peak_memory_stats(self._cuda)
        return peak

    def take(self, phase: str) -> None:
        """What was highest since the last call belongs to ``phase``, which may come again."""
        self.measured[phase] = max(self.restart(), self.measured.get(phase, 0))
