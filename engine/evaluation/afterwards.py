"""A run evaluated when it is over: its adapter, its base and other runs answer the same rows, from one loaded model.

Runs on another base are loaded one after the other. Every answer is kept as it comes, so that an evaluation which was
stopped goes on where it stood.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from engine.common import file_hash
from engine.common.errors import ConfigError, DataError, RunError
from engine.config.schema import DataSource
from engine.data import run_source
from engine.distributed.device import Placement, place
from engine.evaluation.asked_rows import FILE, AskedRows, file_rows, own_rows
from engine.evaluation.candidates import Candidate, Examples
from engine.evaluation.evaluate import Questions, ask, conclude, summed_up
from engine.evaluation.generate import Generator
from engine.evaluation.row_losses import LossRows, RowLoss
from engine.evaluation.trained_on import TrainedOn, trained_on, trained_runs
from engine.messages.message import Message
from engine.metrics.choose import Choice, choose
from engine.metrics.totals import text_scores
from engine.modeling.load_for_use import BESIDE, Ready, config_for, load_for_use
from engine.modeling.out_of_memory import MemoryGuard, give_back
from engine.models.adapter import strength
from engine.models.adapter.config import CONFIG_FILE
from engine.models.for_use import ForUse, Trust, check, find_for_use
from engine.models.origins import model_files
from engine.runs import evaluations
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from engine.runs.evaluations import BASE, FEW_SHOT, TUNED, Answer, Evaluation
from engine.runs.phases import Phases
from engine.tokens.render import Renderer

_MOST_TEXT = 2000


@dataclass
class Afterwards:
    """One request, carried out. ``tell`` hears what should be read at once, not only with the result."""

    request: EvaluationRequest
    phases: Phases
    tell: Callable[[Message], None]
    notes: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = RunDir(Path(self.request.run))
        self.trust = Trust(base=self.request.trust_base)
        self.found = find_for_use(str(self.run.path), self.trust)
        self.config = config_for(self.found)
        self.placement = place(self.config)

    def evaluate(self) -> Evaluation:
        """Ask everyone and conclude. Raises TunedeckError, StopRequested; what was answered by then is kept."""
        against = self.request.against
        others = {Path(name).name: find_for_use(name, self.trust) for name in against if name not in (BASE, FEW_SHOT)}
        beside = next((name for name, other in others.items() if self._is_same_base(other)), "")
        assert self.found.adapter is not None
        kept = strength.kept(self.found.adapter.path)
        if kept != 1:
            self.note(Message("strength.acts-at", scale=kept))
        file = self.file_rows()
        ready = self.load(self.found)
        asked = self.without_trained(file or self.own_rows(ready), list(others.values()))
        questions = self.questions(asked)
        if asked.is_text:
            return self._of_text(questions, ready, others)
        for name in against:
            if name in (BASE, FEW_SHOT):
                ask(questions, self._of_base(name, ready), self.phases)
        ask(questions, candidate(TUNED, ready, self.phases), self.phases)
        if beside:
            check(others[beside], self.trust, self._hashing)
            ready.put_beside(others[beside])
            ready.switch(BESIDE)
            ask(questions, candidate(beside, ready, self.phases, others[beside]), self.phases)
        del ready
        for name, other in others.items():
            if name != beside:
                give_back(self.placement.device)
                if other.card.path != self.found.card.path:
                    self.note(Message("evaluate.other-base", run=other.title, base=other.card.name))
                ask(questions, candidate(name, self.load(other), self.phases), self.phases)
        names = [Path(name).name for name in against]
        choice = self.choice(questions)
        return conclude(questions, [*names, TUNED], choice, self.phases, self.notes, self.step)

    def file_rows(self) -> AskedRows | None:
        """The rows of the file that is asked for, read before any model is loaded; None for none. Raises DataError."""
        request = self.request
        if request.data is None:
            return None
        self.phases.begin("read")
        return self._noted(file_rows(DataSource.model_validate(request.data), self.config, request.rows))

    def own_rows(self, ready: Ready, can_ask_more: bool = True) -> AskedRows:
        """The rows that the run held out; not ``can_ask_more`` where the verb has no --rows. Raises DataError."""
        found = own_rows(self.run, self.config, renderer_of(ready), self.phases, self.request.rows)
        if not can_ask_more:
            found.notes[:] = [
                Message("evaluate.only-first-rows", **each.args) if each.code == "evaluate.first-rows" else each
                for each in found.notes
            ]
        return self._noted(found)

    def _noted(self, found: AskedRows) -> AskedRows:
        for note in found.notes:
            self.note(note)
        return found

    def questions(self, asked: AskedRows) -> Questions:
        return Questions(
            evaluations.folder(self.run, self.request.name), self.request.name, asked.part, asked.rows,
            self.request.new_tokens or self.config.eval.max_new_tokens, asked.data, asked.data_sha256,
            self.config.eval.metric_file,
        )  # fmt: skip

    def choice(self, questions: Questions) -> Choice:
        """The metrics of the answers: those of the run's config, or chosen by the rows."""
        trained = [row.messages[-1].text for row in run_source.read_sample(self.run) if row.messages]
        return choose([row.messages[-1].text for row in questions.rows], trained, self.config.eval)

    def without_trained(self, asked: AskedRows, others: Sequence[ForUse]) -> AskedRows:
        """Say which rows a candidate was trained on: what it answers to these proves nothing. They may be left out.

        So are those that the adapters behind its own were trained on.
        """
        learnt: set[int] = set()
        candidates = [self.run, *(other.run for other in others if other.run is not None)]
        runs: dict[str, tuple[RunDir, str]] = {}
        for each in candidates:
            for run in trained_runs(each):
                runs[run.id] = runs.get(run.id, (run, each.name)) if run.id != each.id else (run, "")
        if asked.part != FILE:  # its own held-out rows are none of those by the way they were drawn
            runs.pop(self.run.id, None)
        for run, behind in runs.values():
            self.phases.begin("read")
            known = trained_on(run, lambda done: self.phases.check())
            rows, prompts = known.among(asked.rows)
            learnt |= set(rows)
            of, leaves_out = len(asked.rows), self.request.unseen_only
            for note in _said_of(known, run.name, behind, len(rows), len(prompts), of, leaves_out):
                self.note(note)
        if not learnt or not self.request.unseen_only:
            return asked
        left = [row for at, row in enumerate(asked.rows) if at not in learnt]
        if not left:
            raise DataError("evaluate.all-trained-on", rows=len(asked.rows))
        return AskedRows(left, asked.part, asked.data, asked.data_sha256)

    def _of_text(self, questions: Questions, ready: Ready, others: Mapping[str, ForUse]) -> Evaluation:
        """Plain text has no answers: every candidate's loss on it is measured instead."""
        if FEW_SHOT in self.request.against:
            raise ConfigError("evaluate.no-text-candidate")
        losses = {}
        for name in (BASE, TUNED):
            if name == TUNED or BASE in self.request.against:
                with ready.without_adapter() if name == BASE else nullcontext():
                    losses[name] = self._measured(questions, ready)
        del ready
        for name, other in others.items():
            give_back(self.placement.device)
            losses[name] = self._measured(questions, self.load(other))
        return conclude_text(self, questions, losses, [*(name for name in losses if name != TUNED), TUNED])

    def _measured(self, questions: Questions, ready: Ready) -> dict[int, RowLoss]:
        memory = generator_of(ready, self.phases).memory
        rows = LossRows.of_rows(questions.rows, renderer_of(ready), ready.base, memory)
        report = self.phases.progress("measure", "batches")
        return rows.measure(ready.model, ready.base.model.device, self.phases.check, report)

    def _of_base(self, name: str, ready: Ready) -> Candidate:
        """The untouched base, asked plainly or with examples from the rows that the run was trained on."""
        examples = None
        if name == FEW_SHOT:
            examples = Examples(run_source.read_sample(self.run), self.config.eval.few_shot)
            if not len(examples):
                raise RunError("evaluate.no-examples", run=self.run.id)
        words = ready.words[ready.speaking]
        return Candidate(
            name, base_mark(self.found), generator_of(ready, self.phases), Renderer(words.tokenizer, words.stops),
            ready.without_adapter, examples,
        )  # fmt: skip

    def load(self, found: ForUse, placement: Placement | None = None) -> Ready:
        """``found``, in memory as it was trained, or as ``placement`` says."""
        self.phases.begin("load", model=found.card.name)
        ready = load_for_use(found, placement or self.placement, self.trust, self._hashing)
        for note in ready.told:
            self.note(note)
        return ready

    def _hashing(self, done: int, total: int) -> None:
        self.phases.check()

    def _is_same_base(self, other: ForUse) -> bool:
        """Whether one model in memory serves both adapters, as they were trained."""
        ours, theirs = self.found.model, other.model
        return (
            other.adapter is not None and self.found.adapter is not None
            and (other.card.path.resolve(), theirs.quantization, theirs.dtype)
            == (self.found.card.path.resolve(), ours.quantization, ours.dtype)
            and "none" == other.adapter.settings.bias == self.found.adapter.settings.bias
        )  # fmt: skip

    def note(self, note: Message) -> None:
        if note not in self.notes:
            self.notes.append(note)
            self.tell(note)

    @property
    def step(self) -> int | None:
        """The checkpoint that is measured."""
        assert self.found.adapter is not None
        return self.found.adapter.record.step if self.found.adapter.record else None


def conclude_text(
    after: Afterwards, questions: Questions, losses: Mapping[str, Mapping[int, RowLoss]], names: Sequence[str],
    of: str = TUNED,
) -> Evaluation:  # fmt: skip
    """What losses of rows say of ``names``: bits a byte and perplexity, kept like answers. Raises MachineError."""
    answers = [
        Answer(
            candidate=name, row=row, prompt=questions.rows[row].text[:_MOST_TEXT], reference="", answer="",
            group=questions.rows[row].group, scores=text_scores(loss.nats, loss.tokens, loss.n_bytes),
        )
        for name in names
        for row, loss in losses[name].items()
    ]  # fmt: skip
    return summed_up(questions, answers, names, choose([]), after.notes, after.step, of)


def candidate(name: str, ready: Ready, phases: Phases, found: ForUse | None = None, scale: float = 1.0) -> Candidate:
    """The adapter that ``ready`` speaks with (``found``, by default what was loaded), at ``scale`` of its strength."""
    words = ready.words[ready.speaking]
    return Candidate(
        name, f"{adapter_mark(found or ready.found)} {scale:g}", generator_of(ready, phases),
        Renderer(words.tokenizer, words.stops), lambda: ready.scaled(scale),
    )  # fmt: skip


def generator_of(ready: Ready, phases: Phases) -> Generator:
    words = ready.words[ready.speaking]
    memory = MemoryGuard(ready.base.model.device, phases.sink, phase="evaluation")
    return Generator(
        ready.model, words.tokenizer, words.stops, words.pad_id, phases.check, memory,
        most_positions=ready.most_positions,
    )  # fmt: skip


def renderer_of(ready: Ready) -> Renderer:
    words = ready.words[ready.speaking]
    return Renderer(words.tokenizer, words.stops)


def adapter_mark(found: ForUse) -> str:
    """The same for the same weights at the same strength on the same base."""
    card = found.adapter
    if card is None:
        return base_mark(found)
    config = (card.path / CONFIG_FILE).read_bytes()
    return f"{base_mark(found)} {file_hash.sha256_of(card.file)} {hashlib.sha256(config).hexdigest()}"


def base_mark(found: ForUse) -> str:
    """The same for the same base in the same precision: by name, size and time of its files, which may be replaced."""
    model = found.model
    stats = [(file.name, file.stat()) for file in model_files(found.card.path, model.allow_pickle)]
    files = " ".join(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return f"{found.card.path.resolve()} {files} {model.revision} {model.quantization} {model.dtype}"


def _said_of(
    known: TrainedOn, title: str, behind: str, rows: int, prompts: int, of: int, leaves_out: bool
) -> Iterator[Message]:
    """Of the run called ``title``, or of the one ``behind`` which it stands, "" for none."""
    if rows and leaves_out:
        yield Message("evaluate.trained-on-left-out", run=title, rows=rows, of=of)
    elif rows and behind:
        yield Message("evaluate.trained-on-behind", run=title, behind=behind, rows=rows, of=of)
    elif rows:
        yield Message("evaluate.trained-on", run=title, rows=rows, of=of)
    if prompts:
        yield Message("evaluate.asked-in-training", run=title, rows=prompts, of=of)
    if not known.is_whole:
        yield Message("evaluate.trained-on-unknown", run=title, known=len(known.rows))
