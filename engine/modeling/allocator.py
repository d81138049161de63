"""How torch's allocator takes memory from the GPU; to be said before torch is imported."""

from __future__ import annotations

import os

_NAMES = ("PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF")
"""Of the variable: today's, and the older one that is read as well."""


def grow_segments() -> None:
    """Let blocks of GPU memory grow where they are, unless the user has set something of the kind.

    Micro-batches differ in shape, so blocks of a fixed size leave gaps that nothing fits into.
    """
    if not any(name in os.environ for name in _NAMES):
        os.environ[_NAMES[1]] = "expandable_segments:True"
