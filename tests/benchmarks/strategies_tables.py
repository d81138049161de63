"""What the strategies reached, as tables, and how often the advice was right."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from engine.models.relation import advise, from_json
from tests.benchmarks import task_pairs

Record = dict[str, Any]
NEAR = 0.05
"""Strategies whose points are this close are equally good."""


def print_tables(records: list[Record]) -> dict[str, Any]:
    """Print both tables; the summary for the last line."""
    return {**_pairs([r for r in records if not r["trace"]]), **_seeds([r for r in records if r["trace"]])}


def points(record: Record) -> float:
    """What a strategy is worth: exact match on the new task, and of what was known of the old one what is left.

    The mean of the two; how much of the old task still counts is the user's to say.
    """
    old, new = record["after"]["old"]["exact_match"], record["after"]["new"]["exact_match"]
    return (old + new) / 2


def _pairs(records: list[Record]) -> dict[str, Any]:
    """Advice against outcome for each pair of tasks."""
    print(f"{'old -> new':28}{'known as':11}{'advised':11}{'gain':>6}{'alike':>7}   "
          f"{'continue':>13}{'merge':>13}{'fresh':>13}   best on both   on the new task alone")  # fmt: skip
    right = told = best_new = 0
    pairs = 0
    for pair in task_pairs.PAIRS:
        found = {r["variant"].partition("+")[0]: r for r in records if (r["old"], r["new"]) == (pair.old, pair.new)}
        if len(found) < 3:
            continue
        pairs += 1
        relation = from_json(found["continue"]["relation"]["relation"])
        advice = advise(relation)
        worth = {name: points(record) for name, record in found.items()}
        on_new = {name: record["after"]["new"]["exact_match"] for name, record in found.items()}
        best, best_at_new = _best(worth), _best(on_new)
        right += advice.verdict == pair.relation
        told += advice.strategy in best
        best_new += advice.strategy in best_at_new
        cells = "".join(
            f"{found[name]['after']['old']['exact_match']:>6.0%}{on_new[name]:>7.0%}"
            for name in ("continue", "merge", "fresh")
        )
        mixing = f"{relation.mixing:.2f}" if relation.mixing is not None else "-"
        print(f"{pair.old + ' -> ' + pair.new:28}{pair.relation:11}{advice.verdict:11}{relation.gain_new:>6.0%}"
              f"{mixing:>7}   {cells}   {', '.join(best):15}{', '.join(best_at_new)}")  # fmt: skip
    if pairs:
        print("Columns of a strategy: exact match on the old task, on the new one.\n")
    return {"pairs": pairs, "relation_right": right, "advice_among_best_on_both": told, "advice_best_on_new": best_new}


def _best(worth: dict[str, float]) -> list[str]:
    return [name for name, value in worth.items() if value >= max(worth.values()) - NEAR]


def _seeds(records: list[Record]) -> dict[str, Any]:
    """Each strategy over all seeds of three pairs: means, and the range of the exact match."""
    if not records:
        return {}
    print(f"{'old -> new':28}{'strategy':18}{'old, before':>12}{'after':>14}{'loss':>8}{'new, after':>14}{'loss':>8}"
          f"{'steps to 90 %':>15}{'seconds':>9}{'disk':>9}")  # fmt: skip
    keys = sorted({(r["old"], r["new"], r["variant"]) for r in records}, key=lambda key: (key[0], key[1], key[2]))
    for old, new, variant in keys:
        group = [r for r in records if (r["old"], r["new"], r["variant"]) == (old, new, variant)]
        reached = [r["first_good"] for r in group if r["first_good"]]
        print(
            f"{old + ' -> ' + new:28}{variant:18}"
            f"{_mean(r['before']['old']['exact_match'] for r in group):>12.0%}"
            f"{_range(r['after']['old']['exact_match'] for r in group):>14}"
            f"{_mean(r['after']['old']['loss'] for r in group):>8.3f}"
            f"{_range(r['after']['new']['exact_match'] for r in group):>14}"
            f"{_mean(r['after']['new']['loss'] for r in group):>8.3f}"
            f"{_steps(reached, group):>15}"
            f"{_seconds(reached):>9}"
            f"{_mean(r['disk_bytes'] for r in group) / 1e6:>6.0f} MB"
        )
    print("Before: with the old adapter. Means over the seeds, exact match with its range.\n")
    return {"trained_on_seeds": len(records)}


def _steps(reached: list[Record], group: list[Record]) -> str:
    if not reached:
        return "never"
    mean = _mean(each["step"] for each in reached)
    return f"{mean:.0f}" if len(reached) == len(group) else f"{mean:.0f} ({len(reached)} of {len(group)})"


def _seconds(reached: list[Record]) -> str:
    return f"{_mean(each['seconds'] for each in reached):.0f}" if reached else "-"


def _mean(values: Iterable[float]) -> float:
    return statistics.fmean(values)


def _range(values: Iterable[float]) -> str:
    listed = list(values)
    return f"{statistics.fmean(listed):.0%} ({min(listed):.0%}-{max(listed):.0%})"
