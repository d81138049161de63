"""From tokenised rows to micro-batches: a fixed order, cut by length under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.data.mix import Passes
from engine.memory.job import padded_length
from engine.training.tokens import Example


@dataclass(frozen=True)
class MicroBatch:
    """What is computed at once. ``positions`` index the flattened ``input_ids``; ``targets`` are predicted there."""

    input_ids: torch.Tensor  # (rows, longest), padded on the right
    positions: torch.Tensor  # (N,)
    targets: torch.Tensor  # (N,)
    sources: np.ndarray  # (N,) index of the data source of each supervised token
    num_tokens: int  # without padding
    weights: torch.Tensor | None = None  # (N,) float32, what each target counts for in the loss; None: 1 each

    @property
    def padded_tokens(self) -> int:
        return self.input_ids.numel()

    @property
    def supervised_tokens(self) -> int:
        return int(self.targets.numel())

    @property
    def weight(self) -> float:
        """Sum of the weights of all supervised tokens: what the sum of their losses is divided by."""
        return float(self.targets.numel() if self.weights is None else self.weights.double().sum())


class StepPlan:
    """Which rows of ``passes`` each optimizer step sees. Steps count from 1; a pass's last one may be smaller."""

    def __init__(self, passes: Passes, batch_size: int, epochs: float, max_steps: int | None = None) -> None:
        self.passes, self.batch_size = passes, batch_size
        self.steps_per_epoch = -(-passes.count // batch_size)
        self.total_steps = max_steps or max(1, round(self.steps_per_epoch * epochs))
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def rows(self, step: int) -> np.ndarray:
        """Row indices of optimizer step ``step``."""
        epoch, index = divmod(step - 1, self.steps_per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self.passes.order(epoch))
        return self._order[1][index * self.batch_size : (index + 1) * self.batch_size]

    def epoch_after(self, step: int) -> float:
        """Passes over the data after ``step``."""
        epoch, index = divmod(step, self.steps_per_epoch)
        return epoch + index * self.batch_size / self.passes.count


def cut(examples: Sequence[Example], budget_tokens: int, pad_id: int) -> list[MicroBatch]:
    """Cut the rows of a step into micro-batches of at most ``budget_tokens`` padded tokens, longest rows first.

    A row longer than the budget is a micro-batch of its own. Sorting keeps the padding small; the sum of the losses
    does not depend on the cut.
    """
    ordered = sorted(examples, key=lambda example: -len(example.ids))
    lengths = [len(example.ids) for example in ordered]
    return [collate(ordered[start:stop], pad_id) for start, stop in spans(lengths, budget_tokens)]


def spans(lengths: Sequence[int], budget_tokens: int) -> Iterator[tuple[int, int]]:
    """Where ``cut`` cuts rows of these ``lengths`` (longest first): beginning and end of each micro-batch."""
    start = 0
    for index in range(1, len(lengths) + 1):
        # Sorted: the first row of a group is its longest, so a group's size is rows times that.
        if index == len(lengths) or (index + 1 - start) * padded_length(lengths[start]) > budget_tokens:
            yield start, index
            start = index


def collate(examples: Sequence[Example], pad_id: int) -> MicroBatch:
    """Pad ``examples`` into one micro-batch; the token at position i is predicted from position i - 1."""
    longest = padded_length(max(len(example.ids) for example in examples))
    ids = np.full((len(examples), longest), pad_id, dtype=np.int64)
    positions, targets, sources, weights = [], [], [], []
    for row, example in enumerate(examples):
        ids[row, : len(example.ids)] = example.ids
        trained = np.flatnonzero(example.labels[1:] >= 0)
        positions.append(trained + row * longest)
        targets.append(example.labels[1:][trained])
        sources.append(np.full(len(trained), example.source, dtype=np.int32))
        weights.append(np.full(len(trained), example.weight, dtype=np.float32))
    return MicroBatch(
        input_ids=torch.from_numpy(ids),
        positions=torch.from_numpy(np.concatenate(positions).astype(np.int64)),
        targets=torch.from_numpy(np.concatenate(targets).astype(np.int64)),
        sources=np.concatenate(sources),
        num_tokens=sum(len(example.ids) for example in examples),
        weights=None
        if all(example.weight == 1.0 for example in examples)
        else torch.from_numpy(np.concatenate(weights)),
    )
