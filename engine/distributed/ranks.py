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

_ALONE_S = timedelta(days=30)
"""For what the first process does alone while the others wait, such as saving. Not how a death is noticed: the first
watches the processes it started, and they end with it."""
_SUM_S = timedelta(minutes=10)
"""For adding up on the GPUs: all have just agreed to, so whoever is not there then hangs."""
_PRIMES = (1_000_003, 7_919)


class Sized(Protocol):
    """A row, as far as its share is concerned: so many tokens."""

    @property
    def length(self) -> int: ...


Row = TypeVar("Row", bound=Sized)
Value = TypeVar("Value")
Thing = TypeVar("Thing")
Tensor = TypeVar("Tensor", bound=torch.Tensor)


class Ranks:
    """This process is number ``index`` of ``count``. A run in one process is ``ALONE``, and pays nothing."""

    def __init__(self, index: int = 0, count: int = 1, on_gpu: Any = None) -> None:
        """``on_gpu`` is the group that tensors on GPUs are added up in; None on the CPU."""
        self.index, self.count, self._on_gpu = index, count, on_gpu

    @property
    def is_first(self) -> bool:
        """Whether this process writes the log, saves, evaluates and is steered."""
        return self.index == 0

    def mine(self, rows: list[Row]) -> list[Row]:
        """This process's share of a step's rows: dealt by length, so that all have about as much to do."""
        if self.count == 1:
            return rows
        ordered = sorted(rows, key=lambda row: -row.length)
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
        for gradients in by_dtype([parameter.grad for parameter in parameters if parameter.grad is not None]):
            flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
            dist.all_reduce(flat, group=self._on_gpu)
            for gradient, summed in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
                gradient.copy_(summed.view_as(gradient))

    def rehearse(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Add up as much as a step does, of zeros: NCCL takes its buffers now, and not when memory was measured."""
        if self.count == 1:
            return
        for alike in by_dtype(list(parameters)):
            size = sum(parameter.numel() for parameter in alike)
            dist.all_reduce(alike[0].new_zeros(size), group=self._on_gpu)

    def from_first(self, value: Value) -> Value:
        """What the first process calls with; the others' ``value`` is passed over."""
        if self.count == 1:
            return value
        told: list[Any] = [value]
        dist.broadcast_object_list(told, src=0)
        found: Value = told[0]
        return found

    def everyone(self, value: Value) -> list[Value]:
        """The ``value`` of each process, in their order."""
        if self.count == 1:
            return [value]
        told: list[Any] = [None] * self.count
        dist.all_gather_object(told, value)
        return told

    def any_of(self, value: Value | None) -> Value | None:
        """The value of the lowest-numbered process that has one."""
        return next((each for each in self.everyone(value) if each is not None), None)

    def dealt(self, things: Sequence[Thing]) -> list[Thing]:
        """This process's share of ``things``: every ``count``-th of them."""
        return list(things[self.index :: self.count])

    def collected(self, shares: Sequence[Sequence[Thing]]) -> list[Thing]:
        """Undo ``dealt``: the things in their order, from the ``shares`` of all processes."""
        whole: list[Thing] = [thing for share in shares for thing in share]
        for index, share in enumerate(shares):
            whole[index :: len(shares)] = share
        return whole

    def same_weights(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Begin with the first process's weights everywhere. Raises RuntimeError where they are not of one form."""
        form = [(tuple(parameter.shape), str(parameter.dtype)) for parameter in parameters]
        if self.from_first(form) != form:
            raise RuntimeError("the weights to be trained differ in form or order from the first process's")
        if self.count > 1:
            for parameter in parameters:
                dist.broadcast(parameter.data, src=0, group=self._on_gpu)

    def reseed(self, seed: int, step: int) -> None:
        """Random numbers of ``step`` of their own for all but the first process, whose state is in checkpoints."""
        if not self.is_first:
            torch.manual_seed((seed * _PRIMES[0] + step * _PRIMES[1] + self.index) % 2**63)

    def leave(self) -> None:
        """Part once all have come here, so that nobody ends while another still counts on it."""
        if self.count > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()

    def break_off(self) -> None:
        """Part without the others, who may be gone. NCCL would wait for them: its group ends with the process."""
        if self.count > 1 and dist.is_initialized() and self._on_gpu is None:
            dist.destroy_process_group()


ALONE = Ranks()


def by_dtype(tensors: Sequence[Tensor]) -> list[list[Tensor]]:
    """``tensors`` of one dtype together, in the order of their first: the same in every process, as a set's is not."""
    alike: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        alike.setdefault(tensor.dtype, []).append(tensor)
    return list(alike.values())


def join(index: int, count: int, place: str, device: torch.device) -> Ranks:
    """Meet the other processes at the file ``place``, which must not exist before; returns when all are there."""
    dist.init_process_group("gloo", init_method=f"file://{place}", rank=index, world_size=count, timeout=_ALONE_S)
    if device.type == "cpu":
        return Ranks(index, count)
    return Ranks(index, count, dist.new_group(backend="nccl", timeout=_SUM_S, device_id=device))
