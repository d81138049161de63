"""Short ways to a config, rows and a whole run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.config import toml
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.runs import directory
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.steering import Steering
from engine.training.objectives.objective import Objective
from engine.training.session import Session
from tests.engine.runs.making import said

ITEMS = ("tea", "soup", "bread", "rice", "milk", "honey", "cake")
CITIES = ("Oslo", "Lima", "Cairo", "Paris", "Quito")


def write_rows(path: Path, count: int = 24, start: int = 0) -> Path:
    """``count`` orders of different lengths with their answers, as JSONL."""
    rows = []
    for i in range(start, start + count):
        item, city = ITEMS[i % 7], CITIES[i % 5]
        asked = f"{i % 9 + 1} {item} to {city}" + ", thank you" * (i % 4)
        rows.append({"prompt": asked, "completion": json.dumps({"item": item, "qty": i % 9 + 1, "city": city})})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def values(model: Path, rows: Path, /, **sections: dict[str, Any]) -> dict[str, Any]:
    """A small run: 6 steps of 4 rows in float32, no sample, no gauge of forgetting, a checkpoint at the end only."""
    made: dict[str, Any] = {
        "model": {"name_or_path": str(model), "dtype": "float32"},
        "data": [{"path": str(rows)}],
        "dataset": {"max_length": 128, "eval_rows": 4},
        "adapter": {"r": 4, "lora_alpha": 8},
        "train": {"max_steps": 6, "batch_size": 4, "micro_batch_tokens": 160, "learning_rate": 5e-3},
        "eval": {"every": 100, "max_new_tokens": 4, "forgetting": False},
        "checkpoint": {"every": 100},
        "sample": {"rows": 0},
        "launch": {"gpus": "cpu"},
    }
    for name, section in sections.items():
        made[name] = made.get(name, {}) | section
    return made


def create_run(settings: dict[str, Any]) -> RunDir:
    resolved = resolve([Layer("test", settings)])
    return directory.create("tiny", toml.dumps(resolved))


Reaction = Callable[[ev.Event, Steering], None]


class Trained:
    """A run in this process: its events as they came, and the error that ended it if one did."""

    def __init__(
        self, run: RunDir, react: Reaction | None = None, resume: bool = False, objective: Objective | None = None
    ) -> None:
        self.run = run
        self.events: list[ev.Event] = []
        self.steering = Steering()
        self._react = react
        config: RunConfig = toml.load(run.config).config
        Session(run, config, self._sink, self.steering, objective=objective).execute(resume)

    def _sink(self, event: ev.Event) -> None:
        self.events.append(event)
        if self._react is not None:
            self._react(event, self.steering)

    def of(self, kind: type[ev.Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def losses(self) -> list[float]:
        return [step.loss for step in self.of(ev.Step)]


def train(settings: dict[str, Any], react: Reaction | None = None) -> Trained:
    return Trained(create_run(settings), react)


def stop_after(step: int) -> Reaction:
    """Ask for the end once ``step`` has been taken."""

    def react(event: ev.Event, steering: Steering) -> None:
        if isinstance(event, ev.Step) and event.step == step:
            steering.stop(said("asked to stop"))

    return react
