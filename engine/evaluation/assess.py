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
from engine.evaluation.heldout import heldout_loss
from engine.evaluation.metrics import METRICS
from engine.runs import events as ev
from engine.training.batches import MicroBatch
from engine.training.phases import Phases, Sink
from engine.training.render import Renderer

Moment = Literal["before", "during", "after"]
_TITLES = {
    "before": "what the model can do before training",
    "during": "the held-out rows",
    "after": "what the model can do now",
}


@dataclass
class Assessor:
    """``net`` gives losses, ``generator`` answers; ``rows`` are held-out dialogues, ``batches`` their tokens."""

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

    def evaluate(self, step: int, moment: Moment) -> float | None:
        """Emit an Eval event (and Sample events before and after); returns the held-out loss.

        Metrics generate an answer a row, so they are measured before and after, not during.
        """
        if not self.batches and not self.config.sample.prompts:
            return None
        began = time.monotonic()
        report = self.phases.progress(f"evaluate {moment}", f"measuring {_TITLES[moment]}", "batches")
        found = heldout_loss(self.net, self.batches, self.device, self.check, report)
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

    def sample(self, step: int, moment: Moment = "during") -> None:
        """Answer the sample prompts and rows and emit a Sample event for each."""
        rows = list(self.rows[: self.config.sample.rows])
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment)
        self._emit_samples(step, moment, rows, answers)

    def _answers(self, step: int, moment: Moment) -> tuple[dict[str, float], int]:
        """Metrics over answers to held-out rows, and how many; the first of them are samples too."""
        wanted = self.config.eval.metrics
        shown = self.config.sample.rows
        rows = list(self.rows[: max(self.config.eval.generate_rows, shown) if wanted else shown])
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment)
        self._emit_samples(step, moment, rows[:shown], answers[: len(rows)][:shown] + answers[len(rows) :])
        measured = rows[: self.config.eval.generate_rows]
        if not wanted or not measured:
            return {}, len(self.rows) or len(self.batches)
        references = [row.messages[-1].content for row in measured]
        return {name: METRICS[name](answers[: len(measured)], references) for name in wanted}, len(measured)

    def _generate(self, prompts: list[list[int]], moment: Moment) -> list[str]:
        if not prompts:
            return []
        if moment != "during":
            self.phases.begin(f"answer {moment}", "generating answers")
        report = self.phases.progress(f"answer {moment}", "generating answers", "answers")
        return self.generator.answer(prompts, self.config.eval.max_new_tokens, report)

    def _prompt(self, row: Row) -> list[int]:
        return self.renderer.prompt_ids(row.messages[:-1])

    def _own_prompts(self) -> list[list[int]]:
        return [self.renderer.prompt_ids((Message("user", text),)) for text in self.config.sample.prompts]

    def _emit_samples(self, step: int, moment: Moment, rows: list[Row], answers: list[str]) -> None:
        """One event an answer; those to the prompts of the config follow those to rows."""
        shown = [(row.messages[-2].content if len(row.messages) > 1 else "", row.messages[-1].content) for row in rows]
        asked: list[tuple[str, str | None]] = [*shown, *((text, None) for text in self.config.sample.prompts)]
        for index, ((prompt, reference), answer) in enumerate(zip(asked, answers, strict=True)):
            self.sink(
                ev.Sample(
                    step=step, moment=moment, index=index, prompt=prompt[:2000], answer=answer[:4000],
                    reference=None if reference is None else reference[:4000],
                )
            )  # fmt: skip
