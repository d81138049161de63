"""Versions of what decides a run's numbers."""

from __future__ import annotations

import functools
import platform
from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("tunedeck", "torch", "transformers", "peft", "bitsandbytes", "accelerate")


def versions(used_liger: bool = False) -> dict[str, str]:
    """Versions of Python and of the libraries that decide the numbers; Liger's where its kernels do."""
    found = {"python": platform.python_version()}
    for name in (*_LIBRARIES, *(["liger-kernel"] if used_liger else [])):
        if (installed := _version(name)) is not None:
            found[name] = installed
    return found


@functools.cache
def _version(name: str) -> str | None:
    """What is installed as ``name``; looking it up takes 6 ms of a CPU each time."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
