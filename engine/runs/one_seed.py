"""What a result of one seed is worth: how far runs that differ in their seed alone lie apart here."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from engine.messages.message import Message
from engine.metrics import words
from engine.runs import evaluations, groups
from engine.runs.directory import RunDir


@dataclass(frozen=True)
class Usual:
    """How far the runs of a group lie apart in a metric: the median ``width`` of so many ``groups``."""

    width: float
    groups: int


def usual_range(root: Path, metric: str) -> Usual | None:
    """How much runs that differ in their seed alone vary here by ``metric``; None before there is a group of them."""
    widths = []
    for group in groups.all_groups(root):
        kept = [evaluations.read(evaluations.folder(run, evaluations.TRAINING)) for run in group.runs]
        means = [mean.value for each in kept if each and (mean := each.mean(evaluations.TUNED, metric))]
        if len(means) > 1:
            widths.append(max(means) - min(means))
    return Usual(statistics.median(widths), len(widths)) if widths else None


def half(usual: Usual, metric: str) -> Message | str:
    """How far up or down a run lies from others that differ in their seed alone."""
    told = words.difference(metric, usual.width / 2).lstrip("+")
    return Message("compare.points", difference=told) if words.is_share(metric) else told


def of_one_seed(run: RunDir, metric: str) -> list[Message]:
    """What a reader must know of a figure of one seed: how much such runs vary here, or that nobody knows.

    Nothing for a run of a group, whose seeds are told of together.
    """
    if not metric or run.read_run_json().get(groups.GROUP):
        return []
    usual = usual_range(run.path.parent, metric)
    if usual is None:
        return [Message("metrics.one-seed")]
    by = half(usual, metric)
    return [Message("metrics.one-seed-varies", by=by, metric=words.metric(metric), groups=usual.groups)]
