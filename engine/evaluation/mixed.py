"""A mix of adapters measured on its parents' tasks: base, parents and mix answer the same rows from shared weights.

Each task is an evaluation of its own, kept with the mix. What was answered is not asked again after a stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.common.errors import ConfigError, DataError, TunedeckError
from engine.config.schema import DataSource
from engine.data import run_source
from engine.data.rows.messages import Row
from engine.data.splitting.split import content_hash
from engine.evaluation.afterwards import (
    Afterwards,
    base_mark,
    candidate,
    conclude_text,
    generator_of,
    renderer_of,
)
from engine.evaluation.asked_rows import AskedRows, file_rows
from engine.evaluation.candidates import Candidate
from engine.evaluation.evaluate import Questions, ask, conclude
from engine.evaluation.row_losses import LossRows, RowLoss
from engine.messages.message import Message
from engine.metrics.choose import choose
from engine.metrics.forgetting import not_inferior
from engine.metrics.words import LOWER_IS_BETTER
from engine.modeling.load_for_use import TUNED as FIRST
from engine.modeling.load_for_use import Ready, config_for
from engine.models.for_use import ForUse, find_for_use
from engine.runs import evaluations
from engine.runs.evaluation_request import EvaluationRequest, MixRequest
from engine.runs.evaluations import BASE, Evaluation
from engine.runs.mixes import MIX, OnTask
from engine.runs.phases import Phases
from engine.tokens import held_out
from engine.tokens.held_out import HeldOut

_SAMPLE_ROWS = run_source.SAMPLE_ROWS


@dataclass
class Mixed:
    """Measures the mix in the folder of ``request``. ``parents`` lie on one base; ``tell`` hears what is to be read."""

    request: MixRequest
    parents: Sequence[ForUse]
    phases: Phases
    tell: Callable[[Message], None]
    notes: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mix = find_for_use(self.request.where)
        assert self.mix.run is not None
        self.run = self.mix.run
        self.titles = [parent.title for parent in self.request.recipe.parents]
        self._held: list[Row] = []
        self._tasks = 0

    def measure(self) -> list[OnTask]:
        """What the mix does on each task; a task that can't be asked has the reason. Raises TunedeckError, also where
        there is no task at all, and StopRequested; what was answered by then is kept.
        """
        if not self.request.data and all(parent.run is None for parent in self.parents):
            raise DataError("mixes.no-rows", adapters=self.titles)
        first = self._afterwards(self.parents[0])
        ready = first.load(self.parents[0])
        for place, other in enumerate(self.parents[1:], 2):
            ready.put_beside(other, _key(place))
        ready.put_beside(self.mix, MIX)
        named = enumerate(zip(self.titles, self.parents, strict=True), 1)
        found = [self._of_parent(place, title, parent, ready) for place, (title, parent) in named]
        found += [self._of_file(DataSource.model_validate(source), ready) for source in self.request.data]
        if all(each.error is not None for each in found):
            raise DataError("mixes.nothing-measured", reasons=[each.error for each in found])
        self._keep_rows()
        return found

    def _afterwards(self, parent: ForUse) -> Afterwards:
        """What knows the rows and the metrics of a parent. Of one without a run it knows how to load it."""
        config = config_for(parent)
        rows = config.eval.generate_rows if self.request.rows is None else self.request.rows
        where = str(parent.run.path) if parent.run else str(parent.adapter.path)  # type: ignore[union-attr]
        asked = EvaluationRequest(run=where, name=MIX, rows=rows, trust_base=self.request.trust_base)
        return Afterwards(asked, self.phases, self._note)

    def _of_parent(self, place: int, title: str, parent: ForUse, ready: Ready) -> OnTask:
        """The task of one parent, by the rows that its run held out."""
        if parent.run is None:
            return OnTask(title=title, error=Message("mixes.parent-without-run", adapter=title))
        try:
            ready.switch(_key(place))
            after = self._afterwards(parent)
            asked = after.own_rows(ready)
            others = [other for other in self.parents if other.run and other.run.path != parent.run.path]
            asked = after.without_trained(asked, others)
        except TunedeckError as error:
            if not isinstance(error, (ConfigError, DataError)):
                raise
            return OnTask(title=title, error=error.reason)
        return self._asked(title, title, asked, after, ready, place)

    def _of_file(self, source: DataSource, ready: Ready) -> OnTask:
        """A task that a file's rows ask, put as to the first parent that a run has made."""
        with_runs = [at for at, parent in enumerate(self.parents, 1) if parent.run is not None]
        place = with_runs[0] if with_runs else 1
        after = self._afterwards(self.parents[place - 1])
        asked = file_rows(source, after.config, after.request.rows)
        if with_runs:
            asked = after.without_trained(asked, [self.parents[at - 1] for at in with_runs[1:]])
        return self._asked(Path(source.path).stem, "", asked, after, ready, place)

    def _asked(self, title: str, own: str, asked: AskedRows, after: Afterwards, ready: Ready, place: int) -> OnTask:
        """Let everyone answer, and hold the mix to the parent ``own``, "" for the best of them."""
        for note in asked.notes:
            self._note(note)
        self._held += asked.rows
        questions = self._questions(title, asked, after)
        names = [BASE, *self.titles, MIX]
        if asked.is_text:
            evaluation = conclude_text(after, questions, self._losses(questions, ready, place), names, MIX)
        else:
            ready.switch(_key(place))
            ask(questions, self._base(ready), self.phases)
            for at, (name, parent) in enumerate(zip([*self.titles, MIX], [*self.parents, self.mix], strict=True), 1):
                ready.switch(MIX if name == MIX else _key(at))
                ask(questions, candidate(name, ready, self.phases, parent), self.phases)
            choice = after.choice(questions)
            if not own:  # a file's rows are another task than the run's: its metrics say nothing of them
                choice = choose([row.messages[-1].text for row in asked.rows], [], config_for(self.mix).eval)
            evaluation = conclude(questions, names, choice, self.phases, after.notes, of=MIX)
        return _on_task(title, own or _best(evaluation, self.titles), evaluation, self._margin(after))

    def _questions(self, title: str, asked: AskedRows, after: Afterwards) -> Questions:
        """Kept with the mix, not with the parent."""
        self._tasks += 1
        name = _evaluation_name(self._tasks, title)
        return replace(after.questions(asked), where=evaluations.folder(self.run, name), name=name)

    def _base(self, ready: Ready) -> Candidate:
        generator = generator_of(ready, self.phases)
        return Candidate(BASE, base_mark(self.parents[0]), generator, renderer_of(ready), ready.without_adapter)

    def _losses(self, questions: Questions, ready: Ready, place: int) -> dict[str, dict[int, RowLoss]]:
        """Plain text has no answers: the loss of everyone on it, in the tokens of its parent."""
        ready.switch(_key(place))
        device, memory = ready.base.model.device, generator_of(ready, self.phases).memory
        rows = LossRows.of_rows(questions.rows, renderer_of(ready), ready.base, memory)
        report = self.phases.progress("measure", "batches")
        with ready.without_adapter():
            losses = {BASE: rows.measure(ready.model, device, self.phases.check, report)}
        for at, name in enumerate([*self.titles, MIX], 1):
            ready.switch(MIX if name == MIX else _key(at))
            losses[name] = rows.measure(ready.model, device, self.phases.check, report)
        return losses

    def _margin(self, after: Afterwards) -> float:
        return after.config.eval.forgetting_margin if self.request.margin is None else self.request.margin

    def _keep_rows(self) -> None:
        """The rows that were asked are those that the mix holds out, and some of its parents' rows are its sample."""
        seed = config_for(self.mix).run.drawn_by
        words = [np.frombuffer(content_hash(row, seed), ">u8").astype(np.uint64) for row in self._held]
        parts = np.full(len(words), held_out.TEST, np.int64)
        with suppress(OSError):  # without them the mix has no rows of its own, which is said when they are asked for
            held_out.keep(self.run, HeldOut(np.stack(words), parts))
        samples = [run_source.read_sample(parent.run) for parent in self.parents if parent.run]
        each = math.ceil(_SAMPLE_ROWS / max(1, len(samples)))
        run_source.save_sample(self.run, [row for sample in samples for row in sample[:each]])

    def _note(self, note: Message) -> None:
        if note not in self.notes:
            self.notes.append(note)
            self.tell(note)


def _key(place: int) -> str:
    """The name of the parent at ``place`` (from 1) in PEFT's model."""
    return FIRST if place == 1 else f"parent-{place}"


def _evaluation_name(number: int, title: str) -> str:
    """``1-TITLE`` in letters that make a folder."""
    plain = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._") else "-" for letter in title)
    return f"{number}-{plain.strip('-')[:60] or 'task'}"


def _best(evaluation: Evaluation, titles: Sequence[str]) -> str:
    """The best parent by the metric that decides."""
    metric = evaluation.metrics[0] if evaluation.metrics else ""
    sign = -1 if metric in LOWER_IS_BETTER else 1
    means = [mean for mean in evaluation.means if mean.metric == metric and mean.candidate in titles]
    return max(means, key=lambda mean: sign * mean.value).candidate if means else ""


def _on_task(title: str, against: str, evaluation: Evaluation, margin: float) -> OnTask:
    """By the metric that decides; of a loss the margin is a share of the parent's."""
    metric = evaluation.metrics[0] if evaluation.metrics else ""
    compared, mean = evaluation.comparison(MIX, against, metric), evaluation.mean(against, metric)
    if compared is None or mean is None:
        return OnTask(title=title, evaluation=evaluation.name, error=Message("mixes.nothing-to-tell"))
    allowed = margin * mean.value if metric in LOWER_IS_BETTER else margin
    return OnTask(
        title=title, evaluation=evaluation.name, metric=metric, n=compared.n, against=against,
        difference=compared.difference, low=compared.low, high=compared.high, margin=allowed,
        kept=not_inferior(compared, allowed),
    )  # fmt: skip
