"""The highest memory of each phase of a run: torch's own count on a GPU, resident memory on the CPU."""

from __future__ import annotations

import resource
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"

_highest_rss = 0


class Peaks:
    """Peak bytes by phase. ``take`` closes a phase, so what came before the first one is dropped by ``restart``.

    Where the kernel does not let a process reset its peak, each figure of the CPU is the highest so far.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device if device.type == "cuda" else None
        self.measured: dict[str, int] = {}

    @property
    def of(self) -> str:
        """What is measured, in words."""
        return "torch's allocated memory" if self._cuda else "resident memory of the process"

    def restart(self) -> int:
        """Bytes at the highest since the last call; counting begins anew."""
        if self._cuda is not None:
            if not torch.cuda.is_initialized():
                return 0
            peak = torch.cuda.max_memory_allocated(self._cuda)
            torch.cuda.reset_peak_memory_stats(self._cuda)
            return peak
        return _restart_rss()

    def take(self, phase: str) -> None:
        """What was highest since the last call belongs to ``phase``, which may come again."""
        self.measured[phase] = max(self.restart(), self.measured.get(phase, 0))


def highest_rss() -> int:
    """The highest resident memory of this process, in bytes, whatever was reset between."""
    global _highest_rss
    _highest_rss = max(_highest_rss, _peak_rss())
    return _highest_rss


def _restart_rss() -> int:
    peak = _peak_rss()
    highest_rss()
    try:
        _CLEAR.write_text(_RESET_PEAK, "ascii")
    except OSError:
        pass
    return peak


def _peak_rss() -> int:
    try:
        for line in _STATUS.read_text("ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
