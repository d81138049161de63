"""Metrics of several sides on the very same rows, each side against the first: by rows, or over seeds and rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from engine.app.compare.asked import asked_otherwise, cut_otherwise, limits, unrecorded
from engine.app.compare.kept import Kept
from engine.app.compare.targets import Target
from engine.common.errors import RunError
from engine.config.metric_names import USER_METRIC
from engine.messages.message import Message
from engine.metrics.choose import Choice
from engine.metrics.result import Verdict
from engine.metrics.seeds import over_seeds
from engine.metrics.summary import summarize
from engine.metrics.verdict import holm_within
from engine.metrics.verdict import verdict as verdict_of
from engine.metrics.words import LOWER_IS_BETTER
from engine.runs import evaluations
from engine.runs.evaluations import TUNED, Answer, Evaluation
from engine.runs.group_summary import RowKey, answers_by_row
from engine.runs.state import RunState


@dataclass(frozen=True)
class Value:
    """A metric of one side with its 95 % interval, or over ``seeds`` its mean with the range."""

    value: float
    low: float | None
    high: float | None
    n: int
    seeds: int = 1


@dataclass(frozen=True)
class Versus:
    """``side`` against ``against``, by letter. ``test`` says how: seeds, or as in ``engine.metrics.result``."""

    side: str
    against: str
    difference: float
    low: float | None
    high: float | None
    p: float | None
    adjusted_p: float | None
    test: str
    n: int
    verdict: Verdict


@dataclass(frozen=True)
class Figure:
    """One metric of the sides that have it, by letter, and how they compare; ``barred``: why not all do."""

    metric: str
    values: Mapping[str, Value]
    versus: tuple[Versus, ...] = ()
    barred: Message | None = None


@dataclass(frozen=True)
class RowSet:
    """Figures on the very same ``n`` rows; ``part`` is test, validation or file (``data``).

    ``new_tokens`` are the limits of the answers by letter, where they were recorded; ``notes`` say what else was not
    asked alike.
    """

    part: str
    data: str
    n: int
    figures: tuple[Figure, ...]
    new_tokens: Mapping[str, Sequence[int]] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()

    @property
    def letters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(letter for figure in self.figures for letter in figure.values))

    @property
    def is_shared(self) -> bool:
        return len(self.letters) > 1


def logged(letter: str, state: RunState) -> list[RowSet]:
    """Metrics that a run's log has from after the training, of rows that nobody can tell."""
    found = []
    for part in ("test", "validation"):
        event = state.evals_at("after", part)
        if event is not None and event.metrics:
            figures = [
                Figure(name, {letter: Value(value, None, None, event.n)}) for name, value in event.metrics.items()
            ]
            found.append(RowSet(part, "", event.n, tuple(figures)))
    return found


def row_sets(
    sides: Mapping[str, Target], by: str, models: Mapping[str, str]
) -> tuple[tuple[RowSet, ...], int, int]:  # fmt: skip
    """Figures of the sides, by letter, by the rows they are of, and how many comparisons were made.

    ``models`` are the sides' base models.

    Each set of rows is an evaluation of its own: its first metric decides. The comparisons by such metrics are counted
    first, those by others apart from them. ``by`` is one metric alone. Raises RunError when none has it.
    """
    sets: list[tuple[dict[str, Kept], Evaluation]] = []
    for letter, target in sides.items():
        for kept in _evaluations(target):
            others = (each for each, _ in sets if letter not in each)
            home = next((each for each in others if _same_rows(next(iter(each.values())), kept)), None)
            if home is None:
                sets.append(({letter: kept}, kept[0][0]))
            else:
                home[letter] = kept
    known = list(dict.fromkeys(name for members, _ in sets for name in _metrics(members)))
    if by and by not in known:
        if not known:
            raise RunError("compare.no-metric-at-all", metric=by)
        raise RunError("compare.no-such-metric", metric=by, known=known)
    drafts = [_figures(members, [by] if by else _metrics(members), models) for members, _ in sets]
    every = [
        ((home, number == 0), versus.p)
        for home, figures in enumerate(drafts)
        for number, figure in enumerate(figures)
        for versus in figure.versus
    ]
    adjusted = iter(holm_within([family for family, _ in every], [p for _, p in every]))

    def settled(figure: Figure) -> Figure:
        lower = figure.metric in LOWER_IS_BETTER
        versus = tuple(
            replace(each, adjusted_p=(p := next(adjusted)), verdict=verdict_of(each.difference, p, lower))
            for each in figure.versus
        )
        return replace(figure, versus=versus)

    found = [
        RowSet(
            evaluation.part,
            evaluation.data,
            evaluation.n,
            tuple(settled(figure) for figure in figures),
            {letter: each for letter, kept in members.items() if (each := limits(kept))},
            _not_alike(members, models),
        )
        for (members, evaluation), figures in zip(sets, drafts, strict=True)
        if figures
    ]
    told = [decides for (_, decides), p in every if p is not None]
    return tuple(sorted(found, key=lambda each: -len(each.letters))), sum(told), len(told) - sum(told)


def _evaluations(target: Target) -> list[Kept]:
    """The evaluations that all runs of a target which have any have by the same name, on the same rows."""
    # Not the proofs of exports, which repeat the answers of the training.
    by_run = [
        (run, {each.name: each for each in evaluations.all_of(run) if not evaluations.is_export(each.name)})
        for run in target.runs
    ]
    by_run = [(run, kept) for run, kept in by_run if kept]
    found = []
    for name in by_run[0][1] if by_run else ():
        having = [(run, kept[name]) for run, kept in by_run if name in kept]
        kept = [(each, answers_by_row(evaluations.folder(run, name)).get(TUNED, {})) for run, each in having]
        kept = [(each, answers) for each, answers in kept if answers]
        if kept and all(_same_rows([kept[0]], [each]) for each in kept):
            found.append(kept)
    return found


def _same_rows(ours: Kept, theirs: Kept) -> bool:
    """Whether both were asked the very same rows: prompts and references alike, in any order.

    What the prompts don't show (a system prompt, tools) is in the hash of the rows, where both kept one.
    """
    (first, left), (second, right) = ours[0], theirs[0]
    if first.rows_sha256 and first.rows_sha256 == second.rows_sha256:
        return True
    if set(left) != set(right):
        return False
    in_order = [*left] == [*right]
    return not (in_order and first.rows_sha256 and second.rows_sha256)


def _metrics(members: Mapping[str, Kept]) -> list[str]:
    return list(dict.fromkeys(metric for kept in members.values() for each, _ in kept for metric in each.metrics))


def _figures(members: Mapping[str, Kept], metrics: Sequence[str], models: Mapping[str, str]) -> list[Figure]:
    """Each of ``metrics`` of the sides, and each side against the first that has it too and was measured alike."""
    figures = []
    for metric in metrics:
        values = {letter: value for letter, kept in members.items() if (value := _value(kept, metric)) is not None}
        if not values:
            continue
        barred = _barred(metric, {letter: members[letter] for letter in values}, models)
        versus = [
            _versus(members[letter], members[against], metric, letter, against)
            for letter, against in _pairs(metric, [*values], members, models, barred is None)
        ]
        figures.append(Figure(metric, values, tuple(each for each in versus if each is not None), barred))
    return figures


def _pairs(
    metric: str, letters: Sequence[str], members: Mapping[str, Kept], models: Mapping[str, str], all_alike: bool
) -> Iterator[tuple[str, str]]:
    """Each side with the first before it that its figure can be compared with; one that is unlike all has none."""
    for at, letter in enumerate(letters):
        for against in letters[:at]:
            if all_alike or _barred(metric, {each: members[each] for each in (against, letter)}, models) is None:
                yield letter, against
                break


def _not_alike(members: Mapping[str, Kept], models: Mapping[str, str]) -> tuple[Message, ...]:
    """What a reader must know of how the sides were asked, that alone bars no verdict."""
    told = [Message("compare.other-prompts", sides=each)] if (each := asked_otherwise(members, models)) else []
    if each := unrecorded(members):
        told.append(Message("compare.asked-unknown", sides=each))
    return tuple(told)


def _barred(metric: str, members: Mapping[str, Kept], models: Mapping[str, str]) -> Message | None:
    """Why figures by one name are not of one thing; None where all are.

    A user's metric that was another, a perplexity of other tokens, answers that were cut at other lengths.
    """
    if metric == USER_METRIC:
        files = {each.metric_sha256 for kept in members.values() for each, _ in kept} - {""}
        if len(files) > 1:
            return Message("compare.other-metric")
    if metric == "perplexity" and len({models.get(letter, "") for letter in members}) > 1:
        return Message("compare.other-tokens")
    return cut_otherwise(metric, members)


def _value(kept: Kept, metric: str) -> Value | None:
    means = [mean for each, _ in kept if (mean := each.mean(TUNED, metric)) is not None]
    if not means:
        return None
    if len(means) == 1:
        return Value(means[0].value, means[0].low, means[0].high, means[0].n)
    values = [mean.value for mean in means]
    return Value(statistics.fmean(values), min(values), max(values), means[0].n, len(means))


def _versus(ours: Kept, theirs: Kept, metric: str, letter: str, against: str) -> Versus | None:
    if len(ours) == len(theirs) == 1:
        return _paired(ours[0], theirs[0], metric, letter, against)
    keys = [key for key in ours[0][1] if all(metric in rows.get(key, _NO_ANSWER).scores for _, rows in ours + theirs)]
    if not keys:
        return None
    left, right = (
        np.array([[rows[key].scores[metric] for key in keys] for _, rows in kept]) for kept in (ours, theirs)
    )
    found = over_seeds(left, right, [ours[0][1][key].group for key in keys])
    return Versus(
        letter, against, found.difference, found.low, found.high, found.p, None, "seeds", found.n, "unclear"
    )  # fmt: skip


_NO_ANSWER = Answer(candidate="", row=0, prompt="", reference="", answer="")


def _paired(
    ours: tuple[Evaluation, Mapping[RowKey, Answer]], theirs: tuple[Evaluation, Mapping[RowKey, Answer]], metric: str,
    letter: str, against: str,
) -> Versus | None:  # fmt: skip
    """One run against another, row by row, as an evaluation compares its candidates."""
    (evaluation, left), (_, right) = ours, theirs
    answers = [
        msgspec.structs.replace(rows[key], candidate=name, row=at)
        for at, key in enumerate(left)
        for name, rows in ((letter, left), (against, right))
        if key in rows
    ]
    labels = tuple(evaluation.confusions[0].labels) if evaluation.confusions else ()
    labels = labels or tuple(dict.fromkeys(answer.reference for answer in left.values()))
    summary = summarize(answers, Choice("short", (metric,), Message("metrics.set-by-you"), labels), of=letter)
    found = next(iter(summary.comparisons), None)
    if found is None:
        return None
    return Versus(
        letter, against, found.difference, found.low, found.high, found.p, None, found.test, found.n, found.verdict
    )  # fmt: skip
