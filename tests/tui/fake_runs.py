"""Run directories with a plausible story, written by the real writer, for tests and for looking at the screens."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

from engine.common.files import read_json, write_atomic
from engine.metrics.forgetting import mark_of
from engine.runs import events as ev
from engine.runs.directory import RunDir, create
from engine.runs.writer import EventWriter
from tests.engine.runs.making import failure, said

PROMPT = "two large pizzas with extra cheese for Ben, please"
BEFORE = "Sure! Here is your order:\n\x1b[31mPizza\x1b[0m [b]large[/b]"
AFTER = '{"name": "Ben", "item": "pizza", "size": "large", "qty": 2}'


def started(total: int, resumed: int | None = None) -> ev.RunStarted:
    return ev.RunStarted(
        pid=4242, host="gpu-7", device="NVIDIA H100 80GB", model="SmolLM2-135M", method="LoRA r16", strategy="fresh",
        total_steps=total, trainable_parameters=4_884_480, total_parameters=139_399_680, train_rows=400, eval_rows=100,
        resumed_from_step=resumed,
    )  # fmt: skip


def step(number: int, total: int, loss: float | None = None, sources: bool = True) -> ev.Step:
    noise = random.Random(number).gauss(0, 0.08)
    mean = 0.4 + 2.0 * math.exp(-5 * number / total)
    value = max(0.02, mean + noise) if loss is None else loss
    return ev.Step(
        step=number, epoch=number / total * 3, loss=value, learning_rate=3e-4 * (1 - number / total) + 1e-6,
        grad_norm=0.8 + abs(noise), num_tokens=number * 2048, supervised_tokens=number * 800,
        tokens_per_second=294.0 + 10 * noise, step_time=0.7, memory_allocated=2_800_000_000 + number * 1000,
        memory_reserved=3_000_000_000, loss_by_source={"orders": value * 0.9, "replay": value * 1.3} if sources else {},
    )  # fmt: skip


def new_run(root: Path, name: str = "orders-json", total: int = 900) -> tuple[RunDir, EventWriter]:
    run = create("/models/SmolLM2-135M", "# made by a test\n", name, root)
    record = read_json(run.run_json) | {"total_steps": total}
    write_atomic(run.run_json, json.dumps(record))
    return run, EventWriter(run.events)


def begin(writer: EventWriter, total: int) -> None:
    """Everything before the first step: loading, the baseline and its samples."""
    writer.emit(started(total))
    writer.emit(ev.State(state="starting"))
    writer.emit(ev.Phase(name="load", message=said("loading SmolLM2-135M")))
    writer.emit(ev.Phase(name="baseline", done=100, total=100, unit="rows", message=said("answering held-out rows")))
    writer.emit(ev.Eval(step=0, moment="before", loss=2.311, n=100, metrics={"exact_match": 0.0}, seconds=20))
    for index in range(3):
        writer.emit(
            ev.Sample(step=0, moment="before", index=index, prompt=PROMPT, answer=BEFORE, reference=AFTER)
        )  # fmt: skip


def train(writer: EventWriter, first: int, last: int, total: int, bad: tuple[int, ...] = ()) -> None:
    """Steps ``first`` to ``last`` with evaluations and checkpoints every 100."""
    writer.emit(ev.State(state="running"))
    writer.emit(ev.Phase(name="train", done=first - 1, total=total, unit="steps"))
    for number in range(first, last + 1):
        writer.emit(step(number, total, math.nan if number in bad else None))
        if number % 100 == 0:
            loss = 0.45 + 2.0 * math.exp(-5 * number / total)
            writer.emit(ev.Eval(step=number, loss=loss, n=100, metrics={"exact_match": number / total}))
            writer.emit(ev.Sample(step=number, index=0, prompt=PROMPT, answer='{"name": "Ben"}', reference=AFTER))
            writer.emit(ev.Checkpoint(step=number, path=f"checkpoint-{number}", size_bytes=19_000_000, seconds=0.2))


def training_run(root: Path, last: int, name: str = "orders-json", total: int = 900) -> tuple[RunDir, EventWriter]:
    """One that has done the steps up to ``last``."""
    run, writer = new_run(root, name, total)
    begin(writer, total)
    train(writer, 1, last, total)
    return run, writer


def forgetting(step: int, moment: str = "during") -> ev.Forgetting:
    """The gauge of a run that moves further from its base with each step; above some step it gets a mark."""
    far = step / 1000
    mark, reasons = mark_of(far * 2, far / 5)
    return ev.Forgetting(
        step=step, moment=moment, kl_task=far * 20, kl_prompts=far * 3, kl_general=far * 2, general_loss=2.9 + far / 5,
        base_loss=2.9, kl_before=0.0, general_before=2.9, mark=mark, reasons=reasons, task_rows=16,
        general_rows=16, seconds=0.4,
    )  # fmt: skip


def finish(writer: EventWriter, total: int) -> None:
    writer.emit(ev.Phase(name="after", done=100, total=100, unit="rows", message=said("answering held-out rows")))
    writer.emit(ev.Eval(step=total, moment="after", loss=0.421, n=100, metrics={"exact_match": 0.97}, seconds=12))
    for index in range(3):
        writer.emit(
            ev.Sample(step=total, moment="after", index=index, prompt=PROMPT, answer=AFTER, reference=AFTER)
        )  # fmt: skip
    writer.emit(ev.Finished(outcome="finished", step=total, adapter="adapter", seconds=131.0))


def finished_run(root: Path, name: str = "orders-json", total: int = 200) -> RunDir:
    run, writer = training_run(root, total, name, total)
    finish(writer, total)
    writer.close()
    return run


def failed_run(root: Path, name: str = "too-large") -> RunDir:
    run, writer = training_run(root, 118, name, 300)
    writer.emit(
        failure(
            "The GPU is out of memory",
            "step 118 needed 2.1 GiB more than the 80 GiB there are",
            "Set dataset.max_length to 768, or model.quantization to nf4.",
            error="OutOfMemory",
        )
    )
    writer.close()
    checkpoint = run.checkpoint(100)
    checkpoint.mkdir()
    (checkpoint / "COMPLETE").touch()
    return run


def crashed_run(root: Path, name: str = "killed") -> RunDir:
    """A run whose process was killed: no last word in its log, and nobody holds its lock."""
    run, writer = new_run(root, name, 300)
    begin(writer, 300)
    train(writer, 1, 150, 300)
    writer.close()
    run.lock.touch()
    write_atomic(run.exit_json, json.dumps({"returncode": -9, "oom_kill": True, "t": 0.0}))
    return run
