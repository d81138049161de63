"""The largest piece of every phase once, before the first step: memory runs out now, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from engine.evaluation.assess import Assessor, LargestWork
from engine.modeling.batches import Batch
from engine.modeling.optimizers import first_states
from engine.modeling.out_of_memory import Shortage
from engine.modeling.randomness import unchanged
from engine.training.loop import half_of
from engine.training.prepare import Training


@dataclass(frozen=True)
class Rehearsed:
    """What worked: ``budget_tokens`` for batches, those tried with it, and the largest evaluation."""

    budget_tokens: int
    batches: Sequence[Batch]
    evaluation: LargestWork


class Rehearsal:
    """Tries what the run will compute. It leaves no trace: weights, optimizer and random numbers stay as they were."""

    def __init__(self, training: Training, assessor: Assessor) -> None:
        self._training, self._assessor = training, assessor
        self._memory, self._peaks, self._check = training.memory, training.peaks, training.phases.check
        built = training.built
        self._net, self._optimizer, self._accelerator = built.net, built.optimizer, built.accelerator
        self._parameters = [p for group in built.optimizer.param_groups for p in group["params"]]

    def run(self, budget_tokens: int, after_step: int = 0) -> Rehearsed:
        """Try the steps after ``after_step`` and an evaluation, in smaller pieces until they work.

        Raises OutOfMemory when single rows don't, StopRequested between two pieces.
        """
        self._memory.step = None
        with unchanged():
            states: list[torch.Tensor] = []
            try:
                self._memory.phase = "step"
                states = self._allocate()
                batches, budget_tokens = self._steps(budget_tokens, after_step)
                self._check()
                self._peaks.restart()
                largest = self._assessor.rehearse()
                self._peaks.take("evaluation")
            finally:
                states.clear()
                self._optimizer.zero_grad(set_to_none=True)
        return Rehearsed(budget_tokens, batches, largest)

    def _allocate(self) -> list[torch.Tensor]:
        """The optimizer's states, which from the second step on are there all the time; none if they are already."""
        if self._optimizer.state:
            return []
        try:
            return first_states(self._training.config.train, self._parameters)
        except Exception as error:
            shortage = self._memory.shortage(error)
            if shortage is None:
                raise
        raise self._memory.ends(shortage, "runs.out-of-memory-states")

    def _steps(self, budget_tokens: int, after_step: int) -> tuple[Sequence[Batch], int]:
        """The largest batches that work, and the budget that they are cut by."""
        training = self._training
        while True:
            batches = training.objective.largest(
                training.rows.train, training.steps, budget_tokens, training.layout, after_step
            )
            shortage = self._try(batches)
            if shortage is None:
                return batches, budget_tokens
            if all(batch.rows == 1 for batch in batches):
                raise self._memory.ends(shortage, "runs.out-of-memory-row")
            budget_tokens = half_of(budget_tokens, batches)
            self._memory.repeats(shortage, budget_tokens)

    def _try(self, batches: Sequence[Batch]) -> Shortage | None:
        """Forward and backward of each, beside gradients as a step's other micro-batches leave them."""
        self._net.train()
        device = self._accelerator.device
        try:
            for parameter in self._parameters:
                parameter.grad = torch.zeros_like(parameter)
            for batch in batches:
                self._check()
                self._memory.phase = "loss"
                self._peaks.restart()
                inputs = batch.inputs(device)
                loss, _ = self._net(*inputs)
                self._peaks.take("loss")
                self._memory.phase = "backward"
                self._accelerator.backward(loss / (batch.weight or 1.0))
                self._peaks.take("backward")
                del loss, inputs
            self._memory.phase = "step"
            torch.nn.utils.get_total_norm([p.grad for p in self._parameters if p.grad is not None])
            self._peaks.take("step")
            return None
        except Exception as error:
            shortage = self._memory.shortage(error)
            if shortage is None:
                raise
            return shortage
        finally:
            self._optimizer.zero_grad(set_to_none=True)
