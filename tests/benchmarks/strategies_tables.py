"""What the strategies reached, as tables, and how often the advice was right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from engine.models.relation import Advice, Relation, advise, from_json
from tests.benchmarks import real_tasks, task_pairs
from tests.benchmarks.task_pairs import Pair

Record = dict[str, Any]
NEAR = 0.05
"""Strategies whose points are this close are equally good."""
NEAR_LOSS = 0.02
"""The same for losses."""
WAYS = ("continue", "merge", "fresh")
REPLAY = {"": 0.0, "replay": 0.1, "replay1": 0.01, "replay5": 0.05, "replay30": 0.3}
"""Share of old rows by what stands behind the plus of a variant."""
_HEAD = (
    f"{'old -> new':28}{'known as':11}{'advised':11}{'gain':>6}{'alike':>7}   "
    f"{'continue':>13}{'merge':>13}{'fresh':>13}   best on both            on the new task alone"
)
FORGETTING = ("orders", "reviews")
"""The pair that all those shares are tried on."""


def print_tables(records: list[Record]) -> dict[str, Any]:
    """Print all tables; the summary for the last line."""
    untraced = [record for record in records if not record["trace"]]
    traced = [record for record in records if record["trace"]]
    replays = [r for r in traced if (r["old"], r["new"]) == FORGETTING and r["variant"].startswith("continue")]
    others = [record for record in traced if record["variant"].partition("+")[2] in ("", "replay")]
    return {**_pairs(untraced), **_real_pairs(untraced), **_seeds(others), **_forgetting(replays)}


def points(record: Record) -> float:
    """What a strategy is worth: exact match on the new task, and of what was known of the old one what is left.

    The mean of the two; how much of the old task still counts is the user's to say.
    """
    old, new = record["after"]["old"]["exact_match"], record["after"]["new"]["exact_match"]
    return float(old + new) / 2


def _pairs(records: list[Record]) -> dict[str, Any]:
    """Advice against outcome for each pair of tasks, by exact match."""
    score = Score()
    for pair, found, relation, advice in _judged(task_pairs.PAIRS, records):
        if not score.pairs:
            print(_HEAD)
        on_new = {name: record["after"]["new"]["exact_match"] for name, record in found.items()}
        best = _best({name: points(record) for name, record in found.items()})
        best_at_new = _best(on_new)
        score.add(pair, advice, best, best_at_new)
        cells = "".join(f"{found[name]['after']['old']['exact_match']:>6.0%}{on_new[name]:>7.0%}" for name in WAYS)
        print(_begin(pair, relation, advice) + f"{cells}   {', '.join(best):24}{', '.join(best_at_new)}")
    if score.pairs:
        print("Columns of a strategy: exact match on the old task, on the new one.\n")
    return score.summary("pairs")


def _real_pairs(records: list[Record]) -> dict[str, Any]:
    """Advice against outcome for pairs of public files, by held-out loss: there is no one right answer."""
    score = Score()
    for pair, found, relation, advice in _judged(real_tasks.PAIRS, records):
        if not score.pairs:
            print(_HEAD)
        losses = {name: (r["after"]["old"]["loss"], r["after"]["new"]["loss"]) for name, r in found.items()}
        # A share of the old adapter's own loss, so that both tasks weigh the same.
        before = found["fresh"]["before"]
        worth = {
            name: -(old / before["old"]["loss"] + new / before["new"]["loss"]) / 2
            for name, (old, new) in losses.items()
        }
        best = _best(worth, NEAR_LOSS)
        best_at_new = _best({name: -new for name, (_, new) in losses.items()}, NEAR_LOSS)
        score.add(pair, advice, best, best_at_new)
        cells = "".join(f"{losses[name][0]:>6.2f}{losses[name][1]:>7.2f}" for name in WAYS)
        print(_begin(pair, relation, advice) + f"{cells}   {', '.join(best):24}{', '.join(best_at_new)}")
    if score.pairs:
        print("Columns of a strategy: held-out loss on the old task, on the new one.\n")
    return score.summary("real_pairs")


@dataclass
class Score:
    """How often the verdict was the known one, and the advice among the best strategies."""

    pairs: int = 0
    relation_right: int = 0
    best_on_both: int = 0
    best_on_new: int = 0

    def add(self, pair: Pair, advice: Advice, best: list[str], best_at_new: list[str]) -> None:
        self.pairs += 1
        self.relation_right += advice.verdict == pair.relation
        self.best_on_both += advice.strategy in best
        self.best_on_new += advice.strategy in best_at_new

    def summary(self, name: str) -> dict[str, Any]:
        return {name: vars(self)} if self.pairs else {}


def _judged(pairs: Iterable[Pair], records: list[Record]) -> Iterator[tuple[Pair, dict[str, Record], Relation, Advice]]:
    """The pairs that all strategies were trained on, with what is advised now on what was measured then."""
    for pair in pairs:
        found = {r["variant"].partition("+")[0]: r for r in records if (r["old"], r["new"]) == (pair.old, pair.new)}
        if all(name in found for name in WAYS):
            relation = from_json(found["continue"]["relation"]["relation"])
            yield pair, found, relation, advise(relation)


def _begin(pair: Pair, relation: Relation, advice: Advice) -> str:
    mixing = f"{relation.mixing:.2f}" if relation.mixing is not None else "-"
    return (
        f"{pair.old + ' -> ' + pair.new:28}{pair.relation:11}{advice.verdict:11}{relation.gain_new:>6.0%}{mixing:>7}   "
    )


def _best(worth: dict[str, float], near: float = NEAR) -> list[str]:
    return [name for name, value in worth.items() if value >= max(worth.values()) - near]


def _forgetting(records: list[Record]) -> dict[str, Any]:
    """What is left of the old task by the share of its rows that is mixed in."""
    shares = sorted({REPLAY[record["variant"].partition("+")[2]] for record in records})
    if not shares:
        return {}
    print(f"{'replay':>8}{'seeds':>7}{'old, before':>13}{'old, after':>18}{'loss':>8}{'new, after':>18}{'loss':>8}")
    for share in shares:
        group = [r for r in records if REPLAY[r["variant"].partition("+")[2]] == share]
        print(
            f"{share:>8.0%}{len(group):>7}{fmean(r['before']['old']['exact_match'] for r in group):>13.0%}"
            f"{ranged(r['after']['old']['exact_match'] for r in group):>18}"
            f"{fmean(r['after']['old']['loss'] for r in group):>8.3f}"
            f"{ranged(r['after']['new']['exact_match'] for r in group):>18}"
            f"{fmean(r['after']['new']['loss'] for r in group):>8.3f}"
        )
    print("Strategy continue; exact match as mean with range over the seeds.\n")
    return {"forgetting_runs": len(records)}


def _seeds(records: list[Record]) -> dict[str, Any]:
    """Each strategy over all seeds of three pairs: means, and the range of the exact match."""
    if not records:
        return {}
    print(f"  {'strategy':18}{'seeds':>5}{'old, after':>18}{'loss':>8}{'new, after':>18}{'loss':>8}"
          f"{'steps to 90%':>15}{'seconds':>9}{'disk':>9}")  # fmt: skip
    keys = sorted({(r["old"], r["new"], r["variant"]) for r in records}, key=lambda key: (key[0], key[1], key[2]))
    shown = ("", "")
    for old, new, variant in keys:
        if shown != (old, new):
            shown = (old, new)
            print(_before(old, new, [r for r in records if (r["old"], r["new"]) == shown]))
        group = [r for r in records if (r["old"], r["new"], r["variant"]) == (old, new, variant)]
        reached = [r["first_good"] for r in group if r["first_good"]]
        print(
            f"  {variant:18}{len(group):>5}"
            f"{ranged(r['after']['old']['exact_match'] for r in group):>18}"
            f"{fmean(r['after']['old']['loss'] for r in group):>8.3f}"
            f"{ranged(r['after']['new']['exact_match'] for r in group):>18}"
            f"{fmean(r['after']['new']['loss'] for r in group):>8.3f}"
            f"{_steps(reached, group):>15}"
            f"{_seconds(reached):>9}"
            f"{fmean(r['disk_bytes'] for r in group) / 1e6:>6.0f} MB"
        )
    print("Before: with the old adapter. Exact match as mean with its range over the seeds, losses as means.\n")
    return {"trained_on_seeds": len(records)}


def _before(old: str, new: str, group: list[Record]) -> str:
    """What the old adapter scores on both tasks."""
    told = [
        f"{task} {fmean(r['before'][which]['exact_match'] for r in group):.0%}, "
        f"loss {fmean(r['before'][which]['loss'] for r in group):.3f}"
        for which, task in (("old", old), ("new", new))
    ]
    return f"{old} -> {new}, before: {'; '.join(told)}"


def _steps(reached: list[Record], group: list[Record]) -> str:
    if not reached:
        return "never"
    mean = fmean(each["step"] for each in reached)
    return f"{mean:.0f}" if len(reached) == len(group) else f"{mean:.0f} ({len(reached)} of {len(group)})"


def _seconds(reached: list[Record]) -> str:
    return f"{fmean(each['seconds'] for each in reached):.0f}" if reached else "-"


def ranged(values: Iterable[float]) -> str:
    """Mean, least and greatest of shares."""
    listed = list(values)
    return f"{fmean(listed):.0%} ({min(listed):.0%}-{max(listed):.0%})"
