"""Trains pairs of tasks with the gauge of forgetting on, and prints which it warned of, how early, and what was lost.

    python -m tests.benchmarks.forgetting FOLDER [--only GAUGE|KL] [--pairs 11] [--rows 80] [--tests 20] [--jobs 1]
        [--variants fresh,hot+kl1]

GAUGE trains the new task of each pair of ``task_pairs`` afresh, at four times the rate, and by continue. What was lost
is told by rows that the gauge does not read: the loss on the other general texts and dialogues, as the run measures it
before and after, and exact match on the old task. KL sets ``train.kl_to_base`` beside replay on three pairs and three
seeds, by continue and at the high rate.
Every training is a run of the product on the starter model; FOLDER keeps runs and results, so that a second call goes
on where the first was stopped. The last line is one JSON object. A job takes about a minute of one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from engine.data.general import shipped, spread
from engine.evaluation.forgetting import MOST_ROWS
from engine.metrics.forgetting import LOOK_LOSS, mark_of
from engine.metrics.result import NATS, TOKENS
from engine.runs.directory import RunDir
from engine.runs.evaluations import FORGETTING, answers, folder
from engine.runs.state import rise
from tests.benchmarks import task_pairs
from tests.benchmarks.strategies import SEED_PAIRS, SEEDS, Bench, Job
from tests.benchmarks.strategies_tables import ranged

HOT = 4.0
PAIRS = sorted(task_pairs.PAIRS, key=lambda pair: (pair.old != "orders", pair.relation != "unrelated"))
"""Those that share an old task together, first those that have nothing in common."""
BETAS = {"kl0.03": 0.03, "kl0.1": 0.1, "kl0.3": 0.3, "kl1": 1.0}
REPLAYS = {"replay10": 0.1, "replay30": 0.3}
LOST_LOSS, LOST_MATCH = LOOK_LOSS, 0.2
"""What counts as lost: a rise of the loss on general text in nats a token, a drop of exact match on the old task."""
Record = dict[str, Any]


@dataclass(frozen=True)
class GaugedJob(Job):
    """A training whose ``variant`` is fresh, hot or continue, with replay or KL to the base behind a plus."""

    @property
    def way(self) -> str:
        return self.variant.partition("+")[0]

    @property
    def kind(self) -> str:
        return "continue" if self.way == "continue" else "fresh"

    @property
    def replay(self) -> float:
        return REPLAYS.get(self.variant.partition("+")[2], 0.0)

    @property
    def beta(self) -> float | None:
        return BETAS.get(self.variant.partition("+")[2])


class GaugedBench(Bench):
    """The bench of the strategies with the gauge on and a third test: general text that the gauge does not read."""

    def config(self, job: Job, old: Path) -> dict[str, dict[str, Any]]:
        assert isinstance(job, GaugedJob)
        made = super().config(job, old)
        made["eval"] = {"forgetting": True, "every": 4, "baseline": "none", "metrics": []}
        if job.way == "hot":
            made["train"]["learning_rate"] *= HOT
        if job.beta is not None:
            made["train"]["kl_to_base"] = job.beta
        return made

    def do(self, job: Job) -> None:
        old = self.old_run(job.old, job.seed)
        began = self.train(job.name, self.config(job, old))
        made = Path(began["adapter"])
        events = map(json.loads, (made.parent / "events.jsonl").read_text("utf-8").splitlines())
        told = [event for event in events if event["type"] in ("forgetting", "step")]
        record = {
            "old": job.old, "new": job.new, "seed": job.seed, "variant": job.variant, "trace": job.trace,
            "seconds": began["seconds"], "steps": began["step"], "before": self.before(job, old),
            "general": unread_losses(made.parent), "after": self.scores(job, self.model, made),
            "gauge": [event for event in told if event["type"] == "forgetting"],
            "step_s": statistics.median(event["step_time"] for event in told if event["type"] == "step"),
        }  # fmt: skip
        with self._guard, self.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(_line(record), flush=True)


def unread_losses(run: Path) -> dict[str, dict[str, float]]:
    """By who was measured before and after, nats a token on the texts and on the dialogues that the gauge does not
    read, and on ``all`` of them, as the run itself kept them.
    """
    general = shipped()
    rows = [*general.texts, *general.dialogues]
    read = [*spread(general.dialogues, MOST_ROWS // 2), *spread(general.texts, MOST_ROWS // 2)]
    sums: dict[str, dict[str, list[float]]] = {}
    kept = {(each.candidate, each.row): each for each in answers(folder(RunDir(run), FORGETTING))}
    for (candidate, number), each in kept.items():
        row = number - len(general.dialogues)  # before them stand the answers to the questions
        if row >= 0 and rows[row] not in read:
            for kind in ("all", "dialogues" if rows[row].messages else "texts"):
                nats, tokens = sums.setdefault(candidate, {}).get(kind, (0.0, 0.0))
                sums[candidate][kind] = [nats + each.scores[NATS], tokens + each.scores[TOKENS]]
    return {who: {kind: nats / tokens for kind, (nats, tokens) in of.items()} for who, of in sums.items()}


def jobs(only: str, pairs: int) -> list[GaugedJob]:
    made: list[GaugedJob] = []
    if only in ("", "GAUGE"):
        for pair in PAIRS[:pairs]:
            made += [GaugedJob(pair.old, pair.new, 1, variant) for variant in ("fresh", "hot", "continue")]
    if only in ("", "KL"):
        variants = [way + more for way in ("continue", "hot") for more in ("", *(f"+{each}" for each in BETAS))]
        variants += [f"continue+{name}" for name in REPLAYS]
        made += [GaugedJob(*pair, seed, variant) for seed in SEEDS for pair in SEED_PAIRS for variant in variants]
    return list(dict.fromkeys(made))


def marks(record: Record) -> list[tuple[int, str]]:
    """Step and mark of each measurement, by the limits of today."""
    start, *later = record["gauge"]
    names = ("kl_general", "general_loss", "old_loss")
    return [(each["step"], str(mark_of(*(rise(each[name], start[name]) for name in names))[0])) for each in later]


def first(record: Record, wanted: tuple[str, ...]) -> int | None:
    return next((step for step, mark in marks(record) if mark in wanted), None)


def rose(record: Record, kind: str = "all", over: str | None = None) -> float:
    """Rise of the loss on unread general text over what it was when the run began, or over that of ``over``."""
    before = over or ("old-adapter" if record["variant"].startswith("continue") else "base")
    return float(record["general"]["tuned"][kind] - record["general"][before][kind])


def lost(record: Record) -> tuple[float, float]:
    """Since the run began: rise of the loss on unread general text, and of a run that continues the drop of exact match
    on the old task.
    """
    old = record["before"]["old"]["exact_match"] - record["after"]["old"]["exact_match"]
    return rose(record), old if record["variant"].startswith("continue") else 0.0


def _line(record: Record) -> str:
    start, *_, last = record["gauge"]
    general, old = lost(record)
    stop, look = first(record, ("stop",)), first(record, ("look", "stop"))
    general_rise, older = (rise(last[name], start[name]) for name in ("general_loss", "old_loss"))
    spent = sum(each["seconds"] for each in record["gauge"][1:]) / max(1, len(record["gauge"]) - 1)
    return (
        f"{record['old'] + ' -> ' + record['new']:28}{record['variant']:18}{last['kl_task'] or 0:>8.3f}"
        f"{last['kl_prompts'] or 0:>9.3f}{last['kl_general'] or 0:>9.3f}{general_rise or 0:>9.3f}"
        f"{'-' if older is None else f'{older:.3f}':>8}{look or '-':>6}{stop or '-':>6}{record['steps']:>6}"
        f"{general:>10.3f}{rose(record, 'dialogues'):>10.3f}{old:>8.0%}{record['after']['new']['exact_match']:>7.0%}"
        f"{spent / record['step_s']:>7.1f}"
    )


def print_tables(records: list[Record]) -> dict[str, Any]:
    gauged = [record for record in records if "+" not in record["variant"] and record["seed"] == 1]
    if gauged:
        print(
            f"{'old -> new':28}{'trained':18}{'KL task':>8}{'prompts':>9}{'general':>9}{'loss +':>9}{'old +':>8}"
            f"{'look':>6}{'stop':>6}{'steps':>6}{'general':>10}{'answers':>10}{'old':>8}{'new':>7}{'cost':>7}"
        )
        for record in gauged:
            print(_line(record))
        print(
            "Gauge at the end: KL(base || tuned) on answers, prompts and general text, rise of general loss, of the\n"
            "old rows' loss; first step with a mark; then what the gauge does not read: rise of the loss on other\n"
            "general text and answers, and on the answers among it, exact match lost on the old task (continue only),\n"
            "exact match on the new; cost in steps.\n"
        )
    return {**_judged(gauged), **_kl(records)}


def _judged(records: list[Record]) -> dict[str, Any]:
    """How often a mark was right: a loss without a mark is missed, a mark without a loss is a false alarm."""
    found = {"lost": 0, "warned": 0, "missed": 0, "false": 0, "quiet": 0}
    early = []
    for record in records:
        general, old = lost(record)
        is_lost, at = general >= LOST_LOSS or old >= LOST_MATCH, first(record, ("look", "stop"))
        found["lost"] += is_lost
        found["warned" if at and is_lost else "false" if at else "missed" if is_lost else "quiet"] += 1
        early += [at / record["steps"]] if at and is_lost else []
    if not records:
        return {}
    if early:
        middle, latest = statistics.median(early), max(early)
        print(f"The first mark came after {middle:.0%} of the steps (median), at the latest {latest:.0%}.")
    return {"gauge": found}


def _kl(records: list[Record]) -> dict[str, Any]:
    """KL to the base beside replay: means over the seeds, with ranges."""
    compared = [r for r in records if not r["variant"].startswith("fresh") and (r["old"], r["new"]) in SEED_PAIRS]
    keys = dict.fromkeys((r["old"], r["new"], r["variant"]) for r in compared)
    if not any("+" in variant for _, _, variant in keys):
        return {}
    print(
        f"{'old -> new':28}{'trained':20}{'seeds':>6}{'old, before':>12}{'old, after':>18}{'new, after':>18}"
        f"{'answers +':>10}{'s/step':>8}"
    )
    for old, new, variant in sorted(keys):
        group = [r for r in compared if (r["old"], r["new"], r["variant"]) == (old, new, variant)]
        after = [record["after"] for record in group]
        before = fmean(record["before"]["old"]["exact_match"] for record in group)
        print(
            f"{old + ' -> ' + new:28}{variant:20}{len(group):>6}{before:>12.0%}"
            f"{ranged(each['old']['exact_match'] for each in after):>18}"
            f"{ranged(each['new']['exact_match'] for each in after):>18}"
            f"{fmean(rose(r, 'dialogues', 'base') for r in group):>10.3f}{fmean(r['step_s'] for r in group):>8.2f}"
        )
    return {"kl_runs": len(compared)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=["GAUGE", "KL"], default="")
    parser.add_argument("--pairs", type=int, default=len(task_pairs.PAIRS))
    parser.add_argument("--rows", type=int, default=80)
    parser.add_argument("--tests", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--variants", default="", help="only these, by comma: fresh,hot+kl0.1")
    options = parser.parse_args()
    bench = GaugedBench(options.folder.absolute(), options.rows, options.tests)
    done = {(each["old"], each["new"], each["seed"], each["variant"]) for each in bench.known()}
    variants = [name for name in options.variants.split(",") if name]
    wanted = [job for job in jobs(options.only, options.pairs) if not variants or job.variant in variants]
    left = [job for job in wanted if (job.old, job.new, job.seed, job.variant) not in done]
    with ThreadPoolExecutor(options.jobs) as pool:
        for each in [pool.submit(bench.do, job) for job in left]:
            each.result()
    print(json.dumps(print_tables(bench.known())))


if __name__ == "__main__":
    main()
