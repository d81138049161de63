"""What mixing two adapters keeps of their tasks: two tasks of ``task_pairs`` on the starter, all four methods.

    python -m tests.benchmarks.mixes FOLDER [--pair orders reviews] [--rows 200] [--tests 60] [--density 0.5]

Trains both (kept in FOLDER: a second call goes on), mixes them at equal weights by each method, and prints the table of
each with its verdict. Takes about ten minutes on two cores; run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from engine.messages.catalogue import text
from tests.benchmarks import task_pairs

METHODS = ("linear", "ties", "dare_linear", "dare_ties")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pair", nargs=2, default=["orders", "reviews"], choices=[*task_pairs.TASKS])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--tests", type=int, default=60)
    parser.add_argument("--density", type=float, default=0.5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    folder: Path = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["TUNEDECK_HOME"] = str(folder / "home")
    for task in options.pair:
        train(folder, task, options.rows, options.tests)
    for method in METHODS:
        print(f"\n{method}", flush=True)
        mix(options.pair, method, options.density, options.seed)


def train(folder: Path, task: str, rows: int, tests: int) -> None:
    """A run called like its task, unless there is one."""
    if any(each["name"] == task and each["state"] == "finished" for each in json.loads(said("runs", "--json"))):
        return
    data = task_pairs.write(folder / f"{task}.jsonl", task_pairs.draw(task, rows + tests, seed=1))
    config = folder / f"{task}.toml"
    config.write_text(
        f'[run]\nname = "{task}"\n[model]\nname_or_path = "smollm2-135m"\n[[data]]\npath = {json.dumps(str(data))}\n'
        f"[dataset]\nmax_length = 256\neval_rows = 16\ntest_rows = {tests}\n"
        f"[train]\nnum_train_epochs = 3\nlearning_rate = 5e-4\n"
        f'[eval]\ngenerate_rows = {tests}\nmax_new_tokens = 64\nbaseline = "none"\n[checkpoint]\nkeep = 1\n'
    )
    said("run", str(config), "--json")


def mix(pair: list[str], method: str, density: float, seed: int) -> None:
    """Print what one mix does to both tasks, and throw it away."""
    from engine.messages.message import Message

    found = json.loads(
        said("mix", *pair, "--method", method, "--density", str(density), "--seed", str(seed), "--discard", "--json")
    )
    print(text(Message.from_json(found["sentence"])))
    for task in found["tasks"]:
        print(f"  {task['title']} ({task['metric']}, {task['n']} rows)")
        for each in task["values"]:
            bounds = f"{each['low']:.3f} to {each['high']:.3f}" if each["low"] is not None else "-"
            print(f"    {each['candidate']:<12} {each['value']:.3f}  {bounds}")
    made = found["made"]
    print(f"  {made['combination']}, rank {made['rank']}, {made['kept_share']:.1%} of the mixed update is held")


def said(*arguments: str) -> str:
    """What a verb prints on stdout; what it narrates goes on to the terminal."""
    done = subprocess.run([sys.executable, "-m", "tui", *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
