"""The processes of one run that train together: each takes a share of a step, then they add up and agree.

Gradients of an adapter are small, so they are added once a step, after every process has computed its share. Until
then nobody waits for anybody: one that ran out of memory, or was asked to stop, can say so first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist

_PATIENCE = timedelta(days=30)
"""For what the first process does alone, such as evaluations; whoever dies is noticed by its parent."""
_PRIMES = (1_000_003, 7_919)


class Sized(Protocol):
    """A row, as far as its share is concerned."""

    @property
    def ids(self) -> Any: ...


Row = TypeVar("Row", bound=Sized)
Value = TypeVar("Value")


class Ranks:
    """This process is number ``index`` of ``count``. A run in one process is ``ALONE``, and pays nothing."""

    def __init__(self, index: int = 0, count: int = 1) -> None:
        self.index, self.count = index, count

    @property
    def is_first(self) -> bool:
        """Whether this process writes the log, saves, evaluates and is steered."""
        return self.index == 0

    def mine(self, rows: list[Row]) -> list[Row]:
        """This process's share of a step's rows: dealt by length, so that all have about as much to do."""
        if self.count == 1:
            return rows
        ordered = sorted(rows, key=lambda row: -len(row.ids))
        return ordered[self.index :: self.count]

    def largest(self, number: int) -> int:
        """The largest ``number`` that any process names."""
        if self.count == 1:
            return number
        told = torch.tensor([number], dtype=torch.int64)
        dist.all_reduce(told, dist.ReduceOp.MAX)
        return int(told.item())

    def totals(self, numbers: Sequence[float]) -> list[float]:
        """Sums over all processes, in float64."""
        if self.count == 1:
            return list(numbers)
        told = torch.tensor(list(numbers), dtype=torch.float64)
        dist.all_reduce(told)
        found: list[float] = told.tolist()
        return found

    def add_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Each gradient becomes the sum of all processes'; one that had no rows counts as zero."""
        if self.count == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        for dtype in {gradient.dtype for gradient in gradients}:
            alike = [gradient for gradient in gradients if gradient.dtype == dtype]
            flat = torch.cat([gradient.reshape(-1) for gradient in alike])
            dist.all_reduce(flat)
            for gradient, summed in zip(alike, flat.split([each.numel() for each in alike]), strict=True):
                gradient.copy_(summed.view_as(gradient))

    def from_first(self, value: Value) -> Value:
        """What the first process calls with; the others' ``value`` is passed over."""
        if self.count == 1:
            return value
        told: list[Any] = [value]
        dist.broadcast_object_list(told, src=0, device=torch.device("cpu"))
        found: Value = told[0]
        return found

    def any_of(self, value: Value | None) -> Value | None:
        """The value of the lowest-numbered process that has one."""
        if self.count == 1:
            return value
        told: list[Any] = [None] * self.count
        dist.all_gather_object(told, value)
        return next((each for each in told if each is not None), None)

    def same_weights(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Begin with the first process's weights everywhere."""
        if self.count > 1:
            for parameter in parameters:
                dist.broadcast(parameter.data, src=0)

    def reseed(self, seed: int, step: int) -> None:
        """Random numbers of ``step`` of their own for all but the first process, whose state is in checkpoints."""
        if not self.is_first:
            torch.manual_seed((seed * _PRIMES[0] + step * _PRIMES[1] + self.index) % 2**63)

    def leave(self) -> None:
        """End the company; what is left to do is the first process's."""
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


ALONE = Ranks()


def join(index: int, count: int, place: str, device: torch.device) -> Ranks:
    """Meet the other processes at the file ``place``, which must not exist before; returns when all are there."""
    on_cpu = device.type == "cpu"
    dist.init_process_group(
        "gloo" if on_cpu else "cpu:gloo,cuda:nccl", init_method=f"file://{place}", rank=index, world_size=count,
        timeout=_PATIENCE, device_id=None if on_cpu else device,
    )  # fmt: skip
    return Ranks(index, count)
