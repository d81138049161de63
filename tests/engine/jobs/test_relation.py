"""The question how new rows relate to an old adapter, asked as the wizard asks it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from engine.common.errors import ConfigError, ModelError
from engine.config.schema import RunConfig
from engine.jobs import relation
from engine.models.relation import from_json
from engine.runs.directory import RunDir
from tests.engine.training.making import create_run, values, write_rows

pytestmark = pytest.mark.usefixtures("home", "warm")


@pytest.fixture
def old_run(tiny: Path, tmp_path: Path, home: Path) -> RunDir:
    """A run with an adapter that changes something, as its end leaves it."""
    run = create_run(values(tiny, write_rows(tmp_path / "old.jsonl")))
    torch.manual_seed(1)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny),
        LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False),
    )
    model.save_pretrained(run.adapter)
    return run


def ask(settings: dict[str, Any]) -> dict[str, Any]:
    return relation.answer(RunConfig.model_validate(settings), lambda kind, **more: None)


def test_new_rows_are_measured_against_the_runs_own(tiny: Path, old_run: RunDir, tmp_path: Path) -> None:
    new = write_rows(tmp_path / "new.jsonl", 12, start=100)
    answer = ask(values(tiny, new, strategy={"kind": "continue", "adapter": old_run.id}))
    found = from_json(answer["relation"])
    assert (found.old_rows, found.new_rows) == (20, 12)
    assert found.missing == ()
    assert found.base_new != found.adapter_new
    assert answer["advice"]["strategy"] in ("continue", "merge", "fresh")


def test_what_is_missing_is_said(tiny: Path, old_run: RunDir, tmp_path: Path) -> None:
    (tmp_path / "old.jsonl").unlink()
    new = write_rows(tmp_path / "new.jsonl", 12)
    answer = ask(values(tiny, new, strategy={"kind": "continue", "adapter": str(old_run.adapter)}))
    found = from_json(answer["relation"])
    assert found.old_rows == 0
    (missing,) = found.missing
    assert missing.code == "adapter.data-gone" or missing.args["reason"]
    assert answer["advice"]["confidence"] == "low"


def test_without_an_adapter_there_is_nothing_to_compare_with(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        ask(values(tiny, write_rows(tmp_path / "new.jsonl")))


def test_an_adapter_with_nan_is_refused(tiny: Path, old_run: RunDir, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = old_run.adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    tensors[next(iter(tensors))].view(-1)[0] = float("nan")
    save_file(tensors, file)
    with pytest.raises(ModelError, match="NaN"):
        ask(values(tiny, write_rows(tmp_path / "new.jsonl"), strategy={"kind": "continue", "adapter": old_run.id}))


def test_the_child_answers_in_json_lines(tiny: Path, old_run: RunDir, tmp_path: Path) -> None:
    settings = values(tiny, write_rows(tmp_path / "new.jsonl"), strategy={"kind": "fresh", "adapter": old_run.id})
    config = create_run(settings).config
    done = subprocess.run(
        [sys.executable, "-m", "engine.jobs", "relation", "--config", str(config)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    assert lines[-1]["type"] == "result"
    assert {line["type"] for line in lines[:-1]} == {"progress"}
