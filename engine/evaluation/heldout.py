"""The loss over rows that are never trained on, in all and by source: plain means, whatever rows weigh in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.modeling.batches import Batch

READ_TOGETHER = 16
"""Micro-batches whose losses are read at one time: for each reading the host waits until a GPU has done all of them."""


@dataclass(frozen=True)
class HeldoutLoss:
    """Mean loss of a part of a batch, such as a supervised token; None when there is none."""

    loss: float | None
    by_source: dict[int, float]


@dataclass(frozen=True)
class BatchLosses:
    """What one batch adds: by source, the sum of its parts' losses and their count."""

    sums: dict[int, float]
    counts: dict[int, int]


def heldout_loss(
    net: Any,
    batches: Sequence[Batch],
    device: torch.device,
    check: Callable[[], None],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> HeldoutLoss:
    """Loss of an objective's ``net`` on its ``batches``. ``check`` may raise between two of them.

    Weights of rows and sources are left out: they say what training should mind, not how well a token is predicted,
    and losses of runs with other weights stay comparable.
    """
    return mean_loss(batch_losses(net, batches, device, check, on_progress))


@torch.no_grad()
def batch_losses(
    net: Any,
    batches: Sequence[Batch],
    device: torch.device,
    check: Callable[[], None],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[BatchLosses]:
    """Of each of ``batches``, as ``heldout_loss`` says."""
    was_training = net.training
    net.eval()
    found: list[BatchLosses] = []
    waiting: list[torch.Tensor] = []
    try:
        for done, batch in enumerate(batches):
            check()
            on_progress(done, len(batches))
            _, losses = net(*batch.inputs(device))
            waiting.append(losses)
            if len(waiting) == READ_TOGETHER or done == len(batches) - 1:
                read = torch.cat(waiting).cpu().double().split([len(losses) for losses in waiting])
                for one, losses in zip(batches[len(found) : done + 1], read, strict=True):
                    part = BatchLosses({}, {})
                    add_by_source(part.sums, part.counts, one.sources, losses.numpy())
                    found.append(part)
                waiting.clear()
    finally:
        net.train(was_training)
    on_progress(len(batches), len(batches))
    return found


def mean_loss(parts: Sequence[BatchLosses]) -> HeldoutLoss:
    """The loss over all ``parts``, added up in their order: the same to the last bit, whoever computed them."""
    sums, counts = sums_by_source(parts)
    total = sum(counts.values())
    means = {source: sums[source] / counts[source] for source in sums}
    return HeldoutLoss(sum(sums.values()) / total if total else None, means)


def sums_by_source(parts: Sequence[BatchLosses]) -> tuple[dict[int, float], dict[int, int]]:
    """Sums and counts over all ``parts``, added up in their order."""
    sums: dict[int, float] = {}
    counts: dict[int, int] = {}
    for part in parts:
        for source in part.sums:
            sums[source] = sums.get(source, 0.0) + part.sums[source]
            counts[source] = counts.get(source, 0) + part.counts[source]
    return sums, counts


def add_by_source(sums: dict[int, float], counts: dict[int, int], sources: np.ndarray, losses: np.ndarray) -> None:
    """Add per-token ``losses`` (N,) to the sums and counts of their ``sources`` (N,)."""
    for source in np.unique(sources).tolist():
        chosen = losses[sources == source]
        sums[source] = sums.get(source, 0.0) + float(chosen.sum())
        counts[source] = counts.get(source, 0) + len(chosen)
