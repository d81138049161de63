"""An evaluation as cells and lines of text, the same on the screen and on the command line."""

from __future__ import annotations

from collections.abc import Iterator

from engine.messages import formats
from engine.messages.catalogue import text
from engine.metrics import words
from engine.metrics.result import Confusion
from engine.report import results
from engine.runs.evaluations import TUNED, Evaluation

Table = list[list[str]]
_MOST_CLASSES = 12
_MOST_LABEL = 14


HEAD = ("evaluate.column-candidate", "evaluate.column-value", "evaluate.column-interval",
        "evaluate.column-difference", "evaluate.column-verdict")  # fmt: skip
COST_HEAD = results.COST_HEAD


def by_metric(evaluation: Evaluation) -> list[tuple[str, Table]]:
    """Of each metric its title, the one that decides first, and a line under ``HEAD`` for each candidate.

    The difference is that of the one in question (the last, usually the run's own) minus this candidate.
    """
    return [
        (text(words.ranked(metric, metric == evaluation.metrics[0])), _of_metric(evaluation, metric))
        for metric in evaluation.metrics
    ]


def _of_metric(evaluation: Evaluation, metric: str) -> Table:
    lines = []
    for candidate in evaluation.candidates:
        mean = evaluation.mean(candidate, metric)
        if mean is None:
            lines.append([text(words.candidate(candidate)), "-", "", "", ""])
            continue
        compared = next((c for c in evaluation.comparisons if (c.against, c.metric) == (candidate, metric)), None)
        change, verdict = "", ""
        if compared is not None:
            change = words.difference(metric, compared.difference)
            if compared.low is not None:
                interval = words.difference_interval(metric, compared.low, compared.high)
                change = text("metric-words.beside", value=change, about=interval)
            verdict = text(words.verdict(compared.verdict))
        lines.append(
            [
                text(words.candidate(candidate)), words.value(metric, mean.value),
                text(words.interval(metric, mean.low, mean.high)), change, verdict,
            ]
        )  # fmt: skip
    return lines


def costs(evaluation: Evaluation) -> Table:
    """A line under ``COST_HEAD`` for each candidate whose size and speed are known."""
    return [results.cost_cells(each) for each in evaluation.costs]


def confusion(evaluation: Evaluation) -> tuple[Confusion, Table] | None:
    """The run's own table of wanted (lines) and answered (columns) classes; None where there are no classes.

    Of more than a dozen classes those that are most often confused.
    """
    found = next((each for each in evaluation.confusions if each.candidate == TUNED), None)
    found = found or (evaluation.confusions[-1] if evaluation.confusions else None)
    if found is None:
        return None
    shown = _classes(found)
    other = text("evaluate.other-answer")
    lines = [[text("evaluate.column-wanted"), *(_label(found.labels[at]) for at in shown), other]]
    for row in shown:
        counts = found.counts[row]
        rest = sum(n for at, n in enumerate(counts) if at not in shown)
        lines.append([_label(found.labels[row]), *(formats.number(counts[at]) for at in shown), formats.number(rest)])
    return found, lines


def _classes(found: Confusion) -> list[int]:
    """Places of the classes that are shown, in their order."""
    every = range(len(found.labels))
    wrong = {at: sum(found.counts[at]) - found.counts[at][at] + _taken(found, at) for at in every}
    return sorted(sorted(every, key=lambda at: (-wrong[at], at))[:_MOST_CLASSES])


def _taken(found: Confusion, label: int) -> int:
    return sum(line[label] for at, line in enumerate(found.counts) if at != label)


def _label(label: str) -> str:
    flat = " ".join(label.split())
    return flat if len(flat) <= _MOST_LABEL else f"{flat[: _MOST_LABEL - 2]}.."


def notes(evaluation: Evaluation) -> Iterator[tuple[bool, str]]:
    """What a reader must know; true beside what takes the worth from the figures. That comes first."""
    said = sorted(evaluation.notes, key=lambda each: each.code not in GRAVE)
    for note in said:
        yield note.code in GRAVE, text(note)


BROKEN = ("proof.fault", "proof.endless", "proof.weights", "proof.rounding", "proof.other-base", "proof.quantization",
          "proof.unexplained")  # fmt: skip
"""Codes of notes that say which link of an export is broken: prompt, stop token, weights and their types, program."""
GRAVE = frozenset(
    ("evaluate.trained-on", "evaluate.trained-on-behind", "evaluate.learned-before", "judge.flips-often", *BROKEN)
)
"""Codes of notes without which a figure would mislead."""
