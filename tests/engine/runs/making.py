"""Short ways to bring a run directory into a given state."""

from __future__ import annotations

import json
import time
from typing import Any

from engine.common import files
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.writer import EventWriter


def step(number: int, loss: float = 1.0, **more: Any) -> ev.Step:
    values: dict[str, Any] = {
        "epoch": number / 10, "learning_rate": 1e-4, "grad_norm": 0.5, "num_tokens": 100 * number,
        "supervised_tokens": 40 * number, "tokens_per_second": 200.0, "step_time": 0.5,
    }  # fmt: skip
    return ev.Step(step=number, loss=loss, **(values | more))


def said(text: str, **parts: str) -> Message:
    """Words of nobody's catalogue, as a library says them."""
    return Message.literal(text, **parts)


def failure(title: str = "It broke", message: str = "", hint: str = "", error: str = "TunedeckError") -> ev.Failed:
    return ev.Failed(reason=said(title, message=message, hint=hint), error=error)


def write(run: RunDir, *events: ev.Event) -> None:
    """Append ``events`` to the log of ``run`` as its runner would."""
    writer = EventWriter(run.events)
    for event in events:
        writer.emit(event)
    writer.close()


def set_facts(run: RunDir, **facts: Any) -> None:
    """Add ``facts`` to run.json."""
    files.write_atomic(run.run_json, json.dumps(run.read_run_json() | facts))


def mark_launched(run: RunDir, seconds_ago: float = 3600) -> None:
    """As if ``run`` had been launched: ``launched_t`` is in run.json."""
    set_facts(run, launched_t=time.time() - seconds_ago)


def mark_exited(run: RunDir, returncode: int, oom_kill: bool = False) -> None:
    """As the waiting process writes it when the runner has gone."""
    record = {"returncode": returncode, "oom_kill": oom_kill, "t": time.time()}
    files.write_atomic(run.exit_json, json.dumps(record))


def make_checkpoint(run: RunDir, number: int, complete: bool = True) -> None:
    folder = run.checkpoint(number)
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    if complete:
        (folder / "COMPLETE").touch()
