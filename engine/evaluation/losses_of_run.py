"""Whether a run whose rows are not answered has worked: the loss of each held-out row before and after training.

Plain text has no answers, and long ones are not generated unasked. What a row costs in bits is then what is compared.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from engine.evaluation.evaluate import Questions, summed_up, tell, unwritable
from engine.evaluation.heldout import batch_losses, sums_by_source
from engine.messages.message import Message
from engine.metrics.choose import choose
from engine.metrics.totals import text_scores
from engine.modeling.batches import Batch
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import evaluations
from engine.runs.evaluations import TUNED, Answer
from engine.runs.phases import Phases
from engine.tokens.examples import Example

MOST_PIECES = 500
"""Pieces of rows that are measured one by one: a small part of any training."""
MOST_KEPT = 2_000
"""Characters of what a row wants: enough to know it by."""
State = Callable[[], AbstractContextManager[Any]]


@dataclass
class LossesOfRun:
    """Measures ``rows``, the pieces of each held-out row; ``wanted`` are the answers or texts that they train.

    ``cut`` makes batches of at most so many padded tokens. ``baselines`` are the candidates before training, each with
    what tells its weights from others, and the state of the model in which it is this one; ``of_step`` tells the
    adapter after a step. The first of several ranks does all of it.
    """

    questions: Questions
    rows: Sequence[Sequence[Example]]
    wanted: Sequence[str]
    net: Any
    cut: Callable[[Sequence[Example], int], Sequence[Batch]]
    tokens: int
    device: torch.device
    baselines: Sequence[tuple[str, str, State]]
    of_step: Callable[[int], str]
    phases: Phases
    memory: MemoryGuard
    reason: Message
    notes: list[Message] = field(default_factory=list)

    def before(self) -> None:
        """Measure what the result will be compared with."""
        for name, weights, state in self.baselines:
            self._measure(name, weights, state)

    def conclude(self, step: int) -> None:
        """Measure the result, the adapter after ``step``, keep what all that says, and tell of it."""
        self._measure(TUNED, self.of_step(step), nullcontext)
        names = [*(name for name, _, _ in self.baselines), TUNED]
        kept = [answer for name in names for answer in self._kept(name).values()]
        choice = replace(choose([]), reason=self.reason)
        tell(summed_up(self.questions, kept, names, choice, self.notes, step), self.phases)

    def _measure(self, name: str, weights: str, state: State) -> None:
        """The loss of each row under candidate ``name``, kept; nothing where that was measured before."""
        mark = hashlib.blake2b(f"{weights} {self.questions.rows_mark}".encode(), digest_size=12).hexdigest()
        if sum(answer.mark == mark for answer in self._kept(name).values()) == len(self.rows):
            return
        began = time.monotonic()
        with state():
            sums, counts = self._losses()
        each_s = round((time.monotonic() - began) / max(1, len(sums)), 4)
        answers = [
            Answer(candidate=name, row=row, prompt="", reference=self.wanted[row][:MOST_KEPT], answer="", mark=mark,
                   seconds=each_s, scores=text_scores(sums[row], counts[row], len(self.wanted[row].encode())))
            for row in sorted(sums)
        ]  # fmt: skip
        try:
            evaluations.keep_answers(self.questions.where, answers)
        except OSError as error:
            raise unwritable(self.questions, error) from error

    def _kept(self, name: str) -> dict[int, Answer]:
        """The newest of each row."""
        found = evaluations.answers(self.questions.where)
        return {each.row: each for each in found if each.candidate == name and each.row < len(self.rows)}

    def _losses(self) -> tuple[dict[int, float], dict[int, int]]:
        """Summed losses and counted tokens of each row; batches are halved while memory runs out."""
        examples = [replace(piece, source=row) for row, pieces in enumerate(self.rows) for piece in pieces]
        while True:
            batches = self.cut(examples, self.tokens)
            self.memory.phase = "evaluation"
            try:
                parts = batch_losses(self.net, batches, self.device, self.phases.check)
                break
            except Exception as error:
                shortage = self.memory.shortage(error)
                if shortage is None:
                    raise
            if all(batch.rows == 1 for batch in batches):
                raise self.memory.ends(shortage, "runs.out-of-memory-held-out")
            self.tokens = max(batch.padded_tokens for batch in batches) // 2
            self.memory.repeats(shortage, self.tokens)
        return sums_by_source(parts)
