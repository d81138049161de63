"""The highest memory of each phase of a run: torch's own count on a GPU, resident memory of the process on the CPU."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"

_highest = 0


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
        import torch  # a runner counts its resident memory before torch is loaded

        if not torch.cuda.is_initialized():
            return 0
        peak = torch.cuda.max_memory_allocated(self._cuda)
        torch.cuda.reset_peak_memory_stats(self._cuda)
        return peak

    def take(self, phase: str) -> None:
        """What was highest since the last call belongs to ``phase``, which may come again."""
        self.measured[phase] = max(self.restart(), self.measured.get(phase, 0))


def highest_bytes() -> int:
    """The highest resident memory since the process began, whatever was begun anew in between."""
    global _highest
    _highest = max(_highest, _peak_bytes())
    return _highest


def restart_peak() -> int:
    """The highest since the last call, in bytes; the kernel counts anew from here.

    Where it does not let a process do that, the figure is the highest of all times.
    """
    peak = _peak_bytes()
    highest_bytes()
    try:
        _CLEAR.write_text(_RESET_PEAK, "ascii")
    except OSError:
        pass
    return peak


def _peak_bytes() -> int:
    try:
        for line in _STATUS.read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
