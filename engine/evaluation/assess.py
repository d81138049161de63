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
from engine.evaluation.evaluate import figures, generate
from engine.evaluation.generate import Generator
from engine.evaluation.heldout import HeldoutLoss, batch_losses, mean_loss
from engine.evaluation.losses_of_run import LossesOfRun
from engine.evaluation.of_run import OfRun
from engine.metrics.choose import Choice, named
from engine.modeling.batches import Batch
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import events as ev
from engine.runs.baselines import by_metric
from engine.runs.evaluations import Answer
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
    choice: Choice | None = None
    own: OfRun | None = None
    losses: LossesOfRun | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    _newest: dict[Part, tuple[int, HeldoutLoss]] = field(default_factory=dict)

    def evaluate(self, step: int, moment: Moment) -> float | None:
        """Emit an Eval event (and Sample events before and after); returns the validation loss.

        Metrics generate an answer a row, so they are measured before and after, and during only those that the best
        step is found by; the test is never measured during. ``metrics`` are those of the validation set afterwards.
        Before training the baselines are asked too, and after it the run's own evaluation is concluded.
        """
        loss, self.metrics = None, {}
        if self.validation.batches or self.config.sample.prompts:
            loss = self._measure(self.validation, "validation", step, moment)
        if self.test.batches and moment != "during":
            self._measure(self.test, "test", step, moment)
        if moment == "before":
            if self.own is not None:
                self.own.baselines()
            if self.losses is not None:
                self.losses.before()
        elif moment == "after":
            if self.own is not None:
                self.own.conclude(step)
            if self.losses is not None:
                self.losses.conclude(step)
        return loss

    def _measure(self, unseen: Unseen, part: Part, step: int, moment: Moment) -> float | None:
        began = time.monotonic()
        name = "evaluate" if part == "validation" else "evaluate test"
        report = self.phases.progress(f"{name} {moment}", "batches")
        tokens = self.ranks.from_first(unseen.tokens)
        if tokens is not None and tokens != unseen.tokens:  # memory ran out in the first one alone
            unseen.cut_to(tokens)
        known = self._newest.get(part)
        if known is not None and known[0] == step and moment == "after":  # the last step was measured already
            found = known[1]
        else:
            found = self._losses(unseen, lambda: unseen.batches, self.ranks, report)
            self._newest[part] = step, found
        answering = time.monotonic()
        metrics, counted = self._answers(unseen, part, step, moment)
        if part == "validation":
            self.metrics = metrics
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
        answers = self._rehearse_answers()
        parts = [unseen for unseen in (self.validation, self.test) if unseen.batches]
        if not parts:
            return LargestWork(answer_tokens=answers)
        for unseen in parts:
            self._losses(unseen, partial(_only_largest, unseen), ALONE)
        largest = _largest([batch for unseen in parts for batch in unseen.batches])
        return LargestWork(
            largest.rows, largest.row_tokens, largest.supervised_tokens, answers, largest.packed_tokens
        )  # fmt: skip

    def _rehearse_answers(self) -> int:
        """Begin the largest group of answers; returns the tokens that stand side by side in it."""
        most = self.config.eval.max_new_tokens
        rows = list(self.validation.rows[: self.config.sample.rows])
        parts: list[tuple[Unseen, Part]] = [(self.validation, "validation"), (self.test, "test")]
        for unseen, part in parts:
            if self.own is None or self.own.questions.part != part:
                rows += self._measured(unseen, part, "before")
        groups = [([self._prompt(row) for row in rows] + self._own_prompts(), most)]
        if self.own is not None:
            groups.append((self.own.prompts(), self.own.questions.new_tokens))
        return max(self.generator.rehearse(prompts, tokens) if prompts else 0 for prompts, tokens in groups)

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
            # A long row alone stays as large as it is: without the bound of the last cut that would never end.
            largest = max(batch.padded_tokens for batch in batches())
            tokens = min(unseen.tokens or largest, largest) // 2
            unseen.cut_to(tokens)
            self.memory.repeats(shortage, tokens)

    def sample(self, step: int, moment: Moment = "during") -> None:
        """Answer the sample prompts and rows and emit a Sample event for each."""
        rows, began = list(self.validation.rows[: self.config.sample.rows]), time.monotonic()
        answers = self._generate([self._prompt(row) for row in rows] + self._own_prompts(), moment, ALONE)
        self._emit_samples(step, moment, rows, answers, time.monotonic() - began)

    def _answers(self, unseen: Unseen, part: Part, step: int, moment: Moment) -> tuple[dict[str, float], int]:
        """Metrics over answers to unseen rows, and how many; the first of the validation's are samples too."""
        rows, metrics, texts = self._measured(unseen, part, moment), {}, []
        if rows:
            assert self.choice is not None
            given = self._given(rows, part, step, moment)
            texts = [answer.answer for answer in given]
            metrics = figures(given, self.choice, rows, self.config.eval.metric_file, self.phases)
        if part == "validation" and moment != "during":
            shown = list(unseen.rows[: self.config.sample.rows])
            asked = [self._prompt(row) for row in shown[len(texts) :]] + self._own_prompts()
            others = self._generate(asked, moment, self.ranks)
            self._emit_samples(step, moment, shown, texts[: len(shown)] + others)
        return (metrics, len(rows)) if rows else ({}, unseen.count)

    def _given(self, rows: Sequence[Row], part: Part, step: int, moment: Moment) -> list[Answer]:
        """The answers to ``rows``: those of the run's own evaluation where they are its rows."""
        if self.own is not None and self.own.questions.part == part and moment != "during":
            return self.own.before() if moment == "before" else self.own.after(step)
        texts = self._generate([self._prompt(row) for row in rows], moment, self.ranks)
        return [
            Answer(candidate="", row=place, prompt="", reference=row.messages[-1].text, answer=text, group=row.group)
            for place, (row, text) in enumerate(zip(rows, texts, strict=True))
        ]

    def _measured(self, unseen: Unseen, part: Part, moment: Moment) -> list[Row]:
        """The unseen rows that metrics are over."""
        section = self.config.eval
        decides = part == "validation" and by_metric(self.config)
        if moment == "during":
            return list(unseen.rows[: section.generate_rows]) if decides else []
        if self.own is not None and self.own.questions.part == part:
            return list(self.own.questions.rows)
        answered = named(section) or section.metric_file or decides
        return list(unseen.rows[: section.generate_rows]) if answered else []

    def _generate(self, prompts: list[list[int]], moment: Moment, ranks: Ranks) -> list[str]:
        if not prompts:
            return []
        if moment != "during":
            self.phases.begin(f"answer {moment}")
        report = self.phases.progress(f"answer {moment}", "answers")
        said = generate(self.generator, prompts, self.config.eval.max_new_tokens, ranks, report=report)
        return [each.text for each in said]

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
