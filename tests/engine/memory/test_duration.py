"""How long it will train, from tokens and pace; what is guessed is called so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import RunConfig, TrainSection
from engine.machine.cpu_specs import Cpu
from engine.memory.duration import (
    DECODE_LAYER_S,
    DataSize,
    duration_of,
    gauge_rows,
    guess_size,
    seconds_beside,
    seldomer,
    tokens_to_train,
)
from engine.memory.estimate import estimate
from engine.memory.job import Job, tunedeck
from engine.memory.speed import on_cpu, passes
from engine.memory.throughput import Expected
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.memory.models import SMOLLM2_135M

CPU_HERE = Cpu(2)
PACE = Expected(530.0, Message("memory.pace-run", runs=3))


def config(path: Path, **dataset: Any) -> RunConfig:
    return RunConfig.model_validate(
        {"model": {"name_or_path": "m"}, "data": [{"path": str(path)}], "dataset": {"max_length": 64, **dataset}}
    )


def test_the_line_says_time_tokens_pace_and_where_it_is_from() -> None:
    said = duration_of(TrainSection(), DataSize(1000, 1_200_000, exact=True), PACE)
    assert said.short.code == "memory.about"
    assert text(said.message) == "about 38 min: 1.2M tokens at 530 tokens/s, measured here in 3 runs"
    guessed = duration_of(TrainSection(), DataSize(1000, 1_200_000, exact=False), PACE)
    assert guessed.message.args["parts"][0].code == "memory.guessed-tokens-at"


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({"num_train_epochs": 2, "batch_size": 10}, 20_000),
        ({"max_steps": 5, "batch_size": 10}, 5_000),
        ({"num_train_epochs": 0.001, "batch_size": 10}, 1_000),  # one step at least
        ({"num_train_epochs": 1, "batch_size": 1000}, 10_000),
    ],
)
def test_tokens_are_those_of_the_steps_taken(settings: dict[str, Any], tokens: int) -> None:
    assert tokens_to_train(TrainSection(**settings), DataSize(100, 10_000, exact=True)) == tokens


def test_the_size_is_guessed_from_the_head_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = json.dumps({"prompt": "p" * 45, "completion": "c" * 45}) + "\n"
    path.write_text(row * 100)
    size = guess_size(config(path, eval_rows=20))
    assert size == DataSize(80, 80 * (20 + 2 * 6), False, 10.0)
    assert guess_size(config(path, eval_share=0.5, max_length=8)) == DataSize(50, 50 * 8, False, 8.0)


def test_rows_that_cannot_be_read_have_no_size(tmp_path: Path) -> None:
    assert guess_size(config(tmp_path / "nowhere.jsonl")) is None


def test_a_guess_takes_of_each_source_what_its_share_says(tmp_path: Path) -> None:
    new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
    new.write_text((json.dumps({"prompt": "p" * 45, "completion": "c" * 45}) + "\n") * 90)
    old.write_text((json.dumps({"prompt": "p" * 9, "completion": "c" * 9}) + "\n") * 500)
    found = config(new, eval_rows=0)
    found.data.append(found.data[0].model_copy(update={"path": str(old), "role": "replay", "share": 0.1}))
    assert guess_size(found) == DataSize(90 + 20, 90 * 32 + 20 * 16, False, (90 * 10 + 20 * 2) / 110)


def test_a_short_run_is_mostly_what_stands_around_its_steps(tmp_path: Path) -> None:
    """Six steps of a few seconds, and 256 tokens of three answers before, after and five times between."""
    job = Job(SMOLLM2_135M, rows=4, row_tokens=256, checkpointing="none")
    short = config(tmp_path / "rows.jsonl")
    short.train.max_steps = 6
    size = DataSize(96, 12_000, exact=True)
    beside = seconds_beside(short, job, size, 500.0, cpu=CPU_HERE)
    assert 30 < beside < 600
    short.sample.rows = 0
    fewer = seconds_beside(short, job, size, 500.0, cpu=CPU_HERE)
    assert fewer < 30
    slow = job.tokens / 500 / on_cpu(job, CPU_HERE)  # as it trains, so it answers
    answers = 7 * 256 * (30 * DECODE_LAYER_S + slow * 3 * 2 * SMOLLM2_135M.parameters / 1e11)
    assert beside - fewer == pytest.approx(answers + 7 * 3 * 125 / 500 / passes(job))
    said = duration_of(short.train, size, PACE, beside)
    assert said.seconds == pytest.approx(12_000 / 530 + beside)
    assert said.message.args["parts"][-1] == Message("memory.beside-training", seconds=beside)


def test_baselines_of_short_answers_are_counted_with_the_examples_they_read(tmp_path: Path) -> None:
    job = Job(SMOLLM2_135M, rows=4, row_tokens=256, checkpointing="none")

    def beside(answer_tokens: float, **fields: Any) -> float:
        run = config(tmp_path / "rows.jsonl", eval_rows=50)
        for field, value in fields.items():
            setattr(run.eval, field, value)
        return seconds_beside(run, job, DataSize(950, 190_000, True, answer_tokens), 500.0, cpu=CPU_HERE)

    none, both, plain = beside(500.0), beside(20.0), beside(20.0, baseline="zero_shot")
    assert none == beside(0.0) == beside(20.0, metrics=[])
    assert none < plain
    assert none < both
    assert beside(20.0, few_shot=8) - beside(20.0, few_shot=4) == pytest.approx(100 * 4 * 200 / 500 / passes(job))
    assert beside(500.0, baseline="few_shot") > beside(500.0, baseline="zero_shot") > none
    assert beside(500.0, best_by="exact_match") > none + 5 * (beside(500.0, metrics=["exact_match"]) - none) / 2


def test_a_long_run_is_mostly_its_steps(tmp_path: Path) -> None:
    job = Job(SMOLLM2_135M, rows=4, row_tokens=256, checkpointing="none")
    size = DataSize(100_000, 30_000_000, exact=True)
    assert seconds_beside(config(tmp_path), job, size, 20_000.0, None) < 0.5 * 30_000_000 / 20_000


def test_a_short_run_is_not_measured_longer_than_it_trains(tmp_path: Path) -> None:
    """Ten evaluations and rounds of answers are for runs in which they take a quarter of the steps' time at most."""
    result = estimate(Job(SMOLLM2_135M, rows=4, row_tokens=256, checkpointing="none"), tunedeck("cpu"))

    def of(steps: int, held: int, shown: int, **fields: Any) -> dict[str, int]:
        run = config(tmp_path)
        for dotted, value in fields.items():
            section, field = dotted.split("__")
            setattr(getattr(run, section), field, value)
        return seldomer(run, result, "CPU", CPU_HERE, steps, 1000.0, held, shown)

    assert of(6, held=50_000, shown=3) == {"eval.every": 6, "sample.every": 4}, "none, and one round of answers"
    assert of(3, held=50_000, shown=3) == {"eval.every": 3, "sample.every": 3}
    assert of(2000, held=5_000, shown=3) == {}
    some = of(100, held=8_000, shown=0)["eval.every"]
    assert 10 < some < 100
    assert of(6, held=50_000, shown=3, eval__every=1, sample__every=2) == {}
    assert "eval.every" not in of(6, held=50_000, shown=0, eval__early_stopping_patience=2)


@pytest.mark.parametrize(
    ("every", "steps", "rows"),
    [(None, 1000, 16), (100, 1000, 16), (10, 1000, 4), (1, 1000, 0), (100, 10, 4), (100, 3, 0)],
)
def test_forgetting_is_measured_where_it_is_cheap_beside_what_is_trained(
    tmp_path: Path, every: int | None, steps: int, rows: int
) -> None:
    asked = config(tmp_path / "rows.jsonl")
    asked = asked.model_copy(update={"eval": asked.eval.model_copy(update={"every": every})})
    assert gauge_rows(asked, steps, row_tokens=64.0) == rows
