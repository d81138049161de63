"""Resident memory of this process: its peak, which can be begun anew without losing sight of the highest."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"

_highest = 0


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
