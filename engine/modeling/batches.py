"""From tokenised rows to micro-batches: a fixed order, cut by length under a token budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from engine.data.mixing.mix import Passes
from engine.memory.job import padded_length
from engine.models.card import PADDING
from engine.tokens.examples import Example

_START_SHARE = 40
"""Starting a micro-batch, which is kernels to launch and 4-bit weights to unpack, counts as much as this part of the
budget: that is larger where a device is fast and launches show. Rows of alpaca then carry a tenth of padding."""
_START_TOKENS = 96
"""At least: launches cost time where the budget is small too, and a CPU compiles kernels for each new shape."""
_ALIGNED = 16
"""Bytes. Every part begins at a multiple of this, so that it can be seen as numbers of any dtype."""


class Layout(NamedTuple):
    """How rows lie in a batch: padded with ``pad_id``, or ``packed``; ``coarsest`` is that of ``padded_length``."""

    pad_id: int
    packed: bool = False
    coarsest: int = PADDING


class Batch(Protocol):
    """What is computed at once, whatever is trained. Its loss is a weighted sum over parts, such as tokens or pairs.

    ``rows`` are what it could still be cut into, ``lengths`` the tokens of each sequence in it and ``row_tokens`` those
    of the longest, padded; ``packed_tokens`` is 0 where sequences are padded. ``sources`` (N,) tells the data source of
    each part, ``weight`` is the sum of what they count for. ``inputs`` are what the net takes. ``places`` tells which
    of the rows that were cut each of its rows is, and ``held_parts`` how many of its parts are of that row.
    """

    @property
    def rows(self) -> int: ...
    @property
    def lengths(self) -> Sequence[int]: ...
    @property
    def row_tokens(self) -> int: ...
    @property
    def num_tokens(self) -> int: ...
    @property
    def padded_tokens(self) -> int: ...
    @property
    def packed_tokens(self) -> int: ...
    @property
    def supervised_tokens(self) -> int: ...
    @property
    def sources(self) -> np.ndarray: ...
    @property
    def weight(self) -> float: ...
    @property
    def places(self) -> Sequence[int]: ...
    @property
    def held_parts(self) -> Sequence[int]: ...
    def inputs(self, device: torch.device) -> tuple[Any, ...]: ...


@dataclass(frozen=True)
class MicroBatch:
    """What is computed at once. ``positions`` index the flattened ``input_ids``; ``targets`` are predicted there.

    Rows lie below each other, padded on the right, or are packed: end to end in one sequence, with ``position_ids``
    that begin anew with each.
    """

    input_ids: torch.Tensor  # (rows, longest), or (1, tokens) of packed rows
    positions: torch.Tensor  # (N,)
    targets: torch.Tensor  # (N,)
    sources: np.ndarray  # (N,) index of the data source of each supervised token
    lengths: tuple[int, ...]  # of each row, without padding
    row_tokens: int  # of the longest row, padded
    weights: torch.Tensor | None = None  # (N,) float32, what each target counts for in the loss; None: 1 each
    position_ids: torch.Tensor | None = None  # (1, tokens) of packed rows
    row_starts: torch.Tensor | None = None  # (rows + 1,) int32, and the end of the last, of rows in one sequence
    drawn: tuple[tuple[int, int, int], ...] = ()  # begin in the flattened ids, length and seed of rows with noise
    held_parts: tuple[int, ...] = ()  # supervised tokens of each row
    places: tuple[int, ...] = ()  # of each row among those that were cut

    @property
    def rows(self) -> int:
        return len(self.lengths)

    @property
    def num_tokens(self) -> int:
        """Tokens without padding."""
        return sum(self.lengths)

    @property
    def padded_tokens(self) -> int:
        return self.input_ids.numel()

    @property
    def supervised_tokens(self) -> int:
        return int(self.targets.numel())

    @property
    def packed_tokens(self) -> int:
        """Tokens of the sequence that rows are packed in; 0 where they are not."""
        return 0 if self.position_ids is None else self.input_ids.numel()

    def inputs(self, device: torch.device) -> tuple[Any, ...]:
        """What ``SupervisedLoss`` takes, on ``device``."""
        tensors = (self.input_ids, self.positions, self.targets, self.weights, self.position_ids, self.row_starts)
        return (*to_device(tensors, device), self.row_tokens, self.drawn)

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


class SkippingPlan(StepPlan):
    """``before`` without some of its rows: those of ``skipped`` (an array of row indices each) after a step each.

    All other rows stay where they are, so a step may be smaller than a batch, or have none at all.
    """

    def __init__(self, before: StepPlan, skipped: Sequence[tuple[int, np.ndarray]]) -> None:
        super().__init__(before.passes, before.batch_size, 1.0, before.total_steps)
        self.before, self.skipped = before, tuple(skipped)

    def rows(self, step: int) -> np.ndarray:
        rows = self.before.rows(step)
        for after, left_out in self.skipped:
            if step > after:
                rows = rows[~np.isin(rows, left_out)]
        return rows

    def epoch_after(self, step: int) -> float:
        return self.before.epoch_after(step)


def cut(
    examples: Sequence[Example], budget_tokens: int, pad_id: int, packed: bool = False, coarsest: int = PADDING
) -> list[MicroBatch]:
    """Cut the rows of a step into micro-batches of at most ``budget_tokens`` padded tokens, longest rows first.

    A row longer than the budget is a micro-batch of its own. Sorting keeps the padding small, and where rows are
    ``packed`` there is none but at the end; the sum of the losses does not depend on the cut. ``coarsest`` is that of
    ``padded_length``.
    """
    places = sorted(range(len(examples)), key=lambda place: -len(examples[place].ids))
    lengths = [len(examples[place].ids) for place in places]
    return [
        replace(
            collate([examples[place] for place in places[start:stop]], pad_id, packed, coarsest),
            places=tuple(places[start:stop]),
        )
        for start, stop in spans(lengths, budget_tokens, packed, coarsest)
    ]


def spans(
    lengths: Sequence[int], budget_tokens: int, packed: bool = False, coarsest: int = PADDING
) -> Iterator[tuple[int, int]]:
    """Where ``cut`` cuts rows of these ``lengths`` (longest first): beginning and end of each micro-batch."""
    if not packed:
        yield from _least_padded(lengths, budget_tokens, coarsest)
        return
    start = total = 0
    for index, length in enumerate(lengths):
        if index > start and padded_length(total + length, coarsest) > budget_tokens:
            yield start, index
            start, total = index, 0
        total += length
    if len(lengths):
        yield start, len(lengths)


def _least_padded(lengths: Sequence[int], budget_tokens: int, coarsest: int) -> list[tuple[int, int]]:
    """The cut with the least to compute: padded tokens, and for each micro-batch what starting it costs.

    ``best[stop]`` is the least for all rows before ``stop``, and ``begins[stop]`` where its last micro-batch begins.
    """
    start_cost = max(_START_TOKENS, budget_tokens // _START_SHARE)
    widths = [padded_length(length, coarsest) for length in lengths]
    best, begins = [0], [0]
    for stop in range(1, len(widths) + 1):
        least, begin = best[stop - 1] + widths[stop - 1], stop - 1
        # Sorted: the first row of a group is its longest, so a group's size is rows times that.
        for start in range(stop - 2, -1, -1):
            size = (stop - start) * widths[start]
            if size > budget_tokens or widths[start] - widths[stop - 1] > start_cost:
                break  # still longer rows fit even less, or the last row is cheaper alone
            if best[start] + size <= least:
                least, begin = best[start] + size, start
        best.append(least + start_cost)
        begins.append(begin)
    found, stop = [], len(widths)
    while stop:
        found.append((begins[stop], stop))
        stop = begins[stop]
    return found[::-1]


def collate(examples: Sequence[Example], pad_id: int, packed: bool = False, coarsest: int = PADDING) -> MicroBatch:
    """One micro-batch of ``examples``; the token at position i is predicted from position i - 1.

    A single row is never packed: it is one already.
    """
    lengths = [len(example.ids) for example in examples]
    longest = padded_length(max(lengths), coarsest)
    packed = packed and len(examples) > 1
    begins = np.cumsum([0, *lengths[:-1]]) if packed else np.arange(len(examples)) * longest
    computed = padded_length(sum(lengths), coarsest) if packed else len(examples) * longest
    ids = np.full(computed, pad_id, dtype=np.int64)
    positions, targets, sources, weights = [], [], [], []
    for begin, example in zip(begins, examples, strict=True):
        ids[begin : begin + len(example.ids)] = example.ids
        trained = np.flatnonzero(example.labels[1:] >= 0)
        positions.append(trained + begin)
        targets.append(example.labels[1:][trained])
        sources.append(np.full(len(trained), example.source, dtype=np.int32))
        weights.append(np.full(len(trained), example.weight, dtype=np.float32))
    weighs = any(example.weight != 1.0 for example in examples)
    return MicroBatch(
        input_ids=torch.from_numpy(ids).view(1 if packed else len(examples), -1),
        positions=torch.from_numpy(np.concatenate(positions).astype(np.int64)),
        targets=torch.from_numpy(np.concatenate(targets).astype(np.int64)),
        sources=np.concatenate(sources),
        lengths=tuple(lengths),
        row_tokens=longest,
        weights=torch.from_numpy(np.concatenate(weights)) if weighs else None,
        position_ids=_position_ids(lengths, len(ids)) if packed else None,
        row_starts=_row_starts(lengths, len(ids)) if packed or len(examples) == 1 else None,
        drawn=tuple(
            (begin, example.length, example.seed)
            for begin, example in zip(begins.tolist(), examples, strict=True)
            if example.seed is not None
        ),
        held_parts=tuple(len(of_row) for of_row in targets),
    )


def _row_starts(lengths: Sequence[int], tokens: int) -> torch.Tensor:
    """(rows + 1,): where each row of a sequence of ``tokens`` begins, and where the last ends.

    Padding behind several rows is one more; behind a single one it is part of that.
    """
    ends = np.cumsum(lengths[:-1] if len(lengths) == 1 else lengths)
    return torch.from_numpy(np.unique([0, *ends, tokens]).astype(np.int32))


def _position_ids(lengths: Sequence[int], tokens: int) -> torch.Tensor:
    """(1, tokens): from 0 in each row, and in the padding behind the last as if it were one more."""
    parts = [np.arange(length) for length in (*lengths, tokens - sum(lengths))]
    return torch.from_numpy(np.concatenate(parts).astype(np.int64)).view(1, -1)


def to_device(tensors: Sequence[Tensor | None], device: torch.device) -> tuple[Tensor | None, ...]:
    """``tensors`` on ``device``, None where there is none. They share one block of memory there."""
    if device.type != "cuda":
        return tuple(None if tensor is None else tensor.to(device) for tensor in tensors)
    begins, size = [], 0
    for tensor in tensors:
        begins.append(size)
        size += 0 if tensor is None else -(-tensor.nbytes // _ALIGNED) * _ALIGNED
    pinned = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    for tensor, part in zip(tensors, _parts(tensors, begins, pinned), strict=True):
        if tensor is not None and part is not None:
            part.copy_(tensor)
    # Pinned memory that is let go is not used again before the copy is done: torch's allocator sees to that.
    return _parts(tensors, begins, pinned.to(device, non_blocking=True))


def _parts(tensors: Sequence[Tensor | None], begins: Sequence[int], block: Tensor) -> tuple[Tensor | None, ...]:
    """The places of ``tensors`` in ``block`` (bytes), in their own shapes and dtypes."""
    return tuple(
        None if tensor is None else block[begin : begin + tensor.nbytes].view(tensor.dtype).view(tensor.shape)
        for tensor, begin in zip(tensors, begins, strict=True)
    )
