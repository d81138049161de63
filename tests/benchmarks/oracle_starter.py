"""Train the starter model for real on the CPU and hold the run's own estimate against the live tensor bytes."""

from __future__ import annotations

import gc
import json
import os
import random
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.common import paths
from engine.config import toml
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.modeling.kernels.loss import SupervisedLoss
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.steering import Steering
from engine.training.session import Session
from tests.benchmarks.tensor_tracker import TensorTracker

STARTER = "smollm2-135m"
WORDS = ("tea", "soup", "bread", "rice", "milk", "honey", "cake", "salt", "plum", "corn")


@dataclass(frozen=True)
class Trained:
    """Peak bytes of live tensors while a run's steps were taken, and what the run's log expected of its rows.

    That is of the rows which are really computed at once: whole ones, which fill the tokens allowed in part only.
    """

    tracked: float
    expected: float
    longest: int


def write_rows(path: Path, count: int, words: int) -> None:
    """``count`` rows of about the same length, a third of it the answer."""
    made = random.Random(0)
    rows = [
        {"prompt": " ".join(made.choices(WORDS, k=2 * words // 3)),
         "completion": " ".join(made.choices(WORDS, k=words // 3))}
        for _ in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def is_here() -> bool:
    return (paths.models_dir() / STARTER / "config.json").is_file()


def train(folder: Path, recomputed: bool, quantization: str = "none") -> Trained:
    """Two steps of the starter model in a run directory under ``folder``, from loading to the last checkpoint.

    A step is two micro-batches of five rows, so that the second meets the first one's gradients.
    """
    model = paths.models_dir() / STARTER
    rows = folder / "rows.jsonl"
    write_rows(rows, 22, 150)
    settings: dict[str, Any] = {
        "model": {"name_or_path": str(model), "quantization": quantization},
        "data": [{"path": str(rows)}],
        "dataset": {"max_length": 512, "eval_rows": 2},
        "train": {"max_steps": 2, "batch_size": 10, "micro_batch_tokens": 1024, "gradient_checkpointing": recomputed},
        "eval": {"every": 100},
        "checkpoint": {"every": 100},
        "sample": {"rows": 0},
        "launch": {"gpus": "cpu"},
    }
    run = _create(folder, toml.dumps(resolve([Layer("oracle", settings)])))
    config: RunConfig = toml.load(run.config).config
    expected: dict[str, int] = {}
    with ExitStack() as stack:
        tracker = TensorTracker()

        def sink(event: ev.Event) -> None:
            if isinstance(event, ev.MemoryPlan):
                expected.update(event.phases)
            elif isinstance(event, ev.State) and event.state == "running":
                for net in [found for found in gc.get_objects() if isinstance(found, SupervisedLoss)]:
                    tracker.add_model(net)
                stack.enter_context(tracker)
                tracker.restart()
            elif isinstance(event, ev.Step) and event.step == 2:
                stack.close()

        session = Session(run, config, sink, Steering())
        session.execute(resume=False)
    assert session.prepared is not None
    longest = max(len(example.ids) for example in session.prepared.train)
    phases = ("loss", "backward", "backward_end", "step")
    return Trained(float(tracker.peak), max(float(expected[name]) for name in phases), longest)


def _create(folder: Path, text: str) -> directory.RunDir:
    """A run directory away from the person's own runs."""
    before = os.environ.get("TUNEDECK_HOME")
    os.environ["TUNEDECK_HOME"] = str(folder)
    try:
        return directory.create("oracle", text)
    finally:
        if before is None:
            del os.environ["TUNEDECK_HOME"]
        else:
            os.environ["TUNEDECK_HOME"] = before
