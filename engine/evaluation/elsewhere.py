"""What a training cost elsewhere: general text, general questions and rows of earlier runs, before and after it.

Kept with the run as evaluations: ``forgetting`` of general text and questions, ``forgetting-RUN`` of each earlier run.
Answers of before are kept as they come, so that a run that goes on later still knows them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec
import numpy as np
import torch

from engine.common.errors import MachineError, reason_of
from engine.common.versions import versions
from engine.data.rows.messages import Row
from engine.evaluation import drift
from engine.evaluation.candidates import Candidate
from engine.evaluation.evaluate import Questions, ask
from engine.evaluation.forgetting import ROW_TOKENS
from engine.evaluation.generate import Generator
from engine.evaluation.old_rows import OldRows
from engine.memory.duration import QUESTION_TOKENS
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.choose import Choice, choose
from engine.metrics.forgetting import LOOK_LOSS, STOP_LOSS, not_inferior
from engine.metrics.result import BASE, NATS, TOKENS, TUNED, Comparison
from engine.metrics.score import score
from engine.metrics.summary import Summary, summarize
from engine.metrics.words import LOWER_IS_BETTER
from engine.metrics.words import metric as metric_title
from engine.modeling.adapter_off import adapter_off
from engine.modeling.batches import Layout, cut
from engine.modeling.kernels.base_loss import evaluated
from engine.modeling.kernels.loss import SupervisedLoss
from engine.modeling.out_of_memory import MemoryGuard
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import FORGETTING, Answer, Evaluation
from engine.runs.phases import Phases
from engine.tokens.examples import Example
from engine.tokens.render import Renderer, RenderError

LOSS = "loss"
_KEPT = {"kept": "forgetting.old-kept", "lost": "forgetting.old-lost", "unclear": "forgetting.old-unclear"}


@dataclass
class Elsewhere:
    """Measures ``net`` and what its ``generator`` answers. ``first`` names the model as it is before the training.

    ``continues``: that model is an adapter on its base, which may have lost something already; what the result lost
    against the base is said too.
    A disk that is full or memory that runs out ends the measuring, with a warning, and never the run.
    """

    run: RunDir
    net: SupervisedLoss
    generator: Generator
    renderer: Renderer
    texts: Sequence[Row]
    questions: Sequence[Row]
    old: Sequence[OldRows]
    first: str
    margin: float
    most_new_tokens: int
    budget_tokens: int
    layout: Layout
    device: torch.device
    phases: Phases
    memory: MemoryGuard
    autocast: Callable[[], AbstractContextManager[None]] = nullcontext
    continues: bool = False
    _over: bool = field(default=False)

    def before(self) -> None:
        """Measure the model as it is, before it is trained. Raises StopRequested."""
        self._guarded(self._begin)

    def after(self, step: int) -> None:
        """Measure the result, of ``step``, and conclude. Raises StopRequested."""
        self._guarded(lambda: self._conclude(step))

    def _guarded(self, work: Callable[[], None]) -> None:
        if self._over:
            return
        self.phases.begin("forgetting")
        try:
            work()
        except (MachineError, OSError, MemoryError) as error:  # OutOfMemory is the first kind
            self._over = True
            reason = reason_of(error)
            self.phases.sink(ev.Warn(message=Message("forgetting.not-measured", reason=reason)))

    def _begin(self) -> None:
        if self.continues:
            with adapter_off(self.net.model):
                self._losses(FORGETTING, BASE, [*self.texts, *self.questions], len(self.questions))
        self._measure(self.first, self.first)

    def _conclude(self, step: int) -> None:
        self._measure(TUNED, f"{TUNED} {step}")
        self._general(step)
        for old in self.old:
            if old.rows:
                self._old(old, step)

    def _measure(self, candidate: str, weights: str) -> None:
        """Ask ``candidate`` everything: losses of the texts and of good answers to the questions, as the gauge and the
        strengths measure them, its own answers to these, and both of each earlier run.

        ``weights`` tells its weights from those of other steps.
        """
        self._losses(FORGETTING, candidate, [*self.texts, *self.questions], len(self.questions))
        if self.questions:
            self._ask(FORGETTING, candidate, weights, self.questions, QUESTION_TOKENS)
        for old in self.old:
            if old.rows:
                dialogues = _answered(old.rows)
                self._losses(_loss_name(old), candidate, old.rows, 0)
                if dialogues:
                    self._ask(_name(old), candidate, weights, dialogues, self._needed(dialogues))

    def _ask(self, name: str, candidate: str, weights: str, rows: Sequence[Row], new_tokens: int) -> None:
        where = evaluations.folder(self.run, name)
        asked = Candidate(candidate, weights, self.generator, self.renderer)
        ask(Questions(where, name, "general", rows, new_tokens), asked, self.phases)

    def _needed(self, rows: Sequence[Row]) -> int:
        """Tokens that an answer may have: half as many again as the longest right one, as the config allows."""
        tokenizer = self.generator.tokenizer
        longest = max(len(tokenizer(row.messages[-1].text, add_special_tokens=False)["input_ids"]) for row in rows)
        return min(self.most_new_tokens, longest * 3 // 2 + 8)

    def _losses(self, name: str, candidate: str, rows: Sequence[Row], offset: int) -> None:
        """Keep the loss of each of ``rows``, numbered from ``offset`` on."""
        where = evaluations.folder(self.run, name)
        began = time.monotonic()
        found = self._row_losses(rows)
        seconds = round((time.monotonic() - began) / max(1, len(found)), 4)
        made = []
        for place, (nats, tokens) in found.items():
            if math.isfinite(nats):
                text = rows[place].text or rows[place].messages[-1].text
                made.append(
                    Answer(
                        candidate=candidate, row=offset + place, prompt="", reference=text, answer="", tokens=tokens,
                        scores={LOSS: nats / tokens, NATS: nats, TOKENS: float(tokens)}, seconds=seconds,
                    )
                )  # fmt: skip
        evaluations.keep_answers(where, made)

    def _row_losses(self, rows: Sequence[Row]) -> dict[int, tuple[float, int]]:
        """By place, the summed loss of each row's trained tokens and their count; rows that can't be rendered are left
        out. In smaller batches while memory runs out. Raises OutOfMemory where single rows don't fit.
        """
        examples = _examples(rows, self.renderer)
        while True:
            self.memory.phase = "evaluation"
            batches = cut(examples, self.budget_tokens, *self.layout) if examples else []
            sums: dict[int, tuple[float, int]] = {}
            try:
                with torch.no_grad(), evaluated(self.net), self.autocast():
                    for batch in batches:
                        self.phases.check()
                        losses = self.net(*batch.inputs(self.device))[1].double().cpu().numpy()
                        for place in np.unique(batch.sources).tolist():
                            own = losses[batch.sources == place]
                            sums[place] = (float(own.sum()), len(own))
                return sums
            except Exception as error:
                shortage = self.memory.shortage(error)
                if shortage is None:
                    raise
            if all(batch.rows == 1 for batch in batches):
                raise self.memory.ends(shortage)
            self.budget_tokens = min(self.budget_tokens, max(batch.padded_tokens for batch in batches)) // 2
            self.memory.repeats(shortage, self.budget_tokens)

    def _general(self, step: int) -> None:
        """Loss of the texts and drift of the answers, before and after, as evaluation ``forgetting``."""
        where, made = evaluations.folder(self.run, FORGETTING), []
        newest = {(answer.candidate, answer.row): answer for answer in evaluations.answers(where)}
        for candidate in (self.first, TUNED):
            given = [newest[candidate, row] for row in range(len(self.questions)) if (candidate, row) in newest]
            asked = [f"{answer.prompt}\n{answer.reference}" for answer in given]
            scores = drift.drift_scores(
                asked, [answer.answer for answer in given], [answer.ended for answer in given],
                [answer.tokens for answer in given],
            )  # fmt: skip
            made += [msgspec.structs.replace(a, scores=each) for a, each in zip(given, scores, strict=True)]
            made += [
                answer for (name, row), answer in newest.items() if name == candidate and row >= len(self.questions)
            ]
        choice = Choice("text", (LOSS, *drift.METRICS), Message("forgetting.reason"))
        notes = self._by_part(newest)
        self._keep(FORGETTING, made, choice, step, partial(self._said_of_general, newest), notes, QUESTION_TOKENS)

    def _by_part(self, newest: Mapping[tuple[str, int], Answer]) -> list[Message]:
        """How much the loss rose on texts and on answers to questions: the latter lose more, and are fewer."""
        first = len(self.questions)  # the answers that the model made itself stand before both
        between, last = first + len(self.texts), 2 * first + len(self.texts)
        rises, counts = {}, {}
        for part, rows in (("texts", range(first, between)), ("answers", range(between, last))):
            known = [row for row in rows if (TUNED, row) in newest and (self.first, row) in newest]
            if not known:
                return []
            before, after = ([newest[who, row].scores for row in known] for who in (self.first, TUNED))
            rises[part] = words.difference(LOSS, _token_mean(after) - _token_mean(before))
            counts[part] = len(known)
        return [
            Message("forgetting.by-part", **rises, text_rows=counts["texts"], answer_rows=counts["answers"])
        ]  # fmt: skip

    def _old(self, old: OldRows, step: int) -> None:
        """Loss of the rows of an earlier run and the scores of their answers, with the verdict: kept or not."""
        answers = list(evaluations.answers(evaluations.folder(self.run, _name(old))))
        losses = {
            (answer.candidate, answer.row): answer.scores
            for answer in evaluations.answers(evaluations.folder(self.run, _loss_name(old)))
        }
        choice = choose([row.messages[-1].text for row in _answered(old.rows)])
        metrics = tuple(name for name in choice.metrics if name not in LOWER_IS_BETTER)
        places = [place for place, row in enumerate(old.rows) if row.messages]
        made = []
        for answer in {(each.candidate, each.row): each for each in answers}.values():
            found = score(metrics, answer.answer, answer.reference)
            place = places[answer.row] if answer.row < len(places) else -1
            made.append(msgspec.structs.replace(answer, scores={**losses.get((answer.candidate, place), {}), **found}))
        if not made:  # plain text has losses alone
            made = [
                Answer(candidate=name, row=row, prompt="", reference="", answer="", scores=scores)
                for (name, row), scores in losses.items()
            ]
        choice = replace(choice, metrics=(*metrics, LOSS))
        notes = [old.note] if old.note is not None else []
        dialogues = _answered(old.rows)
        most = self._needed(dialogues) if dialogues else 0
        self._keep(_name(old), made, choice, step, partial(self._said_of_old, old), notes, most)

    def _keep(
        self, name: str, answers: list[Answer], choice: Choice, step: int,
        sentence: Callable[[Summary], Message], notes: Sequence[Message], new_tokens: int,
    ) -> None:  # fmt: skip
        where = evaluations.folder(self.run, name)
        summary = summarize(answers, choice, TUNED, (self.first, TUNED))
        spent = {
            who: round(sum(answer.seconds for answer in answers if answer.candidate == who), 2)
            for who in summary.candidates
        }
        evaluation = Evaluation(
            name=name, part="general" if name == FORGETTING else "old", n=summary.n, candidates=summary.candidates,
            metrics=summary.metrics, reason=summary.reason, step=step, means=summary.means,
            comparisons=summary.comparisons, confusions=summary.confusions, looked_at=summary.looked_at,
            secondary=summary.secondary, sentence=sentence(summary), notes=list(notes),
            seconds=spent, versions=versions(), new_tokens=new_tokens,
        )  # fmt: skip
        evaluations.write_answers(where, answers)
        evaluations.keep(where, evaluation)
        self.phases.sink(
            ev.Evaluated(name=name, n=summary.n, sentence=evaluation.sentence, seconds=round(sum(spent.values()), 2))
        )

    def _said_of_general(self, answers: Mapping[tuple[str, int], Answer], summary: Summary) -> Message:
        comparison = _first_comparison(summary)
        if comparison is None:
            return Message("forgetting.general-unknown")
        difference = words.difference(LOSS, comparison.difference)
        said = Message(said_of_rise(comparison), difference=difference, rows=comparison.n)
        base, before, after = (_mean_loss(answers, name) for name in (BASE, self.first, TUNED))
        if not self.continues or base is None or before is None or after is None:
            return said
        return Message(
            "forgetting.beside-base", about=said, before=words.difference(LOSS, before - base),
            after=words.difference(LOSS, after - base),
        )  # fmt: skip

    def _said_of_old(self, old: OldRows, summary: Summary) -> Message:
        comparison = _first_comparison(summary)
        if comparison is None:
            return Message("forgetting.old-unknown", run=old.name)
        margin = self.margin
        if comparison.metric in LOWER_IS_BETTER:  # a loss may rise by so large a share of itself
            margin *= next(each.value for each in summary.means if each.candidate == self.first)
        return Message(
            _KEPT[not_inferior(comparison, margin)], run=old.name, metric=metric_title(comparison.metric),
            difference=words.difference(comparison.metric, comparison.difference), margin=self.margin,
            rows=comparison.n,
        )  # fmt: skip


def said_of_rise(comparison: Comparison) -> str:
    """What a rise of the loss on general text says: a large one that may be none is not called fine."""
    rise, is_sure = comparison.difference, comparison.low is not None and comparison.low > 0
    if rise < LOOK_LOSS:
        return "forgetting.general-fine"
    if not is_sure:
        return "forgetting.general-unclear"
    return "forgetting.general-stop" if rise >= STOP_LOSS else "forgetting.general-look"


def _mean_loss(answers: Mapping[tuple[str, int], Answer], candidate: str) -> float | None:
    """Nats a token over all texts of ``candidate``; None where none was measured."""
    of = [answer.scores for (name, _), answer in answers.items() if name == candidate and NATS in answer.scores]
    tokens = sum(scores[TOKENS] for scores in of)
    return sum(scores[NATS] for scores in of) / tokens if tokens else None


def _token_mean(scores: Sequence[Mapping[str, float]]) -> float:
    """Nats a token over rows, as the gauge reads them."""
    return sum(each[NATS] for each in scores) / sum(each[TOKENS] for each in scores)


def _first_comparison(summary: Summary) -> Comparison | None:
    """By the metric that decides."""
    return next((each for each in summary.comparisons if each.metric == summary.metrics[0]), None)


def _name(old: OldRows) -> str:
    return f"{FORGETTING}-{old.name}"[:80]


def _loss_name(old: OldRows) -> str:
    return f"{FORGETTING}-loss-{old.name}"[:80]


def _answered(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.messages]


def _examples(rows: Sequence[Row], renderer: Renderer) -> list[Example]:
    """``rows`` as far as they are read, each with its place as the source."""
    found = []
    for place, row in enumerate(rows):
        try:
            ids, labels = renderer.render(row)
        except RenderError:
            continue
        cut_ids, cut_labels = (np.asarray(part[:ROW_TOKENS], np.int32) for part in (ids, labels))
        found.append(Example(cut_ids, cut_labels, place, place))
    return [example for example in found if example.supervised]
