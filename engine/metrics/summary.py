"""From answers to a verdict: the one place that says how good each candidate is and whether the result is better."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from engine.config.metric_names import USER_METRIC
from engine.messages.message import Message
from engine.metrics import totals
from engine.metrics.choose import Choice
from engine.metrics.clusters import freedom_of, numbers_of
from engine.metrics.result import BYTES, TOKENS, TUNED, Comparison, Confusion, Mean
from engine.metrics.sentence import candidate as named
from engine.metrics.sentence import sentence
from engine.metrics.structured import calls_in, is_wrapped
from engine.metrics.texts import is_unspaced, label, said, words
from engine.metrics.totals import Total
from engine.metrics.verdict import FEW_GROUPS, compare, holm_within, interval, verdict
from engine.metrics.words import LOWER_IS_BETTER, SCORES, is_share
from engine.metrics.words import metric as metric_title

OF_TEXTS = ("macro_f1", "bleu")
"""Metrics of a whole that are made from answers, not from scores of rows."""
_WORDWISE = ("token_f1", "rouge_l", "bleu")


class Answered(Protocol):
    """An answer with its scores, as ``engine.runs.evaluations.Answer``."""

    @property
    def candidate(self) -> str: ...
    @property
    def row(self) -> int: ...
    @property
    def reference(self) -> str: ...
    @property
    def answer(self) -> str: ...
    @property
    def ended(self) -> bool: ...
    @property
    def group(self) -> str: ...
    @property
    def scores(self) -> dict[str, float]: ...


@dataclass(frozen=True)
class Summary:
    """What ``engine.runs.evaluations.Evaluation`` keeps: its fields of the same names say what each is."""

    n: int
    candidates: list[str]
    metrics: list[str]
    reason: Message
    means: list[Mean]
    comparisons: list[Comparison]
    confusions: list[Confusion]
    looked_at: int
    secondary: int
    sentence: Message
    notes: list[Message]


ByRow = dict[int, Answered]


def summarize(
    answers: Iterable[Answered], choice: Choice, of: str = TUNED, candidates: Sequence[str] = ()
) -> Summary:  # fmt: skip
    """Everything that ``answers`` tell by the metrics of ``choice``.

    ``of`` is the candidate that is compared with each other one. Of two answers of a candidate to one row the later
    counts. ``candidates`` gives their order; those that are not named follow as they come.
    """
    by_candidate: dict[str, ByRow] = {name: {} for name in candidates}
    for answer in answers:
        by_candidate.setdefault(answer.candidate, {})[answer.row] = answer
    by_candidate = {name: dict(sorted(rows.items())) for name, rows in by_candidate.items() if rows}
    rows = {row for found in by_candidate.values() for row in found}
    metrics = [name for name in choice.metrics if any(_told(found, name) for found in by_candidate.values())]
    bounded = {name for name in metrics if _is_bounded(name, by_candidate.values())}
    means = [
        mean
        for metric in metrics
        for name, found in by_candidate.items()
        if (mean := _mean(name, metric, found, choice.labels, metric in bounded)) is not None
    ]
    comparisons = _comparisons(by_candidate, of, metrics, choice.labels, bounded)
    confusions = []
    if choice.kind == "classification":
        confusions = [_confusion(name, found, choice.labels) for name, found in by_candidate.items()]
    looked_at = sum(each.p is not None and each.metric == metrics[0] for each in comparisons)
    secondary = sum(each.p is not None for each in comparisons) - looked_at
    return Summary(
        n=len(rows), candidates=list(by_candidate), metrics=metrics, reason=choice.reason, means=means,
        comparisons=comparisons, confusions=confusions, looked_at=looked_at,
        secondary=secondary, notes=[*choice.notes, *_notes(by_candidate, choice, metrics, looked_at, secondary)],
        sentence=sentence(metrics[0] if metrics else "", of, means, comparisons, len(rows)),
    )  # fmt: skip


def _told(found: ByRow, metric: str) -> list[int]:
    """The rows of which a metric can be told."""
    if metric in OF_TEXTS:
        return [row for row, each in found.items() if said(each.reference)]
    needed = {"bits_per_byte": BYTES, "perplexity": TOKENS}.get(metric, metric)
    return [row for row, each in found.items() if needed in each.scores]


def _total(
    found: ByRow, metric: str, rows: Sequence[int], labels: Sequence[str], is_bounded: bool
) -> Total:  # fmt: skip
    some = [found[row] for row in rows]
    if metric == "macro_f1":
        return totals.macro_f1([each.answer for each in some], [each.reference for each in some], labels)
    if metric == "bleu":
        return totals.bleu([each.answer for each in some], [each.reference for each in some])
    scores = [each.scores for each in some]
    if metric == "bits_per_byte":
        return totals.bits_per_byte(scores)
    if metric == "perplexity":
        return totals.perplexity(scores)
    if metric == "loss" and all(TOKENS in each for each in scores):  # rows of earlier versions have none
        return totals.loss(scores)
    return totals.mean_of([each[metric] for each in scores], is_bounded)


def _is_bounded(metric: str, every: Iterable[ByRow]) -> bool:
    """Whether a score lies in 0 to 1: so it is with ours, and with another that gave nothing but 0 and 1."""
    if is_share(metric) or metric in SCORES:
        return True
    return all(each.scores.get(metric, 0.0) in (0.0, 1.0) for found in every for each in found.values())


def _groups(found: ByRow, rows: Sequence[int]) -> list[str]:
    return [found[row].group for row in rows]


def _mean(
    candidate: str, metric: str, found: ByRow, labels: Sequence[str], is_bounded: bool
) -> Mean | None:  # fmt: skip
    rows = _told(found, metric)
    if not rows:
        return None
    total = _total(found, metric, rows, labels, is_bounded)
    low, high = interval(total, _groups(found, rows))
    return Mean(candidate=candidate, metric=metric, value=total.value, low=low, high=high, n=len(rows))


def _comparisons(
    by_candidate: dict[str, ByRow], of: str, metrics: Sequence[str], labels: Sequence[str],
    bounded: Collection[str],
) -> list[Comparison]:  # fmt: skip
    """``of`` against each other candidate by each metric, on the rows that both have.

    p-values by Holm over the comparisons of the first metric, which decides, and over those of all others: a metric
    that decides nothing must not take from what the deciding one can show.
    """
    if of not in by_candidate:
        return []
    found, ours = [], by_candidate[of]
    for against, theirs in by_candidate.items():
        for metric in metrics if against != of else ():
            rows = sorted({*_told(ours, metric)} & {*_told(theirs, metric)})
            if rows:
                left, right = (_total(each, metric, rows, labels, metric in bounded) for each in (ours, theirs))
                found.append((against, metric, len(rows), compare(left, right, _groups(ours, rows))))
    adjusted = holm_within([metric == metrics[0] for _, metric, *_ in found], [each.p for *_, each in found])
    return [
        Comparison(
            candidate=of, against=against, metric=metric, n=n, difference=each.value, low=each.bounds.low,
            high=each.bounds.high, p=each.p, adjusted_p=p, test=each.test,
            verdict=verdict(each.value, p, metric in LOWER_IS_BETTER),
        )
        for (against, metric, n, each), p in zip(found, adjusted, strict=True)
    ]  # fmt: skip


def _confusion(candidate: str, found: ByRow, labels: Sequence[str]) -> Confusion:
    from sklearn.metrics import confusion_matrix

    rows = [each for each in found.values() if said(each.reference)]
    other = len(labels)
    wanted, given = (
        [other if at < 0 else int(at) for at in totals.class_numbers(texts, labels)]
        for texts in ([each.reference for each in rows], [each.answer for each in rows])
    )
    counts = confusion_matrix(wanted, given, labels=range(other + 1)) if rows else []
    return Confusion(
        candidate=candidate, labels=list(labels), counts=[[int(n) for n in line] for line in counts[:other]]
    )


def _notes(
    by_candidate: dict[str, ByRow], choice: Choice, metrics: Sequence[str], looked_at: int, secondary: int
) -> list[Message]:  # fmt: skip
    """What a reader must know of the figures, the most serious first."""
    every = [each for found in by_candidate.values() for each in found.values()]
    rows = {each.row for each in every}
    notes = []
    if len(rows) == 1:
        notes.append(Message("metrics.one-row"))
    untold = [name for name in choice.metrics if name not in metrics]
    if untold and every:
        notes.append(Message("metrics.untold", metrics=[metric_title(name) for name in untold]))
    missing = {name: len(rows) - len(found) for name, found in by_candidate.items() if len(found) < len(rows)}
    for name, count in missing.items():
        notes.append(Message("metrics.unanswered", candidate=named(name), rows=count, of=len(rows)))
    notes += _of_groups({each.row: each.group for each in every})
    for name, found in by_candidate.items():
        notes += _notes_of(name, list(found.values()), choice, metrics)
    notes += _of_correction(looked_at, secondary)
    references = [said(each.reference) for each in every]
    if {*metrics} & {*_WORDWISE} and 2 * sum(map(is_unspaced, references)) > len(references):
        notes.append(Message("metrics.by-characters"))
    return notes


def _of_groups(group_of_row: Mapping[int, str]) -> list[Message]:
    """Whether the groups of rows are few, or so unequal that a few of them decide; a row without one is by itself."""
    groups = list(group_of_row.values())
    if not any(groups):
        return []
    clusters = numbers_of(groups, len(groups))
    count, largest = int(clusters.max()) + 1, int(np.bincount(clusters).max())
    if count < FEW_GROUPS:
        return [Message("metrics.few-groups", groups=count)]
    if freedom_of(clusters) + 1 < FEW_GROUPS:
        return [Message("metrics.uneven-groups", groups=count, largest=largest, of=len(groups))]
    return []


def _of_correction(looked_at: int, secondary: int) -> list[Message]:
    """What the p-values are corrected for: of the deciding metric's comparisons, and of those of the others."""
    if secondary and max(looked_at, secondary) == 1:
        return [Message("metrics.first-decides")]
    if secondary:
        return [Message("metrics.one-decides", comparisons=looked_at, secondary=secondary)]
    return [Message("metrics.looked-at", comparisons=looked_at)] if looked_at > 1 else []


def _notes_of(candidate: str, found: Sequence[Answered], choice: Choice, metrics: Collection[str]) -> list[Message]:
    """What is odd about one candidate's answers: counted as it stands, and said."""
    given = [said(each.answer) for each in found]
    who: dict[str, Any] = {"candidate": named(candidate), "of": len(found)}
    counts = [
        ("metrics.cut-off", sum(not each.ended for each in found)),
        (
            "metrics.unfinished-thought",
            sum(bool(each.answer.strip()) and not text for each, text in zip(found, given, strict=True)),
        ),
        ("metrics.control-characters", sum(any(_is_control(char) for char in each.answer) for each in found)),
    ]
    if choice.kind == "json":
        counts.append(("metrics.wrapped-json", sum(map(is_wrapped, given))))
    if choice.kind == "classification":
        counts.append(("metrics.class-in-words", sum(_names_one(text, choice.labels) for text in given)))
    if choice.kind == "tools" and any(calls_in(each.reference) for each in found) and not any(map(calls_in, given)):
        counts.append(("metrics.no-calls", len(found)))
    if USER_METRIC in metrics:
        counts.append(("metrics.unscored", sum(USER_METRIC not in each.scores for each in found)))
    return [Message(code, rows=count, **who) for code, count in counts if count]


def _names_one(answer: str, labels: Sequence[str]) -> bool:
    """Whether an answer that is no class has exactly one class among its words."""
    known = {label(each) for each in labels}
    if label(answer) in known:
        return False
    text = f" {' '.join(words(answer))} "
    return sum(f" {' '.join(words(each))} " in text for each in known if words(each)) == 1


def _is_control(char: str) -> bool:
    return (char < " " and char not in "\t\n\r") or "\x7f" <= char <= "\x9f"
