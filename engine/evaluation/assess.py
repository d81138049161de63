"""Measures a model before, during and after training: the loss of unseen rows, metrics over its answers, samples."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch

from engine.config.schema import RunConfig
from engine.data.rows.messages import Message, Row
from engine.distributed.ranks import ALONE, Ranks
from engine.evaluation.generate import Generator
from engine.evaluation.heldout import HeldoutLoss, batch_losses, mean_loss
from engine.metrics.choose import named
from engine.metrics.score import score
from engine.modeling.batches import Batch
from engine.modeling.out_of_memory import MemoryGuard, OutOfMemory
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from engine.tokens.render import Renderer

Moment = Literal["before", "during", "after"]
Part = Literal["validation", "test"]


@dataclass(frozen=True)
class LargestWork:
    """The most that an evaluation computes at once: a micro-batch, and tokens of prompts and answers side by side."""

    rows: int = 0
    row_tokens: int = 0
    supervised_tokens: int = 0
    answer_tokens: int = 0
    packed_tokens: int = 0


@dataclass
class Unseen:
    """Rows that are never trained on: ``rows`` are the dialogues among them, ``batches`` the tokens of all.

    ``recut`` gives the batches anew, of at most so many padded tokens; ``tokens`` are those of the last time.
    """

    rows: Sequence[Row]
    batches: Sequence[Batch]
    recut: Callable[[int], Sequence[Batch]]
    tokens: int | None = None

    def cut_to(self, tokens: int) -> None:
        self.batches, self.tokens = self.recut(tokens), tokens

    @property
    def count(self) -> int:
        return len(self.rows) or len(self.batches)


@dataclass
class Assessor:
    """``net`` gives losses, ``generator`` answers. ``validation`` may decide when to stop; ``test`` decides nothing.

    Of ``ranks`` each measures its share in ``evaluate`` and knows the whole; samples during the training and what is
    rehearsed are the first one's.
    """

    config: RunConfig
    net: Any
    generator: Generator
    renderer: Renderer
    validation: Unseen
    test: Unseen
    sources: Sequence[str]
    device: torch.device
    phases: Phases
    memory: MemoryGuard
    ranks: Ranks = ALONE
    metrics: dict[str, float] = field(default_factory=dict)

    def evaluate(self, step: int, moment: Moment) -> float | None:
        """Emit an Eval event (and Sample events before and after); returns the validation loss.

        Metrics generate an answer a row, so they are measured before and after, not during; the test likewise.
        """
        loss = None
        if self.validation.batches or self.config.sample.prompts:
            loss = self._measure(self.validation, "validation", step, moment)
        if self.test.batches and moment != "during":
            self._measure(self.test, "test", step, moment)
        return loss

    def _measure(self, unseen: Unseen, part: Part, step: int, moment: Moment) -> float | None:
        began = time.monotonic()
        name = "evaluate" if part == "validation" else "evaluate test"
        report = self.phases.progress(f"{name} {moment}", "batches")
        tokens = self.ranks.from_first(unseen.tokens)
        if tokens is not None and tokens != unseen.tokens:  # memory ran out in the first one alone
            unseen.cut_to(tokens)
        found = self._losses(unseen, lambda: unseen.batches, self.ranks, report)
        metrics: dict[str, float] = {}
        counted, answering = unseen.count, time.monotonic()
        if moment != "during":
            metrics, counted = self._answers(unseen, part, step, moment)
        answering = time.monotonic() - answering
        if found.loss is None:
            return None
        by_source = {self.sources[i]: loss for i, loss in found.by_source.items()}
        self.phases.sink(
            ev.Eval(
                step=step, moment=moment, part=part, loss=found.loss, n=counted, loss_n=unseen.count, metrics=metrics,
                seconds=round(time.monotonic() - began, 2), answer_seconds=round(answering, 2),
                loss_by_source=by_source if len(self.sources) > 1 else {},
            )
        )  # fmt: skip
        return found.loss

    def rehearse(self) -> LargestWork:
        """Compute the largest micro-batch of an evaluation once, and begin its largest group of answers."""
        asked = [*self._asked(self.validation), *self._measured(self.test)]
        prompts = [self._prompt(row) for row in asked] + self._own_prompts()
        answers = self.generator.rehearse(prompts, self.config.eval.max_new_tokens) if prompts else 0
        parts = [unseen for unseen in (self.validation, self.test) if unseen.batches]
        if not parts:
            return LargestWork(answer_tokens=answers)
        for unseen in parts:
            self._losses(unseen, partial(_only_largest, unseen), ALONE)
        largest = _largest([batch for unseen in parts for batch in unseen.batches])
        return LargestWork(
            largest.rows, largest.row_tokens, largest.supervised_tokens, answers, largest.packed_tokens
        )  # fmt: skip

    def _losses(
        self, unseen: Unseen, batches: Callable[[], Sequence[Batch]], ranks: Ranks,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> HeldoutLoss:  # fmt: skip
        """Losses of ``batches()``, some of ``unseen``; when memory runs out all are cut smaller and computed again."""
        while True:
            self.memory.phase = "evaluation"
            share, parts, shortage, stopped = ranks.dealt(batches()), [], None, False
            try:
                parts = batch_losses(
                    self.net, share, self.device, self.phases.check, _of_all(ranks, len(batches()), report)
                )
            except StopRequested:
                stopped = True
            except Exception as error:
                shortage = self.memory.shortage(error)
                if shortage is None:
                    raise
            told = ranks.everyone((parts, shortage, stopped))
            if any(stopped for _, _, stopped in told):
                raise StopRequested
            shortage = next((short for _, short, _ in told if short is not None), None)
            if shortage is None:
                return mean_loss(ranks.collected([parts for parts, _, _ in told]))
            if all(batch.rows == 1 for batch in batches()):
                raise self.memory.ends(shortage, "runs.out-of-memory-held-out")
            tokens = max(batch.padded_tokens for batch in batches()) // 2
            unseen.cut_to(tokens)
            self.memory.repeats(shortage, tokens)

    def sample(self, step: int, moment: Moment = "during") -> None:
        """Answer the sample prompts and rows and emit a Sample event for each."""
        rows, began = list(self.validation.rows[: self.config.sample.rows]), time.monotonic()
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment, ALONE)
        self._emit_samples(step, moment, rows, answers, time.monotonic() - began)

    def _answers(self, unseen: Unseen, part: Part, step: int, moment: Moment) -> tuple[dict[str, float], int]:
        """Metrics over answers to unseen rows, and how many; the first of the validation's are samples too."""
        measured = self._measured(unseen)
        if part == "validation":
            shown = self.config.sample.rows
            rows = self._asked(unseen)
            answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment, self.ranks)
            self._emit_samples(step, moment, rows[:shown], answers[: len(rows)][:shown] + answers[len(rows) :])
        else:
            answers = self._generate([self._prompt(row) for row in measured], moment, self.ranks)
        if not measured:
            return {}, unseen.count
        names = named(self.config.eval)
        scores = [
            score(names, answer, row.messages[-1].text)
            for answer, row in zip(answers[: len(measured)], measured, strict=True)
        ]
        told = {name: [each[name] for each in scores if name in each] for name in names}
        return {name: sum(values) / len(values) for name, values in told.items() if values}, len(measured)

    def _measured(self, unseen: Unseen) -> list[Row]:
        """The unseen rows that metrics are over; none without a metric."""
        return list(unseen.rows[: self.config.eval.generate_rows]) if named(self.config.eval) else []

    def _asked(self, unseen: Unseen) -> list[Row]:
        """The unseen rows that are answered before and after training."""
        return list(unseen.rows[: max(len(self._measured(unseen)), self.config.sample.rows)])

    def _generate(self, prompts: list[list[int]], moment: Moment, ranks: Ranks) -> list[str]:
        if not prompts:
            return []
        if moment != "during":
            self.phases.begin(f"answer {moment}")
        report = self.phases.progress(f"answer {moment}", "answers")
        if ranks.count == 1:
            return self.generator.answer(prompts, self.config.eval.max_new_tokens, report)
        return self._generate_share(prompts, ranks, report)

    def _generate_share(self, prompts: list[list[int]], ranks: Ranks, report: Callable[[int, int], None]) -> list[str]:
        """Answers to ``prompts``, of which each process gives those to every so-many-th group.

        Groups are dealt whole: an answer can depend on those beside it, by the last bits of sums.
        """
        most, tokens = self.config.eval.max_new_tokens, self.generator.tokens_at_once
        self.generator.tokens_at_once = ranks.from_first(tokens)
        share = ranks.dealt(self.generator.groups(prompts, most))
        mine: dict[int, str] = {}
        failure: OutOfMemory | None = None
        stopped = False
        report = _of_all(ranks, len(prompts), report)
        try:
            for group in share:
                answers = self.generator.answer([prompts[index] for index in group], most)
                mine.update(zip(group, answers, strict=True))
                report(len(mine), sum(map(len, share)))
        except StopRequested:
            stopped = True
        except OutOfMemory as error:
            failure = error
        told = ranks.everyone((mine, failure, stopped))
        for _, failed, _ in told:
            if failed is not None:
                raise failed
        if any(stopped for _, _, stopped in told):
            raise StopRequested
        whole = {index: answer for answers, _, _ in told for index, answer in answers.items()}
        return [whole.get(index, self.generator.too_long) for index in range(len(prompts))]

    def _prompt(self, row: Row) -> list[int]:
        return self.renderer.prompt_ids(row.messages[:-1], row.tools)

    def _own_prompts(self) -> list[list[int]]:
        return [self.renderer.prompt_ids((Message("user", text),)) for text in self.config.sample.prompts]

    def _emit_samples(
        self, step: int, moment: Moment, rows: list[Row], answers: list[str], seconds: float = 0.0
    ) -> None:
        """One event an answer; those to the prompts of the config follow those to rows."""
        shown = [(row.messages[-2].text if len(row.messages) > 1 else "", row.messages[-1].text) for row in rows]
        asked: list[tuple[str, str | None]] = [*shown, *((text, None) for text in self.config.sample.prompts)]
        for index, ((prompt, reference), answer) in enumerate(zip(asked, answers, strict=True)):
            self.phases.sink(
                ev.Sample(
                    step=step, moment=moment, index=index, prompt=prompt[:2000], answer=answer[:4000],
                    reference=None if reference is None else reference[:4000], seconds=round(seconds, 2),
                )
            )  # fmt: skip


def _of_all(ranks: Ranks, count: int, report: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """``report`` of this process's share, told as of all ``count``: the others are about as far."""
    return lambda done, total: report(count if done == total else min(count, done * ranks.count), count)


def _only_largest(unseen: Unseen) -> list[Batch]:
    return [_largest(unseen.batches)]


def _largest(batches: Sequence[Batch]) -> Batch:
    return max(batches, key=lambda batch: (batch.padded_tokens, batch.supervised_tokens))
