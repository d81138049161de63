"""Lists of runs with the runs of a group folded into one line: mean, range and verdict over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.messages.message import Message
from engine.metrics.result import Verdict
from engine.metrics.seeds import OverSeeds, over_seeds
from engine.metrics.words import LOWER_IS_BETTER
from engine.runs import evaluations, groups
from engine.runs.directory import RunDir
from engine.runs.evaluations import Answer, Evaluation
from engine.runs.groups import Group
from engine.runs.state import StateName
from engine.runs.summary import RunSummary, Score, best_other

RowKey = tuple[str, str, int]
"""A row of an evaluation by its content: prompt, reference, and which of several equal ones."""


@dataclass(frozen=True)
class Spread:
    """One metric of a group over the ``seeds`` that have it: ``mean``, and ``low`` to ``high`` as its range.

    ``over`` is the difference to candidate ``against`` over seeds and rows; None where they were not asked the very
    same rows, or nothing was there to compare with.
    """

    metric: str
    mean: float
    low: float
    high: float
    seeds: int
    n: int
    against: str = ""
    over: OverSeeds | None = None

    @property
    def verdict(self) -> Verdict | None:
        return self.over.verdict(self.metric in LOWER_IS_BETTER) if self.over else None


@dataclass(frozen=True)
class GroupSummary:
    """What a list shows of a group. ``members`` in the order of their start."""

    group: Group
    name: str
    state: StateName
    reason: Message | None
    members: tuple[RunSummary, ...]
    spread: Spread | None = None

    @property
    def id(self) -> str:
        return self.group.id

    @property
    def model(self) -> str:
        return self.members[0].model

    @property
    def data(self) -> tuple[str, ...]:
        return self.members[0].data

    @property
    def step(self) -> int:
        return sum(each.step for each in self.members)

    @property
    def total_steps(self) -> int | None:
        """Of all its runs; those that have not begun count as long as the first."""
        known = [each.total_steps for each in self.members if each.total_steps]
        return sum(each.total_steps or known[0] for each in self.members) if known else None

    @property
    def loss(self) -> float | None:
        """Mean of the losses of now."""
        losses = [each.loss for each in self.members if each.loss is not None]
        return statistics.fmean(losses) if losses else None

    @property
    def last_t(self) -> float:
        return max(each.last_t for each in self.members)

    @property
    def resumable(self) -> bool:
        return self.state not in ("running", "finished")

    @property
    def score(self) -> Score | None:
        """The mean over its seeds; of fewer than two the score of that run."""
        if self.spread is None:
            return next((each.score for each in self.members if each.score), None)
        return Score(self.spread.metric, self.spread.mean, self.spread.n, self.spread.verdict, self.spread.against)


Line = RunSummary | GroupSummary
"""What a list shows in one line."""
Known = dict[str, tuple[tuple[object, ...], Spread | None]]
"""Spreads by group, with what they were made from: evaluations that did not change are not read again."""


def fold(runs: Sequence[RunSummary], known: Known | None = None) -> tuple[Line, ...]:
    """``runs``, newest first, with those of a group as one line where its newest stood."""
    known = {} if known is None else known
    by_group: dict[str, list[RunSummary]] = {}
    for run in runs:
        if run.group and groups.is_id(run.group):
            by_group.setdefault(run.group, []).append(run)
    lines: list[Line] = []
    for run in runs:
        members = by_group.get(run.group, [])
        if len(members) < 2:
            lines.append(run)
        elif run is members[0]:
            lines.append(_group(run.group, members, known))
    return tuple(lines)


def _group(name: str, members: Sequence[RunSummary], known: Known) -> GroupSummary:
    group = Group(members[0].run.path.parent / name)
    members = sorted(members, key=lambda each: each.seed if each.seed is not None else 0)
    made_from = tuple((each.id, each.state, each.score) for each in members)
    found = known.get(name)
    if found is None or found[0] != made_from:
        found = known[name] = (made_from, spread_of([each.run for each in members if each.score]))
    state, reason = _state(group, members)
    return GroupSummary(group, group.name, state, reason, tuple(members), found[1])


def _state(group: Group, members: Sequence[RunSummary]) -> tuple[StateName, Message | None]:
    states = [each.state for each in members]
    if group.is_alive():
        return ("stopping" if group.stop_mark.exists() else "running"), None
    if all(state == "finished" for state in states):
        return "finished", None
    going = next((state for state in states if state in ("running", "starting", "paused", "stopping")), None)
    if going is not None:  # somebody resumed one by itself
        return going, None
    failed = sum(state in ("failed", "crashed", "damaged") for state in states)
    left = sum(state != "finished" for state in states)
    if failed:
        return "failed", Message("groups.failed", failed=failed, count=len(states))
    return "stopped", Message("groups.missing", missing=left, count=len(states))


def spread_of(runs: Sequence[RunDir]) -> Spread | None:
    """The deciding metric over ``runs`` of one config; None for fewer than two that have it."""
    found = spreads_of(runs)
    return found[0] if found else None


def spreads_of(runs: Sequence[RunDir]) -> list[Spread]:
    """Every metric that at least two of ``runs`` measured of themselves, the deciding one first."""
    folders = [evaluations.folder(run, evaluations.TRAINING) for run in runs]
    kept = [(each, where) for where in folders if (each := evaluations.read(where)) is not None]
    metrics = list(dict.fromkeys(metric for each, _ in kept for metric in each.metrics))
    answers: dict[Path, dict[str, dict[RowKey, Answer]]] = {}
    spreads = []
    for metric in metrics:
        having = [(each, where) for each, where in kept if each.mean(evaluations.TUNED, metric) is not None]
        means = [mean for each, _ in having if (mean := each.mean(evaluations.TUNED, metric)) is not None]
        if len(means) < 2:
            continue
        for _, where in having:
            if where not in answers:
                answers[where] = answers_by_row(where)
        values = [mean.value for mean in means]
        against = _best_other([each for each, _ in having], metric)
        over = _over([answers[where] for _, where in having], metric, against) if against else None
        spreads.append(
            Spread(
                metric, statistics.fmean(values), min(values), max(values), len(values), means[0].n,
                against if over else "", over,
            )
        )  # fmt: skip
    return spreads


def answers_by_row(where: Path) -> dict[str, dict[RowKey, Answer]]:
    """The kept answers of each candidate by the content of their rows, of two to one row the later."""
    latest = {(each.candidate, each.row): each for each in evaluations.answers(where)}
    found: dict[str, dict[RowKey, Answer]] = {}
    for (candidate, _), answer in sorted(latest.items()):
        rows = found.setdefault(candidate, {})
        number = 0
        while (key := (answer.prompt, answer.reference, number)) in rows:
            number += 1
        rows[key] = answer
    return found


def _best_other(kept: Sequence[Evaluation], metric: str) -> str:
    """The candidate beside the tuned model that is best in the mean of the runs that asked it, if all did."""
    named = [best_other(each, metric) for each in kept]
    common = [name for name in dict.fromkeys(named) if name and all(each.mean(name, metric) for each in kept)]
    sign = -1 if metric in LOWER_IS_BETTER else 1

    def mean_of(name: str) -> float:
        return sign * statistics.fmean(mean.value for each in kept if (mean := each.mean(name, metric)))

    return max(common, key=mean_of) if common else ""


def _over(answers: Sequence[dict[str, dict[RowKey, Answer]]], metric: str, against: str) -> OverSeeds | None:
    """Tuned minus ``against``, row by row in each seed; None unless all were asked the very same rows."""
    pairs = [(each.get(evaluations.TUNED, {}), each.get(against, {})) for each in answers]
    keys = list(pairs[0][0])
    if not keys or any(set(side) != set(keys) for pair in pairs for side in pair):
        return None
    told = [key for key in keys if all(metric in side[key].scores for pair in pairs for side in pair)]
    if not told:
        return None
    ours = np.array([[tuned[key].scores[metric] - other[key].scores[metric] for key in told] for tuned, other in pairs])
    groups_of_rows = [pairs[0][0][key].group for key in told]
    return over_seeds(ours, np.zeros((1, len(told))), groups_of_rows)
