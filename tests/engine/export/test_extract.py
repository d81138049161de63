"""A LoRA out of two models: exact where the change is of its rank, and what it leaves out is told as it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from engine.common.errors import ModelError
from engine.export.extract import Extracted, extract
from engine.export.low_rank import low_rank, of_product
from engine.models.adapter.card import read_adapter
from tests.codes import raises
from tests.engine.modeling.test_load_for_use import TOKENS, write_adapter
from tests.tiny import make_tiny_model


def tuned_by(tiny: Path, folder: Path, change: Any) -> Path:
    """A copy of the model whose weights ``change`` was let at."""
    shutil.copytree(tiny, folder)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    with torch.no_grad():
        change(model)
    model.save_pretrained(folder)
    return folder


def took(base: Path, tuned: Path, out: Path, rank: int = 4) -> Extracted:
    return extract(base, tuned, rank, out, str(base), lambda done, total: None)


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(TOKENS).logits
    return found


def test_a_merged_adapter_comes_out_again(tiny: Path, tmp_path: Path) -> None:
    adapter = write_adapter(tmp_path / "adapter", tiny, r=4)
    merged = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), adapter).merge_and_unload()
    expected = logits(merged.eval())
    tuned = tuned_by(tiny, tmp_path / "tuned", lambda model: model.load_state_dict(merged.state_dict()))
    made = took(tiny, tuned, tmp_path / "out")
    assert made.share == pytest.approx(1.0, abs=1e-6)
    assert all(layer.is_held for layer in made.layers)
    again = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny), tmp_path / "out").eval()
    assert torch.allclose(logits(again), expected, atol=1e-4)
    assert read_adapter(tmp_path / "out").targets == read_adapter(adapter).targets


def test_what_a_lora_can_not_hold_is_named_and_counts_as_lost(tiny: Path, tmp_path: Path) -> None:
    def change(model: Any) -> None:
        model.model.layers[0].self_attn.q_proj.weight[0] += 0.1
        model.model.norm.weight += 0.05
        model.model.embed_tokens.weight[7] += 0.3

    made = took(tiny, tuned_by(tiny, tmp_path / "tuned", change), tmp_path / "out")
    by_name = {layer.name: layer for layer in made.layers}
    assert {name for name, layer in by_name.items() if not layer.is_held} == {
        "model.norm.weight", "model.embed_tokens.weight"}  # fmt: skip
    held = by_name["model.layers.0.self_attn.q_proj.weight"]
    assert held.change == pytest.approx(64 * 0.01, rel=1e-4)
    total = 64 * 0.01 + 64 * 0.0025 + 64 * 0.09
    assert made.share == pytest.approx(held.change / total, rel=1e-3)
    config = json.loads((tmp_path / "out" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["model.layers.0.self_attn.q_proj"]  # the other layer has not changed


def test_the_share_of_a_full_change_is_that_of_its_singular_values(tiny: Path, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(3)

    def change(model: Any) -> None:
        weight = model.model.layers[1].mlp.up_proj.weight
        weight += torch.randn(weight.shape, generator=generator) * 0.02

    tuned = tuned_by(tiny, tmp_path / "tuned", change)
    made = took(tiny, tuned, tmp_path / "out", rank=8)
    before, after = (AutoModelForCausalLM.from_pretrained(folder).model.layers[1].mlp.up_proj.weight
                     for folder in (tiny, tuned))  # fmt: skip
    sizes = torch.linalg.svdvals((after - before).detach().double()) ** 2
    (layer,) = made.layers
    assert layer.share == pytest.approx(float(sizes[:8].sum() / sizes.sum()), rel=0.02)


def test_rows_of_new_tokens_are_named_and_the_tokenizer_stays_the_base_s(tiny: Path, tmp_path: Path) -> None:
    def change(model: Any) -> None:
        model.resize_token_embeddings(model.config.vocab_size + 8)
        model.model.layers[0].mlp.up_proj.weight[0] += 0.1

    made = took(tiny, tuned_by(tiny, tmp_path / "tuned", change), tmp_path / "out")
    assert made.fresh == ("model.embed_tokens.weight",)
    assert not made.brings_tokenizer
    assert not (tmp_path / "out" / "tokenizer.json").exists()


def test_models_that_do_not_belong_together_are_refused(tiny: Path, tmp_path: Path) -> None:
    with raises(ModelError, "extracting.no-change"):
        took(tiny, shutil.copytree(tiny, tmp_path / "same"), tmp_path / "out")
    norms = tuned_by(tiny, tmp_path / "norms", lambda model: model.model.norm.weight.add_(1))
    with raises(ModelError, "extracting.nothing-held"):
        took(tiny, norms, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    with raises(ModelError, "extracting.no-safetensors"):
        took(tiny, tmp_path / "empty", tmp_path / "out")


def test_factors_are_the_best_of_their_rank_and_the_rest_is_measured() -> None:
    generator = torch.Generator().manual_seed(0)
    matrix = torch.randn(200, 120, generator=generator) @ torch.diag(0.9 ** torch.arange(120.0))
    a, b, lost = low_rank(matrix, 10)
    sizes = torch.linalg.svdvals(matrix.double()) ** 2
    assert lost == pytest.approx(float(torch.linalg.vector_norm(matrix - b @ a)) ** 2, rel=1e-4)
    assert lost == pytest.approx(float(sizes[10:].sum()), rel=0.01)
    short_a, short_b, size, rest = of_product(a, b, 4)
    assert size == pytest.approx(float(torch.linalg.vector_norm(b @ a)) ** 2, rel=1e-4)
    assert rest == pytest.approx(float(torch.linalg.vector_norm(b @ a - short_b @ short_a)) ** 2, rel=1e-3)


def test_another_model_is_told_by_its_layers(tiny: Path, tmp_path: Path) -> None:
    other = make_tiny_model(tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    (tmp_path / "wide").mkdir()
    from transformers import LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**(config | {"intermediate_size": 96}))).save_pretrained(tmp_path / "wide")
    with raises(ModelError, "extracting.other-model"):
        took(tiny, tmp_path / "wide", tmp_path / "out")
