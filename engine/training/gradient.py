"""The gradient of an optimizer step: what its micro-batches, and all processes, add up to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch

from engine.evaluation.heldout import add_by_source
from engine.messages.message import Message
from engine.modeling.batches import Batch
from engine.runs import events as ev
from engine.training.prepare import Training


@dataclass
class Tally:
    """What one optimizer step adds up. ``loss`` and the losses ``per_part`` stay on the device until they are read."""

    loss: torch.Tensor | None = None
    per_part: list[torch.Tensor] = field(default_factory=list)
    sources: list[np.ndarray] = field(default_factory=list)
    tokens: int = 0
    supervised: int = 0
    weight: float = 0.0
    sums: dict[int, float] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


class Gradient:
    """Adds up the gradients of a step in the net of ``training``. ``between`` is called before each micro-batch."""

    def __init__(self, training: Training, between: Callable[[], None]) -> None:
        built = training.built
        self._net, self._accelerator, self._device = built.net, built.accelerator, built.accelerator.device
        self._memory, self._steering, self._ranks = training.memory, training.steering, training.ranks
        self._sink, self._sources, self._between = training.phases.sink, training.rows.sources, between
        self._parameters = [p for group in built.optimizer.param_groups for p in group["params"]]
        self._most_norm = training.config.train.max_grad_norm or math.inf
        self._told_overflow = False

    def add_up(self, batches: Sequence[Batch]) -> Tally | None:
        """Gradients of a step: the weighted sum of the losses of all its parts over the sum of their weights."""
        # Rows that all count nothing leave no gradient.
        weight = self._ranks.totals([sum(batch.weight for batch in batches)])[0] or 1.0
        tally = Tally(supervised=sum(batch.supervised_tokens for batch in batches), weight=weight)
        for index, batch in enumerate(batches):
            if self._steering.stop_requested:
                return None
            self._between()
            inputs = batch.inputs(self._device)
            last = index == len(batches) - 1
            self._memory.phase = "loss"
            with self._accelerator.no_sync(self._net) if not last else nullcontext():
                loss, per_part = self._net(*inputs)
                self._memory.phase = "backward"
                self._accelerator.backward(loss / weight)
            tally.loss = loss.detach() if tally.loss is None else tally.loss + loss.detach()
            tally.tokens += batch.num_tokens
            tally.per_part.append(per_part.detach())
            if len(self._sources) > 1:
                tally.sources.append(batch.sources)
        return tally

    def finish(self, tally: Tally) -> tuple[float, float]:
        """Add the processes' gradients and clip them; mean loss and norm (before clipping) of all of them."""
        self._ranks.add_gradients(self._parameters)
        self._memory.phase = "step"
        norm = self._accelerator.clip_grad_norm_(self._parameters, self._most_norm)
        loss, grad_norm = self._read(tally, torch.as_tensor(norm, device=self._device))
        if self._ranks.count > 1:
            loss = self._of_all(tally, loss)
        return loss / tally.weight, grad_norm

    def _read(self, tally: Tally, norm: torch.Tensor) -> tuple[float, float]:
        """Sum of this process's losses, by source too, and the norm: the only wait for the device in a step."""
        none = torch.zeros_like(norm) if tally.loss is None else tally.loss
        by_source = tally.per_part if tally.sources else []
        numbers = torch.cat([part.reshape(-1).float() for part in (none, norm, *by_source)]).cpu()
        loss, grad_norm = numbers[:2].tolist()
        if by_source:
            losses = numbers[2:].double().numpy()
            add_by_source(tally.sums, tally.counts, np.concatenate(tally.sources), losses)
        return loss, grad_norm

    def _of_all(self, tally: Tally, loss: float) -> float:
        """Counts, and losses by source, of all processes; returns the sum of their losses."""
        sources = range(len(self._sources))
        told = self._ranks.totals(
            [
                loss, tally.tokens, tally.supervised,
                *(tally.sums.get(source, 0.0) for source in sources),
                *(tally.counts.get(source, 0) for source in sources),
            ]
        )  # fmt: skip
        loss, tokens, supervised, *rest = told
        tally.tokens, tally.supervised = int(tokens), int(supervised)
        counts = {source: int(count) for source, count in zip(sources, rest[len(sources) :], strict=True)}
        tally.counts = {source: count for source, count in counts.items() if count and len(self._sources) > 1}
        tally.sums = {source: rest[source] for source in tally.counts}
        return loss

    def overflowed(self, step: int, loss: float, grad_norm: float) -> bool:
        """Whether the scaled gradient left float16's range; the scale is halved then, for the step to be repeated."""
        scaler = self._accelerator.scaler
        if scaler is None or not math.isfinite(loss) or math.isfinite(grad_norm) or scaler.get_scale() <= 1:
            return False
        scaler.update()
        if not self._told_overflow:
            self._told_overflow = True
            self._sink(ev.Warn(message=Message("events.overflow", step=step), step=step))
        return True


def row_losses(batches: Sequence[Batch], per_part: Sequence[torch.Tensor], indices: Sequence[int]) -> dict[int, float]:
    """Mean loss of each row's parts, by its index; ``indices`` are those of the rows that ``batches`` were cut from."""
    found: dict[int, float] = {}
    for batch, losses in zip(batches, per_part, strict=True):
        begin, on_host = 0, losses.float().cpu()
        for place, count in zip(batch.places, batch.held_parts, strict=True):
            if count:
                found[indices[place]] = float(on_host[begin : begin + count].mean())
            begin += count
    return found
