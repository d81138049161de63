"""Three real steps tell the pace: on real rows, longest first, with nothing left behind but the measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.app.plan import plan
from engine.common import paths
from engine.common.errors import ConfigError, DataError
from engine.config.schema import RunConfig
from engine.jobs import probe as question
from engine.memory import throughput
from engine.messages.message import Message
from engine.tokens.examples import Example
from engine.training.checkpoint import TrainerState
from engine.training.loop import Loop, Outcome
from engine.training.probe import MOST_PIECES, choose, probe
from tests.engine.app.test_plan import machine
from tests.engine.training.making import create_run, values

pytestmark = pytest.mark.usefixtures("warm", "one_thread")


def config(tiny: Path, rows: Path, **sections: Any) -> RunConfig:
    return RunConfig.model_validate(values(tiny, rows, **sections))


def test_it_trains_three_steps_and_remembers_only_how_fast(tiny: Path, rows: Path) -> None:
    said: list[tuple[float, float | None, Message]] = []
    found = probe(config(tiny, rows), lambda *progress: said.append(progress))
    assert [done for done, total, message in said if message.code == "jobs.three-steps"] == [0, 1, 2, 3]
    assert found.tokens_per_second > 0
    assert found.peak_bytes > 50 * 2**20
    assert (found.train_rows, found.micro_batch_tokens) == (20, 160)
    [remembered] = throughput.read()
    assert (remembered.kind, remembered.device, remembered.micro_batch_tokens) == ("probe", "CPU", 160)
    assert remembered.tokens_per_second == pytest.approx(found.tokens_per_second, abs=0.01)
    kept = [path for path in paths.home().rglob("*") if path.is_file() and paths.cache_dir() not in path.parents]
    assert kept == [throughput.history_file()]


@pytest.mark.parametrize("parts", [True, False])
def test_rows_are_packed_only_where_the_run_would_pack_them(
    tiny: Path, rows: Path, parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed: list[bool] = []

    class Watched(Loop):
        def run(self, state: TrainerState) -> Outcome:
            packed.append(self.config.dataset.packing is True)
            return super().run(state)

    monkeypatch.setattr("engine.training.probe.Loop", Watched)
    monkeypatch.setattr("engine.modeling.kernels.packing.parts_rows", lambda model: parts)
    probe(config(tiny, rows), lambda *progress: None)
    assert packed == [parts]


def test_the_next_plan_goes_by_the_probe(tiny: Path, rows: Path) -> None:
    from engine.config.presets import Layer, resolve

    probe(config(tiny, rows), lambda *progress: None)
    time = plan(resolve([Layer("file", values(tiny, rows))]), machine()).duration
    assert time is not None
    assert time.origin.code == "memory.pace-probe"


def test_steps_are_of_the_longest_rows_and_of_middle_ones_and_never_large() -> None:
    def example(length: int, row: int) -> Example:
        return Example(np.zeros(length, np.int32), np.zeros(length, np.int32), 0, row)

    examples = [example(length, row) for row, length in enumerate((10, 50, 30, 20, 40, 60))]
    longest, *middle = choose(examples, batch_size=2, budget_tokens=1000)
    assert sorted(longest) == [1, 5]
    assert [sorted(step) for step in middle] == [[1, 4], [2, 3]]
    many = [example(10, row) for row in range(5000)]
    assert all(len(step) == MOST_PIECES * 3 for step in choose(many, batch_size=4096, budget_tokens=35))
    assert [len(step) for step in choose(examples[:1], batch_size=8, budget_tokens=5)] == [1, 1, 1]


def test_what_the_training_refuses_the_probe_refuses(tiny: Path, rows: Path) -> None:
    with pytest.raises(DataError, match="longer than max_length"):
        probe(config(tiny, rows, dataset={"max_length": 8}), lambda *progress: None)
    with pytest.raises(ConfigError, match="needs an NVIDIA GPU"):
        probe(config(tiny, rows, train={"optim": "adamw_8bit"}), lambda *progress: None)
    assert throughput.read() == []


def test_a_model_that_is_not_here_yet_is_no_error(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    answer = question.answer(config(Path("someone/some-model"), rows), lambda *args, **more: None)
    assert answer["kind"] == "unavailable"


def test_asked_in_a_process_it_answers_in_json_lines(tiny: Path, rows: Path) -> None:
    file = create_run(values(tiny, rows)).config
    command = [sys.executable, "-m", "engine.jobs", "probe", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, lines[-1]["type"]) == (0, "result"), done.stderr
    assert {line["type"] for line in lines[:-1]} == {"progress"}
    assert lines[-1]["tokens_per_second"] > 0
    assert lines[-1]["peak_bytes"] > 0
