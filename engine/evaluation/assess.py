"""Measures a model before, during and after training: held-out loss, metrics over its answers, samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from engine.config.schema import RunConfig
from engine.data.messages import Message, Row
from engine.evaluation.generate import Generator
from engine.evaluation.heldout import HeldoutLoss, heldout_loss
from engine.evaluation.metrics import METRICS
from engine.runs import events as ev
from engine.training.batches import MicroBatch
from engine.training.out_of_memory import MemoryGuard
from engine.training.phases import Phases, Sink
from engine.training.render import Renderer

Moment = Literal["before", "during", "after"]
_TITLES = {
    "before": "what the model can do before training",
    "during": "the held-out rows",
    "after": "what the model can do now",
}


@dataclass(frozen=True)
class LargestWork:
    """The most that an evaluation computes at once: a micro-batch, and tokens of prompts and answers side by side."""

    rows: int = 0
    row_tokens: int = 0
    supervised_tokens: int = 0
    answer_tokens: int = 0


@dataclass
class Assessor:
    """``net`` gives losses, ``generator`` answers; ``rows`` are held-out dialogues, ``batches`` their tokens.

    ``recut`` gives the batches anew, of at most so many padded tokens.
    """

    config: RunConfig
    net: Any
    generator: Generator
    renderer: Renderer
    rows: Sequence[Row]
    batches: Sequence[MicroBatch]
    sources: Sequence[str]
    device: torch.device
    sink: Sink
    phases: Phases
    check: Callable[[], None]
    memory: MemoryGuard
    recut: Callable[[int], Sequence[MicroBatch]]

    def evaluate(self, step: int, moment: Moment) -> float | None:
        """Emit an Eval event (and Sample events before and after); returns the held-out loss.

        Metrics generate an answer a row, so they are measured before and after, not during.
        """
        if not self.batches and not self.config.sample.prompts:
            return None
        began = time.monotonic()
        report = self.phases.progress(f"evaluate {moment}", f"measuring {_TITLES[moment]}", "batches")
        found = self._losses(lambda: self.batches, report)
        metrics: dict[str, float] = {}
        counted = len(self.rows) or len(self.batches)
        if moment != "during":
            metrics, counted = self._answers(step, moment)
        if found.loss is None:
            return None
        by_source = {self.sources[i]: loss for i, loss in found.by_source.items()}
        self.sink(
            ev.Eval(
                step=step, moment=moment, loss=found.loss, n=counted, metrics=metrics,
                seconds=round(time.monotonic() - began, 2),
                loss_by_source=by_source if len(self.sources) > 1 else {},
            )
        )  # fmt: skip
        return found.loss

    def rehearse(self) -> LargestWork:
        """Compute the largest micro-batch of an evaluation once, and begin its largest group of answers."""
        prompts = [self._prompt(row) for row in self._asked()] + self._own_prompts()
        answers = self.generator.rehearse(prompts, self.config.eval.max_new_tokens) if prompts else 0
        if not self.batches:
            return LargestWork(answer_tokens=answers)
        self._losses(lambda: [self._largest()])
        largest = self._largest()
        rows, row_tokens = largest.input_ids.shape
        return LargestWork(rows, row_tokens, largest.supervised_tokens, answers)

    def _largest(self) -> MicroBatch:
        return max(self.batches, key=lambda batch: (batch.padded_tokens, batch.supervised_tokens))

    def _losses(
        self, batches: Callable[[], Sequence[MicroBatch]],
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> HeldoutLoss:  # fmt: skip
        """Losses of ``batches()``; when memory runs out all are cut smaller and computed again."""
        while True:
            self.memory.phase = "evaluation"
            try:
                return heldout_loss(self.net, batches(), self.device, self.check, report)
            except Exception as error:
                shortage = self.memory.shortage(error)
                if shortage is None:
                    raise
            if all(len(batch.input_ids) == 1 for batch in batches()):
                raise self.memory.ends(shortage, "Out of memory, even with one held-out row at a time")
            tokens = max(batch.padded_tokens for batch in batches()) // 2
            self.batches = self.recut(tokens)
            self.memory.repeats(shortage, tokens)

    def sample(self, step: int, moment: Moment = "during") -> None:
        """Answer the sample prompts and rows and emit a Sample event for each."""
        rows = list(self.rows[: self.config.sample.rows])
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment)
        self._emit_samples(step, moment, rows, answers)

    def _answers(self, step: int, moment: Moment) -> tuple[dict[str, float], int]:
        """Metrics over answers to held-out rows, and how many; the first of them are samples too."""
        wanted = self.config.eval.metrics
        shown = self.config.sample.rows
        rows = self._asked()
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment)
        self._emit_samples(step, moment, rows[:shown], answers[: len(rows)][:shown] + answers[len(rows) :])
        measured = rows[: self.config.eval.generate_rows]
        if not wanted or not measured:
            return {}, len(self.rows) or len(self.batches)
        references = [row.messages[-1].text for row in measured]
        return {name: METRICS[name](answers[: len(measured)], references) for name in wanted}, len(measured)

    def _asked(self) -> list[Row]:
        """The held-out rows that are answered before and after training."""
        shown = self.config.sample.rows
        wanted = max(self.config.eval.generate_rows, shown) if self.config.eval.metrics else shown
        return list(self.rows[:wanted])

    def _generate(self, prompts: list[list[int]], moment: Moment) -> list[str]:
        if not prompts:
            return []
        if moment != "during":
            self.phases.begin(f"answer {moment}", "generating answers")
        report = self.phases.progress(f"answer {moment}", "generating answers", "answers")
        return self.generator.answer(prompts, self.config.eval.max_new_tokens, report)

    def _prompt(self, row: Row) -> list[int]:
        return self.renderer.prompt_ids(row.messages[:-1], row.tools)

    def _own_prompts(self) -> list[list[int]]:
        return [self.renderer.prompt_ids((Message("user", text),)) for text in self.config.sample.prompts]

    def _emit_samples(self, step: int, moment: Moment, rows: list[Row], answers: list[str]) -> None:
        """One event an answer; those to the prompts of the config follow those to rows."""
        shown = [(row.messages[-2].text if len(row.messages) > 1 else "", row.messages[-1].text) for row in rows]
        asked: list[tuple[str, str | None]] = [*shown, *((text, None) for text in self.config.sample.prompts)]
        for index, ((prompt, reference), answer) in enumerate(zip(asked, answers, strict=True)):
            self.sink(
                ev.Sample(
                    step=step, moment=moment, index=index, prompt=prompt[:2000], answer=answer[:4000],
                    reference=None if reference is None else reference[:4000],
                )
            )  # fmt: skip
