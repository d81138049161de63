"""The evaluation that a run makes of itself: baselines before its training and its result after it, on the same rows.

Each answer is kept as it comes, so what was answered before a stop is not asked again after it. Baselines never decide
over the training: where memory does not allow one it is left out, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial

from engine.config.schema import RunConfig
from engine.data.rows.messages import Row
from engine.distributed.ranks import ALONE, Ranks
from engine.evaluation.candidates import Candidate, Examples
from engine.evaluation.evaluate import Questions, ask, conclude
from engine.evaluation.generate import Generator
from engine.messages.message import Message
from engine.metrics.choose import Choice
from engine.modeling.adapter_off import adapter_off
from engine.runs.baselines import Asked
from engine.runs.evaluations import BASE, FEW_SHOT, OLD_ADAPTER, TUNED, Answer, Evaluation
from engine.runs.phases import Phases
from engine.tokens.render import Renderer

_CHANGES_BASE = ("pissa", "olora")
"""Ways to begin an adapter that take from the base what they put into it: without the adapter it is not the base."""


def changes_base(config: RunConfig) -> bool:
    """Whether only the model as it starts is the untouched base, and never again without its adapter."""
    return config.strategy.kind == "fresh" and config.adapter.init_lora_weights in _CHANGES_BASE


@dataclass
class OfRun:
    """Asks the ``candidates`` of one run, in the order of a table; ``start`` is the model before its training.

    ``result`` gives the candidate that the training has made by the step that is its result. ``lasting`` are those
    that can still be asked after the training.
    """

    questions: Questions
    choice: Choice
    start: Candidate
    candidates: Sequence[Candidate]
    lasting: frozenset[str]
    result: Callable[[int], Candidate]
    phases: Phases
    ranks: Ranks = ALONE
    notes: list[Message] = field(default_factory=list)

    def before(self) -> list[Answer]:
        """What the model answers before its training."""
        return ask(self.questions, self.start, self.phases, self.ranks)

    def baselines(self) -> None:
        """Ask the others that the result will be compared with."""
        for candidate in self.candidates:
            ask(self.questions, candidate, self.phases, self.ranks)

    def after(self, step: int) -> list[Answer]:
        """What the result answers, the adapter after ``step``."""
        return ask(self.questions, self.result(step), self.phases, self.ranks)

    def conclude(self, step: int) -> Evaluation:
        """The verdict over all that was answered. Baselines that are missing, as after damage, are asked now."""
        for candidate in self.candidates:
            if candidate.name in self.lasting:
                ask(self.questions, candidate, self.phases, self.ranks)
        names = [*(candidate.name for candidate in self.candidates), TUNED]
        return conclude(self.questions, names, self.choice, self.phases, self.notes, step, self.ranks)

    def prompts(self) -> list[list[int]]:
        """Everything that will be asked before the training, for a rehearsal."""
        rows, new_tokens = self.questions.rows, self.questions.new_tokens
        return [candidate.prompt(row, new_tokens).ids for candidate in self.candidates for row in rows]


@dataclass(frozen=True)
class Answering:
    """What answers, and what is known of it.

    ``shown`` are rows of the training that may stand in a prompt of at most ``most_prompt_tokens``, as many as the
    training computes at once. ``weights`` tells the base from others, ``of_step`` the adapter after a step.
    """

    generator: Generator
    renderer: Renderer
    shown: Sequence[Row]
    most_prompt_tokens: int
    weights: str
    of_step: Callable[[int], str]


def of_run(
    config: RunConfig, asked: Asked, questions: Questions, choice: Choice, by: Answering, phases: Phases,
    ranks: Ranks = ALONE,
) -> OfRun:  # fmt: skip
    """The evaluation of a run whose strategy is that of ``config``, with what must be said of it."""
    kind, notes = config.strategy.kind, []
    if not asked.base:
        notes.append(Message("baselines.because", reason=asked.reason))
    model, renderer, weights = by.generator.model, by.renderer, by.weights
    as_it_starts = changes_base(config)
    state = nullcontext if as_it_starts else partial(adapter_off, model)

    base = Candidate(OLD_ADAPTER if kind == "merge" else BASE, weights, by.generator, renderer, state)
    candidates, start = [base], base
    if asked.examples:
        examples = Examples(by.shown, asked.examples, by.most_prompt_tokens)
        if any(map(examples.nearest, questions.rows)):
            candidates.append(replace(base, name=FEW_SHOT, examples=examples))
        else:
            notes.append(Message("baselines.no-examples"))
    if kind == "continue":
        start = Candidate(OLD_ADAPTER, by.of_step(0), by.generator, renderer)
        candidates = [*(candidates if asked.base else []), start]
    if kind == "merge":
        notes.append(Message("baselines.merged-base"))
        candidates.sort(key=lambda each: each.name != FEW_SHOT)
    lasting = frozenset(each.name for each in candidates if each is not start or kind != "continue")

    def result(step: int) -> Candidate:
        return Candidate(TUNED, by.of_step(step), by.generator, renderer)

    return OfRun(
        questions, choice, start, candidates, frozenset() if as_it_starts else lasting, result, phases, ranks, notes
    )
