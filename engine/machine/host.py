"""RAM, cores and disks of this host, as far as this process may use them."""

from __future__ import annotations

import math
import os
import shutil
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.machine.cpu_specs import CORE_FLOPS, Cpu, core_flops

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CGROUP_USED = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
_CGROUP_QUOTAS = (
    ("/sys/fs/cgroup/cpu.max", ""),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


@dataclass(frozen=True)
class Disk:
    """Room at ``path``, in bytes; None if it can't be asked."""

    path: Path
    free_bytes: int | None
    total_bytes: int | None


@dataclass(frozen=True)
class Host:
    """The host. ``ram_*`` in bytes, within the container's limit if there is one; ``cores`` this process may use.

    ``core_flops``: operations a second that one of them reaches in 16-bit training.
    """

    name: str
    ram_total_bytes: int
    ram_available_bytes: int
    cores: int
    cpu_percent: float | None
    disks: tuple[Disk, ...]
    core_flops: float = CORE_FLOPS

    @property
    def cpu(self) -> Cpu:
        return Cpu(self.cores, self.core_flops)


def read_host(folders: Iterable[Path]) -> Host:
    """The host now, with the disks that hold ``folders`` (which need not exist yet)."""
    memory = psutil.virtual_memory()
    total, available = memory.total, memory.available
    limit, used = _first_number(_CGROUP_LIMITS), _first_number(_CGROUP_USED)
    if limit is not None and limit < total:
        total = limit
        available = min(available, max(0, limit - (used or 0)))
    return Host(
        name=socket.gethostname(),
        ram_total_bytes=total,
        ram_available_bytes=available,
        cores=usable_cores(),
        cpu_percent=psutil.cpu_percent(interval=None),
        disks=tuple(read_disk(folder) for folder in folders),
        core_flops=core_flops(),
    )


def read_disk(folder: Path) -> Disk:
    """Room on the disk that holds, or will hold, ``folder``."""
    here = folder.absolute()
    while not here.exists() and here != here.parent:
        here = here.parent
    try:
        usage = shutil.disk_usage(here)
    except OSError:
        return Disk(folder, None, None)
    return Disk(folder, usage.free, usage.total)


def allowed_processors() -> set[int] | None:
    """Indices of the processors this process may run on; None where the system can't tell."""
    try:
        return os.sched_getaffinity(0)
    except (AttributeError, OSError):
        return None


def usable_cores() -> int:
    """Cores this process may keep busy: those it may run on, within the container's quota of processor time."""
    allowed = allowed_processors()
    cores = len(allowed) if allowed else os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def _quota() -> float | None:
    """The control group's limit in cores; None where there is none."""
    for quota, period in _CGROUP_QUOTAS:
        try:
            numbers = Path(quota).read_text("ascii").split()
            numbers += Path(period).read_text("ascii").split() if period else []
            allowed_us, period_us = (float(number) for number in numbers)
        except (OSError, ValueError):  # not there, or "max"
            continue
        return allowed_us / period_us if allowed_us > 0 < period_us else None
    return None


def _first_number(paths: Iterable[str]) -> int | None:
    """The number in the first of ``paths`` that holds one; control groups say "max" for no limit."""
    for path in paths:
        try:
            text = Path(path).read_text("ascii").strip()
        except (OSError, ValueError):
            continue
        return int(text) if text.isdigit() else None
    return None
