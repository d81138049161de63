"""Ready-made mixes: the share of each source from its size and what it is there for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Preset = Literal["all", "balanced", "replay", "temperature"]
Shares = tuple[float | None, ...]
"""One of each source; None: all of it once a pass."""

REPLAY_SHARE = 0.1
TEMPERATURE = 2.0
LEAST = 0.001


def shares_of(preset: Preset, sizes: Sequence[float], roles: Sequence[str], temperature: float = TEMPERATURE) -> Shares:
    """The shares that ``preset`` gives sources of these ``sizes`` (tokens or rows) and ``roles``.

    "replay" shares a tenth out among the sources with that role by their size and leaves the others whole; without
    any it is "all". "temperature" takes shares by size^(1/T) (Raffel et al., 2020): 1 is by size, large T balanced.
    """
    if preset == "balanced":
        return _parted([1.0 if size else 0.0 for size in sizes])
    if preset == "temperature":
        return _parted([size ** (1 / temperature) if size else 0.0 for size in sizes])
    if preset == "replay" and any(role == "replay" for role in roles) and any(role != "replay" for role in roles):
        old = _parted([size if role == "replay" else 0.0 for size, role in zip(sizes, roles, strict=True)])
        return tuple(None if share is None else max(LEAST, round(share * REPLAY_SHARE, 4)) for share in old)
    return (None,) * len(sizes)


def _parted(weights: Sequence[float]) -> Shares:
    """Shares in thousandths that add up to 1, the largest taking what rounding leaves; of nothing None."""
    total = sum(weights)
    if not total:
        return (None,) * len(weights)
    shares = [max(LEAST, round(weight / total, 3)) if weight else None for weight in weights]
    largest = max(range(len(weights)), key=lambda index: weights[index])
    shares[largest] = round(1 - sum(share or 0 for index, share in enumerate(shares) if index != largest), 3)
    return tuple(shares)
