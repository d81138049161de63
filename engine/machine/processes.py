"""Who a process on a GPU is: its user and its command, cleaned for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

LONGEST_COMMAND = 120
_NAMESPACE, _FIRST_NAMESPACE = Path("/proc/self/ns/pid"), Path("pid:[4026531836]")


@dataclass(frozen=True)
class GpuProcess:
    """A process with memory on a GPU. ``program`` is its short name; None where another user's can't be read."""

    pid: int
    memory_bytes: int | None
    user: str | None = None
    program: str | None = None
    command: str | None = None


def describe(pid: int, memory_bytes: int | None) -> GpuProcess:
    """What psutil knows of ``pid``; a process of another container or one that just ended stays a number.

    In a container the driver's numbers are the host's, and mean other processes here.
    """
    if not sees_host_pids():
        return GpuProcess(pid, memory_bytes)
    try:
        process = psutil.Process(pid)
    except (psutil.Error, ValueError):
        return GpuProcess(pid, memory_bytes)
    user = _try(process.username)
    arguments = _try_arguments(process)
    program = _try(process.name)
    if arguments:
        program = Path(arguments[0]).name or program
    return GpuProcess(
        pid,
        memory_bytes,
        clean(user, 32) if user else None,
        clean(program, 32) if program else None,
        clean(" ".join(arguments), LONGEST_COMMAND) if arguments else None,
    )


def sees_host_pids() -> bool:
    """Whether process numbers here are the host's, as the driver counts: the first namespace has a fixed number."""
    try:
        return _NAMESPACE.readlink() == _FIRST_NAMESPACE
    except OSError:
        return True  # no Linux, or one that does not tell


def clean(text: str, longest: int) -> str:
    """``text`` in one line without control characters: a command line is whatever its owner made it."""
    flat = "".join(character if character.isprintable() else " " for character in text)
    flat = " ".join(flat.split())
    return flat if len(flat) <= longest else flat[: longest - 3] + "..."


def _try(read: object) -> str | None:
    try:
        return str(read())  # type: ignore[operator]
    except (psutil.Error, KeyError, OSError):
        return None


def _try_arguments(process: psutil.Process) -> list[str]:
    try:
        return [part for part in process.cmdline() if part]
    except (psutil.Error, OSError):
        return []
