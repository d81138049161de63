"""RAM, cores and disks of this host, as far as this process may use them."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CGROUP_USED = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")


@dataclass(frozen=True)
class Disk:
    """Room at ``path``, in bytes; None if it can't be asked."""

    path: Path
    free_bytes: int | None
    total_bytes: int | None


@dataclass(frozen=True)
class Host:
    """The host. ``ram_*`` in bytes, within the container's limit if there is one; ``cores`` this process may use."""

    name: str
    ram_total_bytes: int
    ram_available_bytes: int
    swap_used_bytes: int | None
    cores: int
    cpu_percent: float | None
    disks: tuple[Disk, ...]


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
        swap_used_bytes=_swap_used(),
        cores=_cores(),
        cpu_percent=psutil.cpu_percent(interval=None),
        disks=tuple(read_disk(folder) for folder in folders),
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


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _swap_used() -> int | None:
    try:
        return int(psutil.swap_memory().used)
    except (OSError, RuntimeError):
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
