"""Judging pairs of answers, by a person or a model: what is left to judge, what was chosen, and what follows."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.app.evaluate import Stopped, ask_child
from engine.common.errors import MachineError, RunError, TunedeckError, reason_of
from engine.messages.message import Message
from engine.metrics import words
from engine.metrics.result import Comparison, Mean
from engine.runs import choices, evaluations
from engine.runs.choices import HAND, TIE, Choice, Pair, Pairs
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import JudgeRequest
from engine.runs.evaluations import BASE, TRAINING, TUNED, Evaluation

PREFERRED, PAIRS = "preferred", "pairs"
"""The metric of a judgement, and the part of the rows that it is over."""
_SAID = {"system": "judge.said-system", "user": "judge.said-user", "assistant": "judge.said-assistant"}
_SENTENCES = {"better": "judge.preferred", "worse": "judge.not-preferred", "unclear": "judge.unclear"}


@dataclass
class Bench:
    """The pairs of evaluation ``name`` of ``run`` between the candidates ``names``, and what ``judge`` made of them.

    ``identity`` is that of a model that judges, "" for a person. Choices are kept as they are made, so that judging
    goes on where it stood.
    """

    run: RunDir
    name: str
    names: tuple[str, str]
    pairs: Pairs
    judge: str = HAND
    identity: str = ""
    chosen: dict[int, Choice] = field(default_factory=dict)
    _shown_t: float = 0.0

    @property
    def where(self) -> Path:
        return evaluations.folder(self.run, self.name)

    @property
    def total(self) -> int:
        return len(self.pairs.pairs)

    @property
    def done(self) -> int:
        return sum(pair.row in self.chosen for pair in self.pairs.pairs)

    @property
    def left(self) -> list[Pair]:
        """The pairs that are not judged yet, in their order."""
        return [pair for pair in self.pairs.pairs if pair.row not in self.chosen]

    def kept(self, judge: str) -> dict[int, Choice]:
        """What ``judge`` chose of these pairs so far, by row."""
        made = choices.read(self.where, judge, self.names, "" if judge == HAND else self.identity)
        return choices.of_pairs(made, self.pairs.pairs)

    @property
    def current(self) -> Pair | None:
        return next(iter(self.left), None)

    @property
    def seconds_a_pair(self) -> float | None:
        """The median time that a person took, None before a choice."""
        took = sorted(each.seconds for each in self.chosen.values() if each.seconds)
        return took[len(took) // 2] if took else None

    def look(self) -> None:
        """The current pair is on the screen from now on."""
        self._shown_t = time.monotonic()

    def choose(self, side: int | None) -> None:
        """Take what stands on the left (0) or right (1) of the current pair, None for a tie. Raises MachineError."""
        pair = self.current
        if pair is None:
            return
        chosen = TIE if side is None else pair.at(side)
        seconds = round(time.monotonic() - self._shown_t, 2) if self._shown_t else 0.0
        self.keep(Choice(row=pair.row, pair=self.names, chosen=chosen, seconds=seconds, mark=pair.mark))

    def keep(self, choice: Choice) -> None:
        """Write ``choice`` down. Raises MachineError; then it counts for nothing."""
        try:
            choices.keep(self.where, self.judge, choice)
        except OSError as error:
            raise MachineError("judge.unwritable", path=self.where, reason=reason_of(error)) from error
        self.chosen[choice.row] = choice

    def undo(self) -> bool:
        """Take the last choice back; False where there is none. Raises MachineError."""
        last = next(reversed(self.chosen), None)
        if last is None:
            return False
        self.keep(Choice(row=last, pair=self.names, chosen=""))
        del self.chosen[last]
        return True


def open_bench(
    run: RunDir, name: str = "", against: str = "", judge: str = HAND,
    on_progress: Callable[[int, int | None, Message], None] = lambda done, total, message: None,
) -> Bench:  # fmt: skip
    """The pairs of evaluation ``name``, by default that of the training, of its tuned model and ``against`` (the base).

    A model that judges is hashed once, to be told from others of its name. Raises RunError: no such evaluation, a
    candidate it has not, or no two answers that differ.
    """
    found = [each for each in evaluations.all_of(run) if each.part != PAIRS]  # judgements have no answers
    if not found:
        raise RunError("judge.no-evaluation", run=run.id)
    names = [each.name for each in found]
    chosen = next((each for each in found if each.name == (name or TRAINING)), None if name else found[-1])
    if chosen is None:
        raise RunError("judge.no-such-evaluation", run=run.id, name=name, names=names)
    pair = _pair(run, chosen, against)
    pairs = choices.pairs_in(evaluations.folder(run, chosen.name), pair, seed=_seed(run))
    if not pairs.pairs:
        raise RunError("judge.no-pairs", run=run.id, name=chosen.name, pair=list(pair), same=len(pairs.same))
    identity = "" if judge == HAND else _identity_of(judge, on_progress)
    bench = Bench(run, chosen.name, pair, pairs, judge, identity)
    bench.chosen = bench.kept(judge)
    return bench


def _pair(run: RunDir, evaluation: Evaluation, against: str) -> tuple[str, str]:
    there = evaluation.candidates
    wanted = TUNED if TUNED in there else there[-1]
    others = [each for each in there if each != wanted]
    other = against or (BASE if BASE in others else next(iter(others), ""))
    if other not in others:
        raise RunError("judge.no-candidate", run=run.id, name=evaluation.name, against=other or BASE, candidates=there)
    return wanted, other


def let_model_judge(
    bench: Bench, rows: int = 0, trust_base: bool = False,
    on_progress: Callable[[int, int | None, Message], None] = lambda done, total, message: None,
    on_note: Callable[[Message], None] = lambda note: None,
) -> Evaluation:  # fmt: skip
    """Let the model that ``bench.judge`` names judge what is left, in a process of its own, and conclude.

    Raises Stopped (choices made by then are kept), TunedeckError.
    """
    asked = JudgeRequest(
        where=str(bench.where.absolute()), pair=bench.names, judge=bench.judge, seed=_seed(bench.run), rows=rows,
        trust_base=trust_base,
    )  # fmt: skip
    said = ask_child(asked, on_progress, on_note)
    if said["type"] == "stopped":
        raise Stopped(len(bench.kept(bench.judge)))
    bench.chosen = bench.kept(bench.judge)
    notes = []
    if said["too_long"]:
        notes.append(Message("judge.too-long", rows=said["too_long"]))
    if _is_own_base(bench):
        notes.append(Message("judge.own-answers"))
    return conclude(bench, notes)


def _identity_of(judge: str, on_progress: Callable[[int, int | None, Message], None]) -> str:
    """The identity of the model that ``judge`` names, "" for a name that means none any more."""
    from engine.models.for_use import find_for_use
    from engine.models.identity import identity_of

    said = Message("judge.reading")
    try:
        return identity_of(find_for_use(judge), lambda done, total: on_progress(done, total, said))
    except TunedeckError:
        return ""


def _is_own_base(bench: Bench) -> bool:
    """Whether the judge is the model whose answers it judges."""
    from engine.models.for_use import find_for_use
    from engine.models.weights import hash_files, weight_files

    try:
        judge, judged = find_for_use(bench.judge), find_for_use(str(bench.run.path))
        if judge.card.path.resolve() == judged.card.path.resolve():
            return True
        record = judged.adapter.record if judged.adapter else None
        weights = dict(record.weights_sha256) if record else {}
        return bool(weights) and hash_files(weight_files(judge.card.path)) == weights  # a copy in another folder
    except TunedeckError:
        return False


def _seed(run: RunDir) -> int:
    """What draws order and sides: the same whenever a run is judged, by whomever."""
    return zlib.crc32(run.id.encode())


def conclude(bench: Bench, notes: Sequence[Message] = ()) -> Evaluation:
    """What the choices so far say, kept as an evaluation of its own. Raises RunError before the first, MachineError.

    Half a pair counts for each side of a tie. ``notes`` are what a reader must know of how the judge worked.
    """
    judged = [pair for pair in bench.pairs.pairs if pair.row in bench.chosen]
    if not judged:
        raise RunError("judge.nothing-judged", run=bench.run.id, name=bench.name)
    judging = Judging(bench, judged)
    found = judging.evaluation([*judging.notes(), *notes])
    try:
        evaluations.keep(evaluations.folder(bench.run, found.name), found)
    except OSError as error:
        raise MachineError("judge.unwritable", path=bench.where, reason=reason_of(error)) from error
    return found


@dataclass(frozen=True)
class Judging:
    """The pairs that were judged, and the figures of their verdict."""

    bench: Bench
    pairs: Sequence[Pair]

    @property
    def scores(self) -> list[float]:
        """Of each pair what it counts for the first candidate: 1, 0, or a half for a tie."""
        ours, theirs = self.bench.names
        worth = {ours: 1.0, theirs: 0.0, TIE: 0.5}
        return [worth[self.bench.chosen[pair.row].chosen] for pair in self.pairs]

    def evaluation(self, notes: Sequence[Message]) -> Evaluation:
        from engine.metrics.totals import mean_of
        from engine.metrics.verdict import compare, interval, mcnemar, verdict

        (ours, theirs), scores, n = self.bench.names, self.scores, len(self.pairs)
        groups = [pair.group for pair in self.pairs] if any(pair.group for pair in self.pairs) else []
        one, two = mean_of(scores), mean_of([1 - score for score in scores])
        difference = compare(one, two, groups)
        # The sign test: ties say nothing about the direction. Where pairs come in clusters theirs is the test.
        p, test = (difference.p, difference.test) if groups else (mcnemar(one.scores, two.scores), "mcnemar")
        found = verdict(difference.value, p)
        means = []
        for name, total in ((theirs, two), (ours, one)):
            bounds = interval(total, groups)
            means.append(
                Mean(candidate=name, metric=PREFERRED, value=total.value, low=bounds.low, high=bounds.high, n=n)
            )
        compared = Comparison(
            candidate=ours, against=theirs, metric=PREFERRED, difference=difference.value, low=difference.bounds.low,
            high=difference.bounds.high, p=p, adjusted_p=p, test=test, n=n, verdict=found,
        )  # fmt: skip
        counts = {"wins": scores.count(1.0), "losses": scores.count(0.0), "ties": scores.count(0.5)}
        sentence = Message(
            _SENTENCES[found], candidate=words.candidate(ours), against=words.candidate(theirs), **counts,
            share=one.value, low=means[1].low, high=means[1].high, n=n,
        )  # fmt: skip
        who, judge = self.bench, self.bench.judge
        by_model = Message("judge.by-model", judge=judge, identity=who.identity or "?")
        reason = Message("judge.by-hand") if judge == HAND else by_model
        name = evaluations.judgement(who.name, choices.called(judge, who.identity))
        return Evaluation(
            name=name, part=PAIRS, n=n, candidates=[theirs, ours], metrics=[PREFERRED], reason=reason, means=means,
            comparisons=[compared], looked_at=1, sentence=sentence, notes=list(notes),
            seconds={judge: round(sum(each.seconds for each in who.chosen.values()), 1)},
        )  # fmt: skip

    def notes(self) -> list[Message]:
        bench, found = self.bench, []
        if bench.left:
            found.append(Message("judge.pairs-left", left=len(bench.left), total=bench.total))
        if bench.pairs.same:
            found.append(Message("judge.pairs-same", same=len(bench.pairs.same)))
        flips = sum(bench.chosen[pair.row].flipped for pair in self.pairs)
        if bench.judge != HAND:
            code = "judge.flips-often" if flips > len(self.pairs) / 3 else "judge.flips"
            found.append(Message(code, flips=flips, n=len(self.pairs)))
            silent = sum(not bench.chosen[pair.row].spoke for pair in self.pairs)
            found += [Message("judge.not-spoken", rows=silent, n=len(self.pairs))] if silent else []
            unread = [bench.chosen[pair.row].unread for pair in self.pairs]
            cut = sum(map(bool, unread))
            found += [Message("judge.unread", rows=cut, n=len(self.pairs), turns=sum(unread))] if cut else []
            found += self._beside_hand()
        return found

    def _beside_hand(self) -> list[Message]:
        """How far the judge agrees with a person, and its rate corrected by that."""
        bench = self.bench
        from engine.metrics.agreement import LEAST_CHOICES

        hand = bench.kept(HAND)
        both = [pair.row for pair in self.pairs if pair.row in hand]
        if len(both) < LEAST_CHOICES:
            return [Message(
                "judge.unchecked", both=len(both), least=LEAST_CHOICES, run=bench.run.id, name=bench.name,
                against=bench.names[1],
            )]  # fmt: skip
        return self._checked([bench.chosen[row].chosen for row in both], [hand[row].chosen for row in both])

    def _checked(self, judge: list[str], hand: list[str]) -> list[Message]:
        from engine.metrics.agreement import agreement, corrected

        ours = self.bench.names[0]
        found = agreement(judge, hand)
        assert found is not None
        low, high = found.bounds
        notes = [
            Message(
                "judge.agrees", n=found.n, share=found.share, low=low, high=high,
                kappa="-" if found.kappa is None else f"{found.kappa:.2f}",
            )
        ]  # fmt: skip
        judged = [self.bench.chosen[pair.row].chosen == ours for pair in self.pairs]
        right = corrected(judged, [each == ours for each in judge], [each == ours for each in hand])
        if right is None:
            return [*notes, Message("judge.not-corrected")]
        value, (low, high) = right
        rate = sum(judged) / len(judged)
        preferred = words.candidate(ours)
        return [*notes, Message("judge.corrected", candidate=preferred, rate=rate, value=value, low=low, high=high)]


def dialogue(pair: Pair) -> list[Message]:
    """The functions that could be called, what was said before the request, and the request itself, a turn each.

    The request alone where there is nothing else.
    """
    tools = [Message("judge.said-tools", tools=list(pair.tools))] if pair.tools else []
    if not pair.earlier and pair.role == "user":
        return [*tools, Message.literal(pair.prompt)]
    turns = [*((turn.role, turn.text) for turn in pair.earlier), (pair.role, pair.prompt)]
    return tools + [Message(_SAID.get(role, "judge.said-tool"), text=said) for role, said in turns]


def lines_of(found: Evaluation) -> list[Message]:
    """A judgement for a person: the verdict, by whom, and what must be known of it."""
    return [each for each in (found.sentence, found.reason, *found.notes) if each is not None]
