"""Trains old tasks, then new ones by each strategy, and prints what each reaches on both: advice against outcome.

    python -m tests.benchmarks.strategies FOLDER [--only PAIRS|REAL|SEEDS] [--real ROWS] [--rows 120] [--tests 30]
        [--jobs 2]

PAIRS trains the new task of every pair in ``task_pairs`` by continue (with a tenth of replay), merge and fresh, and
sets beside it what ``relation`` advised before. REAL does so with pairs of public files in the folder ROWS, told by
their held-out loss. SEEDS takes three pairs and three seeds, with and without replay, and finds the first checkpoint
with 90% exact match on the new task; of the pair that has least in common it also trains other shares of replay, to
see what is forgotten.
Every training is a run of the product on the starter model; FOLDER keeps runs and results, so that a second call goes
on where the first was stopped. Each job computes on one core. The last line is one JSON object. Takes about four hours
of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.models import starter
from tests.benchmarks import real_tasks, task_pairs
from tests.benchmarks.strategies_tables import FORGETTING, REPLAY, print_tables

SEED_PAIRS = (("orders", "orders_elsewhere"), ("orders", "orders_keys"), ("orders", "reviews"))
SEEDS = (1, 2, 3)
STARTER = "smollm2-135m"
GOOD = 0.9


@dataclass(frozen=True)
class Job:
    """One training of a new task on top of an old one. ``trace``: look for the first good checkpoint."""

    old: str
    new: str
    seed: int
    variant: str
    trace: bool = False

    @property
    def name(self) -> str:
        return f"{self.old}.{self.new}.{self.seed}.{self.variant}"

    @property
    def kind(self) -> str:
        return self.variant.partition("+")[0]

    @property
    def replay(self) -> float:
        return REPLAY[self.variant.partition("+")[2]]

    @property
    def has_answers(self) -> bool:
        """Whether there is one right answer to a prompt."""
        return self.old in task_pairs.TASKS


class Bench:
    """Works in ``folder``: rows, a home with the runs, and results.jsonl."""

    def __init__(self, folder: Path, rows: int, tests: int, real: Path | None = None) -> None:
        self.folder, self.rows, self.tests, self.real = folder, rows, tests, real
        self.home = folder / "home"
        self.results = folder / "results.jsonl"
        self.model = str(starter.get(STARTER, lambda *progress: None).path)
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def known(self) -> list[dict[str, Any]]:
        if not self.results.is_file():
            return []
        return [json.loads(line) for line in self.results.read_text("utf-8").splitlines()]

    def do(self, job: Job) -> None:
        """Train, score and write down one job; the old task is trained once for all that build on it."""
        old = self.old_run(job.old, job.seed)
        relation = self.relation(job, old) if job.variant == "continue+replay" and not job.trace else None
        began = self.train(job.name, self.config(job, old))
        made = Path(began["adapter"])
        base = str(made.parent / "merged") if job.kind == "merge" else self.model
        record = {
            "old": job.old, "new": job.new, "seed": job.seed, "variant": job.variant, "relation": relation,
            "before": self.before(job, old), "seconds": began["seconds"], "steps": began["step"],
            "disk_bytes": _size(made.parent, job.trace), "trace": job.trace, **self.outcome(job, base, made),
        }  # fmt: skip
        for folder in (made.parent / "merged", *made.parent.glob("checkpoint-*")):
            shutil.rmtree(folder, ignore_errors=True)
        with self._guard, self.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        print(json.dumps({name: record[name] for name in ("old", "new", "seed", "variant", "after")}), flush=True)

    def old_run(self, task: str, seed: int) -> Path:
        """The adapter of ``task``, trained when it is asked for first."""
        with self._guard:
            lock = self._locks.setdefault(f"{task}.{seed}", threading.Lock())
        with lock:
            kept = self.folder / f"{task}.{seed}.json"
            if not kept.is_file():
                kept.write_text(json.dumps(self.train(f"old-{task}-{seed}", self.base_config(task, seed))))
            return Path(json.loads(kept.read_text())["adapter"])

    def base_config(self, task: str, seed: int) -> dict[str, dict[str, Any]]:
        return {
            "run": {"name": f"old-{task}-{seed}", "seed": seed},
            "model": {"name_or_path": self.model, "quantization": "none"},
            "data.0": {"path": str(self.rows_of(task, seed, "train"))},
            "dataset": {"max_length": real_tasks.LONGEST_ROW, "eval_rows": 10},
            "adapter": {"r": 16, "lora_alpha": 32},
            "train": {"batch_size": 4, "num_train_epochs": 1.0, "learning_rate": 5e-4},
            "sample": {"rows": 0},
            "launch": {"gpus": "cpu"},
        }

    def config(self, job: Job, old: Path) -> dict[str, dict[str, Any]]:
        made = self.base_config(job.new, job.seed + 100)
        made["run"] = {"name": job.name, "seed": job.seed}
        if job.kind != "fresh":
            made["strategy"] = {"kind": job.kind, "adapter": old.parent.name}
        if job.kind == "continue":
            del made["adapter"], made["train"]["learning_rate"]
        if job.replay:
            made["data.1"] = {"path": f"run:{old.parent.name}", "role": "replay", "share": job.replay}
        made["checkpoint"] = {"every": 3, "keep": 100} if job.trace else {}
        return made

    def rows_of(self, task: str, seed: int, part: str) -> Path:
        """Rows of a task: trained ones and tests never meet."""
        path = self.folder / f"{task}.{seed}.{part}.jsonl"
        with self._guard:
            if not path.is_file():
                drawn = self.draw(task, seed)
                for name, lines in (("train", drawn[: -self.tests]), ("test", drawn[-self.tests :])):
                    path.with_name(f"{task}.{seed}.{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
        return path

    def draw(self, task: str, seed: int) -> list[str]:
        """JSON lines: ten to hold out and the tests beside those to train on."""
        if task in task_pairs.TASKS:
            drawn = task_pairs.draw(task, self.rows + 10 + self.tests, seed)
            return [json.dumps(row, ensure_ascii=False) for row in drawn]
        if self.real is None:
            raise SystemExit("Name the folder of the public files: --real ROWS")
        return real_tasks.draw(self.real, task, self.rows // 2 + 10 + self.tests, seed)

    def train(self, name: str, config: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Run the product on ``config``; its own JSON result, with ``seconds``."""
        path = self.folder / f"{name}.toml"
        path.write_text(_toml(config), "utf-8")
        answer = self.call("-m", "tui", "run", str(path), "--json")
        if not answer.get("adapter"):
            raise RuntimeError(f"{name}: {answer}")
        events = map(json.loads, (Path(answer["adapter"]).parent / "events.jsonl").read_text("utf-8").splitlines())
        return answer | {"seconds": next(event["seconds"] for event in events if event["type"] == "finished")}

    def relation(self, job: Job, old: Path) -> dict[str, Any]:
        path = self.folder / f"{job.name}.relation.toml"
        path.write_text(_toml(self.config(Job(job.old, job.new, job.seed, "continue"), old)), "utf-8")
        return self.call("-m", "engine.jobs", "relation", "--config", str(path))

    def before(self, job: Job, old: Path) -> dict[str, dict[str, float]]:
        """What the old adapter scores on both tasks: measured once for all strategies."""
        with self._guard:
            lock = self._locks.setdefault(f"before.{job.old}.{job.new}.{job.seed}", threading.Lock())
        with lock:
            kept = self.folder / f"before.{job.old}.{job.new}.{job.seed}.json"
            if not kept.is_file():
                kept.write_text(json.dumps(self.scores(job, self.model, old)))
            found: dict[str, dict[str, float]] = json.loads(kept.read_text())
            return found

    def scores(self, job: Job, base: str, adapter: Path, *more: str) -> dict[str, Any]:
        """Loss and exact match on both tasks' tests: ``old``, ``new``, and whatever ``more`` asks for."""
        tests = [self.rows_of(job.old, job.seed, "test"), self.rows_of(job.new, job.seed + 100, "test")]
        asked = [*map(str, tests), "--adapter", str(adapter), *([] if job.has_answers else ["--no-answers"]), *more]
        found = self.call("-m", "tests.benchmarks.task_scores", base, *asked)
        return {"old": found.pop(tests[0].stem), "new": found.pop(tests[1].stem), **found}

    def outcome(self, job: Job, base: str, made: Path) -> dict[str, Any]:
        """``after``, and of a traced job step and seconds of training at the first checkpoint with 90% on the new
        task (None: never).
        """
        if not job.trace:
            return {"after": self.scores(job, base, made), "first_good": None}
        states = sorted(made.parent.glob("checkpoint-*/trainer_state.json"), key=_step)
        after = self.scores(job, base, made, "--search", *(str(state.parent) for state in states))
        name = after.pop("first_good")
        if name is None:
            return {"after": after, "first_good": None}
        state = json.loads((made.parent / name / "trainer_state.json").read_text())
        return {"after": after, "first_good": {"step": state["step"], "seconds": round(state["train_seconds"], 1)}}

    def call(self, *arguments: str) -> dict[str, Any]:
        """The last line that a Python process says, as JSON."""
        found: dict[str, Any] = json.loads(self.call_text(*arguments).strip().splitlines()[-1])
        return found

    def call_text(self, *arguments: str) -> str:
        environment = os.environ | {"TUNEDECK_HOME": str(self.home), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


def jobs(only: str) -> list[Job]:
    """Everything to be trained, in order."""
    made: list[Job] = []
    for name, pairs in (("PAIRS", task_pairs.PAIRS), ("REAL", real_tasks.PAIRS)):
        if only in ("", name):
            variants = ("continue+replay", "merge", "fresh")
            made += [Job(pair.old, pair.new, 1, variant) for pair in pairs for variant in variants]
    if only in ("", "SEEDS"):
        variants = ("continue", "continue+replay", "merge", "merge+replay", "fresh", "fresh+replay")
        shares = ("continue+replay1", "continue+replay5", "continue+replay30")
        for seed in SEEDS:
            made += [Job(*pair, seed, variant, trace=True) for pair in SEED_PAIRS for variant in variants]
            made += [Job(*FORGETTING, seed, variant, trace=True) for variant in shares]
    return made


def _toml(sections: dict[str, dict[str, Any]]) -> str:
    lines = []
    for name, fields in sections.items():
        lines.append("[[data]]" if name.startswith("data.") else f"[{name}]")
        lines += [f"{field} = {json.dumps(value)}" for field, value in fields.items()]
    return "\n".join(lines) + "\n"


def _step(state: Path) -> int:
    return int(state.parent.name.split("-")[1])


def _size(folder: Path, traced: bool) -> int:
    """Bytes that the run keeps: of a traced one only its newest two checkpoints count, as any other has no more."""
    kept = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    extra = sum(map(_bytes, kept[:-2])) if traced else 0
    return _bytes(folder) - extra


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _left(wanted: Iterable[Job], known: list[dict[str, Any]]) -> list[Job]:
    """The jobs that are not written down yet; one that was traced counts for the untraced too."""
    done = {(each["old"], each["new"], each["seed"], each["variant"], each["trace"]) for each in known}
    return [
        job for job in wanted
        if not {(job.old, job.new, job.seed, job.variant, traced) for traced in {True, job.trace}} & done
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=["PAIRS", "REAL", "SEEDS"], default="")
    parser.add_argument("--real", type=Path)
    parser.add_argument("--rows", type=int, default=120)
    parser.add_argument("--tests", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    bench = Bench(options.folder.absolute(), options.rows, options.tests, options.real)
    with ThreadPoolExecutor(options.jobs) as pool:
        for done in [pool.submit(bench.do, job) for job in _left(jobs(options.only), bench.known())]:
            done.result()
    print(json.dumps(print_tables(bench.known())))


if __name__ == "__main__":
    main()
