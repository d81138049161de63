"""Trains the same rows with tunedeck and with TRL's SFTTrainer, in turn, and prints what each took.

    python -m tests.benchmarks.throughput ROWS.json [--rows 64] [--batch-size 8] [--max-length 512] [--repeats 1]

ROWS is an alpaca-style file (instruction, input, output). Each trainer runs in a process of its own on the starter
model with the same LoRA (r 16 on all linear layers), the same rows, batch and learning rate. Time runs from the first
optimizer step's begin to the last one's end; tokens are those of the rows, without padding. "TRL as it comes" keeps
SFTTrainer's defaults but for the order, which is tunedeck's; "TRL tuned" switches checkpointing off and groups rows by
length. The last line is one JSON object. Needs the ``bench`` extra.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STARTER = "smollm2-135m"
LEARNING_RATE = 2e-4
SEED = 42
ENGINES = ("tunedeck", "trl", "trl_tuned")
TITLES = {"tunedeck": "tunedeck", "trl": "TRL as it comes", "trl_tuned": "TRL tuned"}


def main() -> None:
    options = _options()
    if options.engine:
        print(json.dumps(_ENGINES[options.engine](options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = _choose_rows(options, Path(folder))
        results: dict[str, list[dict[str, Any]]] = {engine: [] for engine in ENGINES}
        for _ in range(options.repeats):
            for engine in ENGINES:
                results[engine].append(_in_own_process(engine, rows, options))
                _print_row(engine, results[engine][-1])
    speed = {e: statistics.median(r["tokens_per_second"] for r in results[e]) for e in ENGINES}
    peak = {e: max(r["peak_rss_gib"] for r in results[e]) for e in ENGINES}
    _print_losses(results)
    summary = {
        "ratio_trl_default": round(speed["tunedeck"] / speed["trl"], 3),
        "ratio_trl_tuned": round(speed["tunedeck"] / speed["trl_tuned"], 3),
        "tokens_per_second": round(speed["tunedeck"], 1),
        "peak_rss_gib": peak["tunedeck"],
        "peak_rss_gib_trl_default": peak["trl"],
        "peak_rss_gib_trl_tuned": peak["trl_tuned"],
    }
    print(json.dumps(summary))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows_file", type=Path)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--engine", choices=ENGINES, help=argparse.SUPPRESS)
    return parser.parse_args()


def _model_folder() -> Path:
    from engine.models.local import resolve

    folder = resolve(STARTER).path
    assert folder is not None
    return folder


def _choose_rows(options: argparse.Namespace, folder: Path) -> Path:
    """The first rows that fit into max_length, as prompt and completion, in the order tunedeck will take them."""
    from transformers import AutoTokenizer

    from engine.data.mixing.mix import Shuffle

    tokenizer = AutoTokenizer.from_pretrained(_model_folder())
    chosen = []
    for raw in json.loads(options.rows_file.read_text("utf-8")):
        prompt = raw["instruction"] + (f"\n{raw['input']}" if raw.get("input") else "")
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": raw["output"]}]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        if len(tokenizer(text)["input_ids"]) <= options.max_length:
            chosen.append({"prompt": prompt, "completion": raw["output"]})
        if len(chosen) == options.rows:
            break
    # Undo tunedeck's shuffle, so that the file's own order is the order of training.
    order = Shuffle(len(chosen), SEED).order(0)
    arranged: list[Any] = [None] * len(chosen)
    for place, index in enumerate(order):
        arranged[index] = chosen[place]
    (folder / "in_order.jsonl").write_text("\n".join(map(json.dumps, chosen)))
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, arranged)))
    return folder / "rows.jsonl"


def _in_own_process(engine: str, rows: Path, options: argparse.Namespace) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "tests.benchmarks.throughput", str(rows), "--engine", engine,
        "--batch-size", str(options.batch_size), "--max-length", str(options.max_length),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{TITLES[engine]} failed:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _run_tunedeck(options: argparse.Namespace) -> dict[str, Any]:
    """The real session, as the runner runs it."""
    from engine.config.presets import Layer, resolve
    from engine.config.toml import dumps
    from engine.distributed.device import keep_freed_memory
    from engine.runs import directory
    from engine.runs import events as ev

    values = {
        "run": {"seed": SEED},
        "model": {"name_or_path": STARTER},
        "adapter": {"r": 16, "lora_alpha": 32},
        "data": [{"path": str(options.rows_file)}],
        "dataset": {"max_length": options.max_length, "eval_rows": 0, "eval_share": 0.0},
        "train": {
            "batch_size": options.batch_size,
            "learning_rate": LEARNING_RATE,
            "lr_scheduler_type": "constant",
            "warmup_ratio": 0.0,
        },
        "checkpoint": {"every": 10_000},
        "sample": {"rows": 0},
    }
    resolved = resolve([Layer("benchmark", values)])
    keep_freed_memory()
    from engine.runs.steering import Steering
    from engine.training.session import Session

    steps: list[ev.Step] = []

    def sink(event: ev.Event) -> None:
        if isinstance(event, ev.Step):
            steps.append(event)

    with tempfile.TemporaryDirectory() as home:
        run = directory.create(STARTER, dumps(resolved), root=Path(home))
        Session(run, resolved.config, sink, Steering()).execute(resume=False)
    seconds = sum(step.step_time for step in steps)
    return _result(steps[-1].num_tokens, seconds, [step.loss for step in steps])


def _run_trl(options: argparse.Namespace, tuned: bool = False) -> dict[str, Any]:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    raw = [json.loads(line) for line in (options.rows_file.parent / "in_order.jsonl").read_text().splitlines()]
    tokenizer = AutoTokenizer.from_pretrained(_model_folder())
    rows = [
        {
            "prompt": [{"role": "user", "content": row["prompt"]}],
            "completion": [{"role": "assistant", "content": row["completion"]}],
        }
        for row in raw
    ]
    texts = [tokenizer.apply_chat_template(r["prompt"] + r["completion"], tokenize=False) for r in rows]
    tokens = sum(len(tokenizer(text)["input_ids"]) for text in texts)
    times: list[float] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
            times.append(time.monotonic())

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            times.append(time.monotonic())

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and "loss" in logs:
                losses.append(float(logs["loss"]))

    more: dict[str, Any] = (
        {"gradient_checkpointing": False, "train_sampling_strategy": "group_by_length"}
        if tuned
        else {"train_sampling_strategy": "sequential"}
    )
    with tempfile.TemporaryDirectory() as output:
        config = SFTConfig(
            output_dir=output, per_device_train_batch_size=options.batch_size, num_train_epochs=1,
            learning_rate=LEARNING_RATE, lr_scheduler_type="constant", max_length=options.max_length,
            logging_steps=1, report_to="none", save_strategy="no", seed=SEED, use_cpu=True,
            model_init_kwargs={"dtype": "bfloat16"}, **more,
        )  # fmt: skip
        adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = SFTTrainer(
            model=str(_model_folder()), args=config, train_dataset=Dataset.from_list(rows), peft_config=adapter,
            callbacks=[Clock()],
        )  # fmt: skip
        trainer.train()
    return _result(tokens, times[-1] - times[0], losses)


def _result(tokens: int, seconds: float, losses: list[float]) -> dict[str, Any]:
    return {
        "tokens": tokens,
        "seconds": round(seconds, 2),
        "tokens_per_second": round(tokens / seconds, 1),
        "peak_rss_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "losses": [round(loss, 4) for loss in losses],
    }


_ENGINES = {
    "tunedeck": _run_tunedeck,
    "trl": _run_trl,
    "trl_tuned": lambda options: _run_trl(options, tuned=True),
}


def _print_row(engine: str, result: dict[str, Any]) -> None:
    print(
        f"{TITLES[engine]:<16} {result['tokens_per_second']:>7.1f} tokens/s   {result['seconds']:>6.1f} s   "
        f"{result['tokens']:,} tokens   peak {result['peak_rss_gib']:.2f} GiB",
        flush=True,
    )


def _print_losses(results: dict[str, list[dict[str, Any]]]) -> None:
    print("losses by step (TRL tuned takes the rows in another order)")
    for engine in ENGINES:
        print(f"  {TITLES[engine]:<16}", " ".join(f"{loss:.3f}" for loss in results[engine][0]["losses"]))


if __name__ == "__main__":
    main()
