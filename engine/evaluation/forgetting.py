"""The gauge of forgetting: how far the tuned model is from its base, on its own task and on what it is not trained for.

It reads a few fixed rows with each evaluation. The base is the same model with its adapter off; as it never changes,
its hidden states are kept from the first time on. Divergence on the new task's rows goes with what is forgotten
elsewhere (Shenfeld et al. 2025, arXiv:2509.04259).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import msgspec
import numpy as np
import torch

from engine.messages.message import Message
from engine.metrics.forgetting import mark_of
from engine.modeling.batches import Layout, MicroBatch, cut
from engine.modeling.kernels.base_loss import base_states, beside_base, evaluated
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.out_of_memory import MemoryGuard, OutOfMemory
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.state import rise
from engine.tokens.examples import Example

MOST_ROWS = 16
"""Rows of each kind: of the task, of general text, of earlier runs."""
ROW_TOKENS = 256
"""A longer row is read as far as this."""
TASK, GENERAL, OLD = range(3)


@dataclass(frozen=True)
class Figures:
    """Sums over the positions of one kind of row."""

    divergence: float = 0.0
    loss: float = 0.0
    base_loss: float = 0.0
    count: int = 0

    def plus(self, divergence: np.ndarray, loss: np.ndarray, base_loss: np.ndarray) -> Figures:
        return Figures(
            self.divergence + float(divergence.sum()), self.loss + float(loss.sum()),
            self.base_loss + float(base_loss.sum()), self.count + len(loss),
        )  # fmt: skip

    def mean(self, name: str) -> float | None:
        """None for no position, and for what is no number."""
        value = getattr(self, name) / self.count if self.count else math.nan
        return value if math.isfinite(value) else None


@dataclass
class Gauge:
    """Measures ``net`` on ``examples``: of each kind (TASK, GENERAL, OLD) some rows, cut as rows of the training are.

    ``autocast`` is what the training computes under. ``start`` is what was measured before the training, None until it
    is known: an adapter that is continued is far from the base from the beginning. A gauge for which there is no memory
    gives up, says so once, and never ends the run.
    """

    net: SupervisedLoss
    examples: Mapping[int, Sequence[Example]]
    budget_tokens: int
    layout: Layout
    device: torch.device
    phases: Phases
    memory: MemoryGuard
    autocast: Callable[[], AbstractContextManager[None]] = nullcontext
    start: ev.Forgetting | None = None
    _base: list[torch.Tensor] = field(default_factory=list)
    _batches: list[_Batch] = field(default_factory=list)
    _gave_up: bool = False

    def measure(self, step: int, moment: str) -> ev.Forgetting | None:
        """Emit a Forgetting event, and return it; None where there is no memory. Raises StopRequested."""
        if self._gave_up or not any(self.examples.values()):
            return None
        began = time.monotonic()
        self.phases.begin("forgetting")
        found = self._in_memory()
        if found is None:
            return None
        answers, prompts, general, texts, spoken, old = found
        event = ev.Forgetting(
            step=step, moment=moment, kl_task=answers.mean("divergence"), kl_prompts=prompts.mean("divergence"),
            kl_general=general.mean("divergence"), general_loss=general.mean("loss"),
            base_loss=general.mean("base_loss"), texts_loss=texts.mean("loss"), answers_loss=spoken.mean("loss"),
            old_loss=old.mean("loss"),
            task_rows=len(self.examples.get(TASK, ())), general_rows=len(self.examples.get(GENERAL, ())),
            seconds=round(time.monotonic() - began, 3),
        )  # fmt: skip
        self.start = start = self.start or event
        mark, reasons = mark_of(
            rise(event.kl_general, start.kl_general), rise(event.general_loss, start.general_loss),
            rise(event.old_loss, start.old_loss),
        )  # fmt: skip
        event = msgspec.structs.replace(
            event, mark=mark, reasons=reasons, kl_before=start.kl_general, general_before=start.general_loss,
            texts_before=start.texts_loss, answers_before=start.answers_loss, old_before=start.old_loss,
        )  # fmt: skip
        self.phases.sink(event)
        return event

    def _in_memory(self) -> tuple[Figures, ...] | None:
        """The figures, in smaller batches while memory runs out; None, said once, where single rows don't fit."""
        while True:
            self.memory.phase = "evaluation"
            try:
                return self._compute()
            except OutOfMemory:
                raise
            except Exception as error:
                shortage = self.memory.shortage(error)
                if shortage is None:
                    raise
            single = all(each.batch.rows == 1 for each in self._batches)
            largest = min(self.budget_tokens, max(each.batch.padded_tokens for each in self._batches))
            self._base, self._batches = [], []
            if single:
                self._gave_up = True
                self.phases.sink(ev.Warn(message=Message("forgetting.no-memory")))
                return None
            self.budget_tokens = largest // 2
            self.memory.repeats(shortage, self.budget_tokens)

    @torch.no_grad()
    def _compute(self) -> tuple[Figures, ...]:
        """Over answers and prompts of the task, general rows, the texts and the answers among these, and old rows."""
        if not self._batches:
            self._batches = [
                part for kind, rows in self.examples.items()
                for part in _batches(kind, rows, self.budget_tokens, self.layout)
            ]  # fmt: skip
        answers = prompts = general = texts = spoken = old = Figures()
        with evaluated(self.net), self.autocast():
            for index, part in enumerate(self._batches):
                self.phases.check()
                answered, inputs = part.answered, part.batch.inputs(self.device)
                if index == len(self._base):
                    input_ids, positions, _, _, *packed, _ = inputs
                    self._base.append(base_states(self.net.model, input_ids, positions, *packed).cpu())
                beside = beside_base(self.net, inputs, self._base[index].to(self.device))
                measured = (beside.divergence, beside.loss, beside.base_loss)
                numbers = [each.cpu().double().numpy() for each in measured]
                trained = [each[answered] for each in numbers]
                if part.kind == TASK:
                    answers = answers.plus(*trained)
                    prompts = prompts.plus(*(each[~answered] for each in numbers))
                elif part.kind == GENERAL:
                    general = general.plus(*trained)
                    texts = texts.plus(*(each[answered & ~part.spoken] for each in numbers))
                    spoken = spoken.plus(*(each[answered & part.spoken] for each in numbers))
                else:
                    old = old.plus(*trained)
        return answers, prompts, general, texts, spoken, old


class _Batch(NamedTuple):
    """Rows of one kind; of its positions ``answered`` lead to a trained token, ``spoken`` are of a dialogue."""

    kind: int
    batch: MicroBatch
    answered: np.ndarray
    spoken: np.ndarray


def _batches(kind: int, rows: Sequence[Example], budget_tokens: int, layout: Layout) -> list[_Batch]:
    """``rows`` in batches over all their tokens."""
    whole = [replace(row, labels=row.ids, source=number, weight=1.0, seed=None) for number, row in enumerate(rows)]
    found = []
    for batch in cut(whole, budget_tokens, *layout):
        order = dict.fromkeys(batch.sources.tolist())
        answered = np.concatenate([rows[number].labels[1:] >= 0 for number in order])
        spoken = [np.full(len(rows[number].ids) - 1, bool((rows[number].labels < 0).any())) for number in order]
        found.append(_Batch(kind, batch, answered, np.concatenate(spoken)))
    return found


def shortened(example: Example, tokens: int = ROW_TOKENS) -> Example:
    """The first ``tokens`` of an example."""
    return replace(example, ids=example.ids[:tokens], labels=example.labels[:tokens])
