"""A merged model computes what base and adapter computed together, whatever kind of LoRA it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.export.merge.write import Merged, merge
from tests.engine.export.making import (
    IDS,
    adapted_logits,
    load_adapted,
    logits,
    make_adapter,
    names,
    save_as,
    save_sharded,
    weights,
)

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True, "target_modules": ["q_proj", "down_proj"]},
    "all-linear": {"target_modules": "all-linear"},
    "ranks and alphas by pattern": {
        "target_modules": "all-linear",
        "rank_pattern": {"q_proj": 2, r"layers\.1\.mlp\.up_proj": 6},
        "alpha_pattern": {"o_proj": 3},
        "use_rslora": True,
    },
    "a head trained whole": {"modules_to_save": ["lm_head"]},
    "an input table trained whole": {"modules_to_save": ["embed_tokens"]},
    "table and head trained whole, together": {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
    "norms trained whole": {"modules_to_save": ["input_layernorm"]},
    "lora on the input table": {"target_modules": ["q_proj", "embed_tokens"]},
    "lora on table and head, together": {"target_modules": ["embed_tokens"], "ensure_weight_tying": True},
    "lora on the head": {"target_modules": ["q_proj", "lm_head"]},
    "dora on the input table": {"target_modules": ["embed_tokens"], "use_dora": True},
    "some tokens' rows": {"trainable_token_indices": [1, 2, 350]},
    "some tokens' rows, and lora on the head": {
        "trainable_token_indices": [1, 2, 350],
        "target_modules": ["q_proj", "lm_head"],
    },
    "pissa": {"init_lora_weights": "pissa"},
    "olora": {"init_lora_weights": "olora", "target_modules": ["q_proj", "down_proj"]},
}


@pytest.mark.parametrize("head", ["tied", "untied"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_merged_model_computes_what_base_and_adapter_did(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, head: str
) -> None:
    base: Path = request.getfixturevalue({"tied": "tiny", "untied": "untied"}[head])
    adapter = make_adapter(base, tmp_path / "adapter", **KINDS[kind])
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged")
    expected = adapted_logits(base, adapter)
    assert (expected - logits(base)).abs().max() > 0.01
    torch.testing.assert_close(logits(merged.path), expected, rtol=0, atol=2e-5)


def test_it_holds_the_weights_peft_itself_would_merge_to(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter", target_modules="all-linear", use_dora=True)
    ours = weights(merge(tiny, [(adapter, 1.0)], tmp_path / "merged").path)
    theirs = load_adapted(tiny, adapter).merge_and_unload().state_dict()
    assert ours.keys() == theirs.keys() - {"lm_head.weight"}
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=1e-6, atol=1e-6)


def test_sixteen_bit_weights_are_the_float32_merge_rounded_once(tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    adapter = make_adapter(base, tmp_path / "adapter", target_modules="all-linear")
    ours = weights(merge(base, [(adapter, 1.0)], tmp_path / "merged").path)
    exact = load_adapted(base, adapter).merge_and_unload().state_dict()
    for name, tensor in ours.items():
        assert tensor.dtype == torch.bfloat16
        apart = tensor.float() - exact[name].bfloat16().float()
        # A float32 sum in another order may fall on the other side of a rounding edge, once in thousands.
        assert (apart != 0).float().mean() < 0.002
        torch.testing.assert_close(tensor.float(), exact[name], rtol=2**-8, atol=1e-6)


def test_the_result_can_be_kept_in_float32(tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.bfloat16)
    adapter = make_adapter(base, tmp_path / "adapter", use_rslora=True)
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged", dtype="float32")
    assert {tensor.dtype for tensor in weights(merged.path).values()} == {torch.float32}
    assert json.loads((merged.path / "config.json").read_text())["dtype"] == "float32"
    torch.testing.assert_close(logits(merged.path), adapted_logits(base, adapter), rtol=0, atol=2e-5)


def test_several_adapters_add_up_with_their_weights(tiny: Path, tmp_path: Path) -> None:
    one = make_adapter(tiny, tmp_path / "one", seed=1)
    two = make_adapter(tiny, tmp_path / "two", seed=2, r=2, use_rslora=True, target_modules=["q_proj", "v_proj"])
    merged = merge(tiny, [(one, 0.7), (two, -0.4)], tmp_path / "merged")
    model = load_adapted(tiny, one)
    model.load_adapter(two, "two")
    model.add_weighted_adapter(["default", "two"], [0.7, -0.4], "both", combination_type="cat")
    model.set_adapter("both")
    with torch.no_grad():
        expected = model(input_ids=IDS).logits
    torch.testing.assert_close(logits(merged.path), expected, rtol=0, atol=2e-5)


def test_half_of_a_dora_is_half_of_what_it_changes(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter", use_dora=True, modules_to_save=["input_layernorm"])
    whole = weights(merge(tiny, [(adapter, 1.0)], tmp_path / "whole").path)
    half = weights(merge(tiny, [(adapter, 0.5)], tmp_path / "half").path)
    for name, tensor in weights(tiny).items():
        torch.testing.assert_close(half[name], (tensor + whole[name]) / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("head", ["tiny", "untied"])
def test_a_vocabulary_that_has_grown_stays_grown(request: pytest.FixtureRequest, tmp_path: Path, head: str) -> None:
    base: Path = request.getfixturevalue(head)
    adapter = make_adapter(base, tmp_path / "adapter", rows=410)
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged")
    config = json.loads((merged.path / "config.json").read_text())
    assert config["vocab_size"] == 410
    assert config["tie_word_embeddings"] is (head == "tiny")
    assert logits(merged.path).shape[-1] == 410
    torch.testing.assert_close(logits(merged.path), adapted_logits(base, adapter, rows=410), rtol=0, atol=2e-5)


def test_new_tokens_trained_row_by_row_come_along(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter", rows=402, trainable_token_indices=[2, 400, 401])
    merged = merge(tiny, [(adapter, 1.0)], tmp_path / "merged")
    torch.testing.assert_close(logits(merged.path), adapted_logits(tiny, adapter, rows=402), rtol=0, atol=2e-5)


def test_a_head_that_was_trained_apart_is_untied_and_a_shared_one_is_not(tiny: Path, tmp_path: Path) -> None:
    def tied(name: str, **settings: Any) -> bool:
        adapter = make_adapter(tiny, tmp_path / name, **settings)
        merged = merge(tiny, [(adapter, 1.0)], tmp_path / f"{name}-merged").path
        assert ("lm_head.weight" in weights(merged)) is not json.loads((merged / "config.json").read_text())[
            "tie_word_embeddings"
        ]
        return bool(json.loads((merged / "config.json").read_text())["tie_word_embeddings"])

    assert tied("plain")
    assert tied("tokens", trainable_token_indices=[1, 2])
    assert tied("together", modules_to_save=["embed_tokens"], ensure_weight_tying=True)
    assert not tied("apart", modules_to_save=["lm_head"])


def test_a_head_stored_beside_a_config_that_ties_it_is_kept_and_the_config_says_so(
    untied: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(untied, tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}))
    adapter = make_adapter(base, tmp_path / "adapter")
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    assert json.loads((merged / "config.json").read_text())["tie_word_embeddings"] is False
    torch.testing.assert_close(logits(merged), adapted_logits(base, adapter), rtol=0, atol=1e-5)


def test_shards_stay_shards_with_a_list_of_them(untied: Path, tmp_path: Path) -> None:
    base = save_sharded(untied, tmp_path / "base")
    files = [name for name in names(base) if name.endswith(".safetensors")]
    assert len(files) > 2
    adapter = make_adapter(base, tmp_path / "adapter", target_modules="all-linear", modules_to_save=["lm_head"])
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged")
    assert [name for name in names(merged.path) if name.endswith(".safetensors")] == files
    index = json.loads((merged.path / "model.safetensors.index.json").read_text())
    assert index["weight_map"] == json.loads((base / "model.safetensors.index.json").read_text())["weight_map"]
    assert index["metadata"]["total_size"] == sum(t.nbytes for t in weights(merged.path).values()) == merged.size_bytes
    torch.testing.assert_close(logits(merged.path), adapted_logits(base, adapter), rtol=0, atol=2e-5)


def test_progress_counts_up_to_its_total(tiny: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    merged = merge(tiny, [(make_adapter(tiny, tmp_path / "a"), 1.0)], tmp_path / "m", lambda d, t: told.append((d, t)))
    assert told == sorted(told)
    assert told[0][0] == 0
    assert told[-1] == (told[0][1], told[0][1])
    assert isinstance(merged, Merged)
    assert (merged.tensors, merged.changed) == (len(weights(tiny)), 2)
