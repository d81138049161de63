"""Strategy "merge": a proven merge in the run's own folder, which the rest of the run then trains on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from engine.common.errors import ModelError
from engine.config import toml
from engine.config.schema import RunConfig
from engine.modeling.load import load_base
from engine.models.adapter.config import PROOF_FILE
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from engine.training import strategies as merging
from engine.training.strategies import MergedBase, merge_first
from tests.engine.training.making import create_run, values


@pytest.fixture
def adapter(tiny: Path, tmp_path: Path) -> Path:
    """A LoRA adapter with an effect, as PEFT saves it."""
    torch.manual_seed(1)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tiny),
        LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False),
    )
    model.save_pretrained(tmp_path / "old-adapter")
    return tmp_path / "old-adapter"


def of_run(tiny: Path, rows: Path, adapter: Path) -> tuple[RunDir, RunConfig]:
    """The config's strategy is set here and not in its file, which does not have to know of it yet."""
    run = create_run(values(tiny, rows))
    config = toml.load(run.config).config
    strategy = config.strategy.model_copy(update={"kind": "merge", "adapter": str(adapter)})
    return run, config.model_copy(update={"strategy": strategy})


def merged(run: RunDir, config: RunConfig, **more: Any) -> tuple[MergedBase, list[ev.Event]]:
    told: list[ev.Event] = []
    return merge_first(run, config, Phases(told.append, **more)), told


def test_the_merged_model_lies_in_the_run_proven_on_the_runs_own_rows(tiny: Path, rows: Path, adapter: Path) -> None:
    run, config = of_run(tiny, rows, adapter)
    got, _ = merged(run, config)
    assert got.path == run.path / "merged"
    assert got.proof["verdict"] == "proven"
    assert got.proof["rows"] == 24
    assert got.config.model.name_or_path == str(got.path)
    assert got.config.train == config.train
    assert json.loads((got.path / PROOF_FILE).read_text()) == json.loads(json.dumps(got.proof))
    [parent] = json.loads(run.parents.read_text())
    assert (parent["kind"], parent["path"]) == ("merge", str(adapter))


def test_a_run_that_starts_again_finds_it_and_does_not_merge_twice(
    tiny: Path, rows: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, config = of_run(tiny, rows, adapter)
    first, _ = merged(run, config)
    monkeypatch.delattr(merging, "merge")
    monkeypatch.delattr(merging, "prove")
    again, told = merged(run, config)
    assert again == MergedBase(first.path, first.config, json.loads(json.dumps(first.proof)))
    assert told == []


def test_stopped_while_it_merges_nothing_is_left_and_while_it_proves_the_model_is(
    tiny: Path, rows: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise StopRequested

    run, config = of_run(tiny, rows, adapter)
    with pytest.raises(StopRequested):
        merged(run, config, check=stop)
    assert not list(run.path.glob("merged*"))
    with monkeypatch.context() as patched:
        patched.setattr(merging, "prove", lambda *_: stop())
        with pytest.raises(StopRequested):
            merged(run, config)
    assert (run.path / "merged" / "model.safetensors").is_file()
    written = (run.path / "merged" / "model.safetensors").stat().st_mtime_ns
    got, _ = merged(run, config)
    assert got.proof["verdict"] == "proven"
    assert (got.path / "model.safetensors").stat().st_mtime_ns == written


def test_a_failed_proof_stops_the_run_and_keeps_everything(
    tiny: Path, rows: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.models.adapter.config import AdapterSettings

    run, config = of_run(tiny, rows, adapter)
    monkeypatch.setattr(AdapterSettings, "scaling", lambda self, module: 3.0)  # not what PEFT does
    with pytest.raises(ModelError, match="merge is not proven") as caught:
        merged(run, config)
    assert "Before rounding" in caught.value.message
    assert "continue" in caught.value.hint
    assert (run.path / "merged" / "model.safetensors").is_file()
    assert json.loads((run.path / "merged" / PROOF_FILE).read_text())["verdict"] == "failed"
    assert adapter.is_dir()


def test_a_merged_base_is_quantized_when_it_is_loaded_never_in_its_files(tiny: Path, rows: Path, adapter: Path) -> None:
    from engine.distributed.device import Placement
    from engine.models.card import read_card
    from engine.tokens.tokenizer import load_words

    run, config = of_run(tiny, rows, adapter)
    model = config.model.model_copy(update={"quantization": "nf4"})
    got, _ = merged(run, config.model_copy(update={"model": model}))
    card = read_card(got.path)
    assert (card.dtype, card.quantized) == ("float32", "")
    placement = Placement(torch.device("cpu"), torch.float32, "no")
    base = load_base(card, got.config.model, placement, False, load_words(card, got.config.model))
    assert base.model.model.layers[0].self_attn.q_proj.weight.dtype == torch.uint8
