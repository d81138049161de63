"""Candidates answer the same rows; every answer is kept as it comes, and scores become a verdict.

An evaluation that was interrupted goes on where it stood: what is kept for the same prompt and the same weights is not
asked again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import msgspec

from engine.common.errors import MachineError, reason_of
from engine.common.file_hash import sha256_of
from engine.common.versions import versions
from engine.config.metric_names import USER_METRIC
from engine.data.rows.messages import Row
from engine.data.rows.records import record_of
from engine.distributed.ranks import ALONE, Ranks
from engine.evaluation.candidates import Answering, Candidate
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.choose import Choice
from engine.metrics.score import score
from engine.metrics.summary import summarize
from engine.metrics.user_metric import ROW_S, Item, measure
from engine.modeling.out_of_memory import OutOfMemory
from engine.runs import evaluations
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Cost, Evaluation, Said, Turn
from engine.runs.one_seed import of_one_seed
from engine.runs.phases import MESSAGES, Phases
from engine.runs.steering import StopRequested

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Questions:
    """Rows that end with an answer, and where what is answered is kept: the folder ``where`` of evaluation ``name``.

    ``part`` is test, validation or file (``data``, with its hash). Answers have at most ``new_tokens``. ``metric_file``
    holds the user's own metric, where there is one. ``asked`` is a hash of the prompts by candidate, once it was asked.
    """

    where: Path
    name: str
    part: str
    rows: Sequence[Row]
    new_tokens: int
    data: str = ""
    data_sha256: str = ""
    metric_file: str = ""
    rows_sha256: str = ""
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def run(self) -> RunDir:
        """The run whose evaluation it is."""
        return RunDir(self.where.parent.parent)

    @cached_property
    def rows_mark(self) -> str:
        """``rows_sha256``, or of ``rows``: the same for the same rows with the same references in the same order."""
        digest = hashlib.sha256()
        for row in self.rows:
            turns = [[message.role, message.text] for message in row.messages]
            digest.update(json.dumps([turns, row.tools]).encode() + b"\n")
        return self.rows_sha256 or digest.hexdigest()


@dataclass(frozen=True)
class Measured:
    """What was measured beside the answers: ``scores`` by candidate and row, ``costs`` of answering."""

    scores: Mapping[str, Mapping[int, Mapping[str, float]]] = field(default_factory=dict)
    costs: Sequence[Cost] = ()


NOTHING = Measured()


def evaluate(
    questions: Questions, candidates: Sequence[Candidate], choice: Choice, phases: Phases, ranks: Ranks = ALONE,
    notes: Sequence[Message] = (), step: int | None = None, of: str = evaluations.TUNED,
) -> Evaluation:  # fmt: skip
    """Ask all ``candidates``, in the order of a table, and conclude by the metrics of ``choice``.

    ``of`` is the one that is compared with each other. Raises as ``ask`` does.
    """
    for candidate in candidates:
        ask(questions, candidate, phases, ranks)
    names = [candidate.name for candidate in candidates]
    return conclude(questions, names, choice, phases, notes, step, ranks, of)


def ask(
    questions: Questions, candidate: Candidate, phases: Phases, ranks: Ranks = ALONE, beside: Sequence[Path] = ()
) -> list[Answer]:  # fmt: skip
    """The answer of ``candidate`` to each of the rows, in their order, from what is kept or generated now.

    ``beside`` are folders of other evaluations: what the same weights answered there to the same prompts is taken over.
    Several ranks share the work; the first one keeps. Raises OutOfMemory, MachineError (the folder can't be written)
    and StopRequested; what was answered by then is kept.
    """
    rows, new_tokens = questions.rows, questions.new_tokens
    prompts = [candidate.prompt(row, new_tokens) for row in rows]
    questions.asked[candidate.name] = _of_prompts([prompt.ids for prompt in prompts])
    marks = [_mark(prompt.ids, new_tokens, candidate.weights) for prompt in prompts]
    found: dict[int, Answer] = ranks.from_first(
        _taken(questions, candidate.name, marks, beside) if ranks.is_first else {}
    )
    left = [place for place in range(len(rows)) if place not in found]
    if not left:
        return [found[place] for place in range(len(rows))]
    began, last = time.monotonic(), time.monotonic()
    called, phase = words.candidate(candidate.name), f"answer {candidate.name}"
    phase = phase if phase in MESSAGES else "answer"
    phases.begin(phase, candidate=called)
    report = phases.progress(phase, "answers", candidate=called)

    def take(group: dict[int, Said]) -> None:
        nonlocal last
        seconds, last = time.monotonic() - last, time.monotonic()
        made = []
        for at, said in group.items():
            place = left[at]
            row = rows[place]
            made.append(
                Answer(
                    candidate=candidate.name, row=place, prompt=_asked(row), reference=row.messages[-1].text,
                    answer=said.text, ended=said.ended, tokens=said.tokens, group=row.group, mark=marks[place],
                    examples=prompts[place].examples, seconds=round(seconds / len(group), 4), **_around(row),
                )
            )  # fmt: skip
        found.update((answer.row, answer) for answer in made)
        if ranks.is_first:
            _keep(questions, made, is_new=True)

    with candidate.model():
        last = time.monotonic() if last == began else last
        generate(
            candidate.generator, [prompts[place].ids for place in left], new_tokens, ranks, take,
            lambda done, _total: report(len(rows) - len(left) + done, len(rows)),
        )  # fmt: skip
    return [found[place] for place in range(len(rows))]


def generate(
    generator: Answering, prompts: Sequence[list[int]], new_tokens: int, ranks: Ranks = ALONE,
    take: Callable[[dict[int, Said]], None] = lambda answers: None, report: Report = lambda done, total: None,
) -> list[Said]:  # fmt: skip
    """Greedy answers to ``prompts``, in their order. ``take`` gets them by index as soon as some are whole.

    Of several ranks each gives every so-many-th group, whole: an answer can depend on those of its group, by the last
    bits of sums. After each round all know all answers. One rank alone asks for several groups at once. Raises
    OutOfMemory and StopRequested in all of them.
    """
    whole: dict[int, Said] = {}
    generator.tokens_at_once = ranks.from_first(generator.tokens_at_once)
    groups = generator.groups(prompts, new_tokens)
    long = dict.fromkeys(set(range(len(prompts))).difference(*groups), Said(generator.too_long, 0, True))
    if long:
        take(long)
    alone = ranks.count == 1
    size = generator.side_by_side if alone else ranks.count
    for start in range(0, len(groups), size):
        together = groups[start : start + size]
        done, count = len(whole), sum(map(len, together))
        mine: dict[int, Said] = {}
        failure: OutOfMemory | None = None
        stopped = False
        try:
            own = [index for group in ranks.dealt(together) for index in group]
            asked = [prompts[index] for index in own]
            if own:
                part = _part_of(report, done, count, len(prompts))
                generator.answer(asked, new_tokens, part, partial(_keep_whole, mine, own, take if alone else None))
        except StopRequested:
            stopped = True
        except OutOfMemory as error:
            failure = error
        told = ranks.everyone((mine, failure, stopped))
        new = {index: said for answers, _, _ in told for index, said in answers.items()}
        if new and not alone:
            take(new)
        for _, failed, _ in told:
            if failed is not None:
                raise failed
        if any(stopped for _, _, stopped in told):
            raise StopRequested
        whole |= new
    whole |= long
    return [whole[index] for index in range(len(prompts))]


def _keep_whole(
    mine: dict[int, Said], own: Sequence[int], take: Callable[[dict[int, Said]], None] | None, found: dict[int, Said]
) -> None:
    """Put what was ``found`` of the prompts ``own`` into ``mine``, and give it to ``take`` at once if there is one."""
    new = {own[at]: said for at, said in found.items()}
    mine.update(new)
    if take is not None:
        take(new)


def _part_of(report: Report, done: int, count: int, total: int) -> Report:
    """``report`` of a group, told as of all: the ``count`` answered together stand behind the ``done``."""
    return lambda so_far, of: report(done + so_far * count // max(1, of), total)


def conclude(
    questions: Questions, candidates: Sequence[str], choice: Choice, phases: Phases, notes: Sequence[Message] = (),
    step: int | None = None, ranks: Ranks = ALONE, of: str = evaluations.TUNED, measured: Measured = NOTHING,
) -> Evaluation:  # fmt: skip
    """Score what ``candidates`` answered, keep answers and summary, and tell of it. ``measured`` is kept with it.

    Of several ranks the first one does it, and the others get what it found. Raises MachineError.
    """
    evaluation = (
        _concluded(questions, candidates, choice, phases, notes, step, of, measured) if ranks.is_first else None
    )
    if evaluation is not None:
        tell(evaluation, phases)
    evaluation = ranks.from_first(evaluation)
    assert evaluation is not None
    return evaluation


def tell(evaluation: Evaluation, phases: Phases) -> None:
    """Say in the log that ``evaluation`` is whole, and what it found."""
    seconds = round(sum(evaluation.seconds.values()), 2)
    said = evaluation.sentence
    phases.sink(ev.Evaluated(name=evaluation.name, n=evaluation.n, sentence=said, seconds=seconds))


def figures(
    answers: Sequence[Answer], choice: Choice, rows: Sequence[Row], metric_file: str, phases: Phases
) -> dict[str, float]:  # fmt: skip
    """The metrics of ``choice`` over ``answers`` of one candidate to ``rows``, those that can be told."""
    means = summarize(scored(answers, choice, rows, metric_file, phases)[0], choice).means
    return {mean.metric: mean.value for mean in means}


def scored(
    answers: Sequence[Answer], choice: Choice, rows: Sequence[Row], metric_file: str, phases: Phases
) -> tuple[list[Answer], list[Message]]:  # fmt: skip
    """``answers`` to ``rows`` with their scores by the metrics of ``choice``, and what is to be said of the scoring.

    A user's metric may be slow or hang: which row is waited for is told. Raises StopRequested.
    """
    scores = [score(choice.metrics, answer.answer, answer.reference) for answer in answers]
    notes: list[Message] = []
    if metric_file and USER_METRIC in choice.metrics:
        asked = [(answer, rows[answer.row]) for answer in answers]
        items = [
            Item(answer.answer, answer.reference, record_of(row), f"{row.file}:{row.number}") for answer, row in asked
        ]
        phases.begin("score", seconds=ROW_S)
        own = measure(Path(metric_file), items, on_row=phases.progress("score", "answers", seconds=ROW_S))
        notes = own.notes
        for found, value in zip(scores, own.scores, strict=True):
            if value is not None:
                found[USER_METRIC] = value
    return [msgspec.structs.replace(each, scores=found) for each, found in zip(answers, scores, strict=True)], notes


def _concluded(
    questions: Questions, candidates: Sequence[str], choice: Choice, phases: Phases, notes: Sequence[Message],
    step: int | None, of: str, measured: Measured,
) -> Evaluation:  # fmt: skip
    newest = {
        (answer.candidate, answer.row): answer
        for answer in evaluations.answers(questions.where)
        if answer.candidate in candidates and 0 <= answer.row < len(questions.rows)
    }
    order = [(name, row) for name in candidates for row in range(len(questions.rows))]
    asked = [newest[each] for each in order if each in newest]
    answers, told = scored(asked, choice, questions.rows, questions.metric_file, phases)
    answers = [
        msgspec.structs.replace(
            each, scores={**each.scores, **measured.scores.get(each.candidate, {}).get(each.row, {})}
        )
        for each in answers
    ]
    told = [*told, *_of_turns(questions.rows), *_of_examples(answers), *notes]
    return summed_up(questions, answers, candidates, choice, told, step, of, measured.costs)


def summed_up(
    questions: Questions, answers: list[Answer], candidates: Sequence[str], choice: Choice,
    notes: Sequence[Message] = (), step: int | None = None, of: str = evaluations.TUNED, costs: Sequence[Cost] = (),
) -> Evaluation:  # fmt: skip
    """What scored ``answers`` say, kept with them: from now on the evaluation is whole. Raises MachineError."""
    found = summarize(answers, choice, of, candidates)
    seconds = {name: sum(each.seconds for each in answers if each.candidate == name) for name in found.candidates}
    evaluation = Evaluation(
        name=questions.name, part=questions.part, n=found.n, candidates=found.candidates, metrics=found.metrics,
        reason=found.reason, data=questions.data, data_sha256=questions.data_sha256,
        rows_sha256=questions.rows_mark, metric_sha256=_metric_mark(questions, found.metrics), step=step,
        means=found.means, comparisons=found.comparisons, confusions=found.confusions, looked_at=found.looked_at,
        secondary=found.secondary, sentence=found.sentence,
        notes=[*found.notes, *notes, *of_one_seed(questions.run, next(iter(found.metrics), ""))],
        seconds={name: round(value, 2) for name, value in seconds.items()},
        versions=versions(), costs=[*costs], new_tokens=questions.new_tokens if of in questions.asked else 0,
        prompts_sha256=questions.asked.get(of, ""),
    )  # fmt: skip
    try:
        evaluations.write_answers(questions.where, answers)
        evaluations.keep(questions.where, evaluation)
    except OSError as error:
        raise unwritable(questions, error) from error
    return evaluation


def _metric_mark(questions: Questions, metrics: Sequence[str]) -> str:
    """The hash of the user's metric, by which figures of another one are told from its own."""
    if USER_METRIC not in metrics:
        return ""
    try:
        return sha256_of(Path(questions.metric_file))
    except OSError:
        return ""


def _of_turns(rows: Sequence[Row]) -> list[Message]:
    """That of dialogues with several answers the last alone is measured, behind the others as the row has them."""
    several = sum(any(turn.role == "assistant" for turn in row.messages[:-1]) for row in rows)
    return [Message("evaluate.last-alone", rows=several, of=len(rows))] if several else []


def _of_examples(answers: Sequence[Answer]) -> list[Message]:
    """How many examples stood in the prompts of the few-shot baseline."""
    shown = [answer.examples for answer in answers if answer.candidate == evaluations.FEW_SHOT]
    if not shown:
        return []
    if min(shown) == max(shown):
        return [Message("baselines.examples-shown", most=max(shown))]
    return [Message("baselines.examples-fewer", least=min(shown), most=max(shown))]


def _taken(questions: Questions, name: str, marks: Sequence[str], beside: Sequence[Path]) -> dict[int, Answer]:
    """By row what is kept of ``name`` here, and what is taken over from ``beside``, which is kept here from now on.

    The last answer to a row is the one that counts. Where other rows, another limit or other weights were tried since,
    the one that is taken is therefore kept anew.
    """
    found = _kept(questions, questions.where, name, marks)
    last = {answer.row: answer for answer in evaluations.answers(questions.where) if answer.candidate == name}
    overtaken = [answer for row, answer in found.items() if last[row] != answer]
    if overtaken:
        _keep(questions, overtaken)
    for other in beside:
        new = {row: answer for row, answer in _kept(questions, other, name, marks).items() if row not in found}
        if new:
            _keep(questions, [*new.values()])
        found |= new
    return found


def _kept(questions: Questions, where: Path, name: str, marks: Sequence[str]) -> dict[int, Answer]:
    """By row what ``name`` answered before to the same prompts with the same weights, as it is kept in ``where``."""
    return {
        answer.row: msgspec.structs.replace(answer, **_around(questions.rows[answer.row]))
        for answer in evaluations.answers(where)
        if answer.candidate == name
        and 0 <= answer.row < len(marks)
        and answer.mark == marks[answer.row]
        and answer.reference == questions.rows[answer.row].messages[-1].text
    }


def _keep(questions: Questions, answers: list[Answer], is_new: bool = False) -> None:
    try:
        if is_new:
            evaluations.outdate(questions.where, answers[0].candidate)
        evaluations.keep_answers(questions.where, answers)
    except OSError as error:
        raise unwritable(questions, error) from error


def unwritable(questions: Questions, error: OSError) -> MachineError:
    return MachineError("baselines.answers-unwritable", path=questions.where, reason=reason_of(error))


def _mark(ids: Sequence[int], new_tokens: int, weights: str) -> str:
    return hashlib.blake2b(f"{weights} {new_tokens} {list(ids)}".encode(), digest_size=12).hexdigest()


def _of_prompts(prompts: Sequence[Sequence[int]]) -> str:
    """The same for the same prompts in any order."""
    each = sorted(hashlib.sha256(str(list(ids)).encode()).digest() for ids in prompts)
    return hashlib.sha256(b"".join(each)).hexdigest()


def _around(row: Row) -> dict[str, Any]:
    """What a reader of an answer must know beside the question: a row may be a long dialogue, or have tools."""
    asked = row.messages[-2].role if len(row.messages) > 1 else "user"
    return {
        "earlier": [Turn(turn.role, turn.text) for turn in row.messages[:-2]], "role": asked, "tools": [*row.tools],
    }  # fmt: skip


def _asked(row: Row) -> str:
    return row.messages[-2].text if len(row.messages) > 1 else ""
