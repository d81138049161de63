"""What is said of an adapter's names is what PEFT does with them, and reading, merging and continuing agree on it."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine.common.errors import ModelError
from engine.config.presets import Layer, resolve
from engine.config.schema import RunConfig
from engine.export.merge.write import merge
from engine.export.proof.prove import prove
from engine.modeling.adapters import attach_adapter, put_on
from engine.models.adapter.adopt import adopt
from engine.models.adapter.card import read_adapter
from engine.models.adapter.tensors import passed_over
from engine.models.card import read_card
from tests.codes import raises

IDS = torch.tensor([[5, 9, 14, 30, 7, 21]])
Rename = Callable[[str], str]
KINDS: dict[str, dict[str, Any]] = {
    "lora": {},
    "dora": {"use_dora": True},
    "a head trained whole": {"modules_to_save": ["lm_head"]},
    "lora on the input table": {"target_modules": ["q_proj", "embed_tokens"]},
    "some tokens' rows": {"trainable_token_indices": [1, 2]},
    "ranks by pattern": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 3}},
}


def named(name: str) -> Rename:
    """As ``state_dict`` spells it: with the adapter's name after each part of it."""

    def rename(key: str) -> str:
        key = re.sub(r"(lora_[AB])\.(weight|bias)$", rf"\1.{name}.\2", key)
        key = re.sub(r"(lora_magnitude_vector)$", rf"\1.{name}.weight", key)
        key = re.sub(r"(lora_embedding_[AB]|trainable_tokens_delta)$", rf"\1.{name}", key)
        return key.replace("lm_head.weight", f"lm_head.modules_to_save.{name}.weight")

    return rename


NAMINGS: dict[str, Rename] = {
    "as PEFT saves them": lambda key: key,
    "with the name default": named("default"),
    "with another name": named("mine"),
    "compiled": lambda key: f"_orig_mod.{key}",
    "compiled inside": lambda key: key.replace("base_model.model.", "base_model.model._orig_mod.", 1),
    "without a prefix": lambda key: key.removeprefix("base_model.model."),
    "with two prefixes": lambda key: f"base_model.model.{key}",
    "of a parallel wrapper": lambda key: f"module.{key}",
    "of a sharded wrapper": lambda key: key.replace("layers.0.", "layers.0._fsdp_wrapped_module."),
}


@pytest.fixture(scope="module")
def adapters(untied: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: made(untied, tmp_path_factory.mktemp("adapter"), **settings) for kind, settings in KINDS.items()}


def made(base: Path, folder: Path, **settings: Any) -> Path:
    settings = {"task_type": "CAUSAL_LM", "r": 4, "target_modules": ["q_proj", "v_proj"]} | settings
    torch.manual_seed(1)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(**settings))
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


def renamed(adapter: Path, folder: Path, rename: Rename) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_bytes((adapter / "adapter_config.json").read_bytes())
    tensors = {rename(name): tensor for name, tensor in load_file(adapter / "adapter_model.safetensors").items()}
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    return folder


def by_peft(base: Path, adapter: Path) -> torch.Tensor | None:
    """PEFT's own answer; None where it raises."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(adapter))
        except (KeyError, RuntimeError):
            return None
        return model(IDS).logits  # type: ignore[no-any-return]


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_names_are_refused_exactly_where_peft_would_not_load_them_and_the_hint_mends_it(
    untied: Path, adapters: dict[str, Path], tmp_path: Path, kind: str, naming: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = by_peft(untied, adapters[kind])
    assert right is not None
    folder = renamed(adapters[kind], tmp_path / "adapter", NAMINGS[naming])
    found = by_peft(untied, folder)
    loads_all = found is not None and torch.equal(found, right)
    assert (passed_over(load_file(folder / "adapter_model.safetensors")) is None) == loads_all
    if loads_all:
        read_adapter(folder)
        return
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match="PEFT would not load this adapter") as caught:
        read_adapter(folder)
    apply(caught.value.hint)
    if passed_over(load_file("adapter_model.safetensors")):  # two faults in one file
        with pytest.raises(ModelError) as caught:
            read_adapter(folder)
        apply(caught.value.hint)
    read_adapter(folder)
    mended = by_peft(untied, folder)
    assert mended is not None
    assert torch.equal(mended, right)


def apply(hint: str) -> None:
    """Run the command a hint gives, here."""
    code = re.search(r'python -c "(.*)"$', hint)
    assert code is not None
    exec(code[1], {})


@pytest.mark.parametrize("kind", ["lora", "dora", "lora on the input table"])
def test_the_name_default_is_read_merged_and_continued_like_none(
    untied: Path, adapters: dict[str, Path], tmp_path: Path, home: Path, kind: str
) -> None:
    folder = renamed(adapters[kind], tmp_path / "adapter", named("default"))
    right = by_peft(untied, adapters[kind])
    merged = merge(untied, [(folder, 1.0)], tmp_path / "merged", trust_base=True).path
    with torch.no_grad():
        torch.testing.assert_close(AutoModelForCausalLM.from_pretrained(merged)(IDS).logits, right)
        torch.testing.assert_close(continued(untied, folder)(IDS).logits, right)
        other = put_on(AutoModelForCausalLM.from_pretrained(untied), folder, "another")
        torch.testing.assert_close(other(IDS).logits, right)


def continued(base: Path, adapter: Path) -> Any:
    values: dict[str, Any] = {"model": {"name_or_path": str(base)}, "data": [{"path": "x"}]}
    values["strategy"] = {"kind": "continue", "adapter": str(adapter), "trust_base": True}
    config: RunConfig = adopt(resolve([Layer("file", values)])).config
    loaded = SimpleNamespace(model=AutoModelForCausalLM.from_pretrained(base), card=read_card(base), told=[])
    return attach_adapter(config, loaded, "base")  # type: ignore[arg-type]


@pytest.mark.parametrize("targets", [["q_proj"], r".*\.q_proj", ["layers.0.self_attn.q_proj", "v_proj"]])
def test_tensors_of_layers_that_the_config_does_not_name_are_passed_over_and_said(
    untied: Path, adapters: dict[str, Path], tmp_path: Path, targets: object
) -> None:
    folder = renamed(adapters["lora"], tmp_path / "adapter", lambda key: key)
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(config | {"target_modules": targets}))
    found, right = by_peft(untied, folder), by_peft(untied, adapters["lora"])
    assert found is not None
    assert right is not None
    assert not torch.equal(found, right)
    with pytest.raises(ModelError, match="PEFT would not load this adapter") as caught:
        read_adapter(folder)
    leaf = re.search(r'Add "(\w+)" to target_modules', caught.value.hint)
    assert leaf is not None
    if isinstance(targets, list):
        mended = config | {"target_modules": [*targets, leaf[1]]}
        (folder / "adapter_config.json").write_text(json.dumps(mended))
        read_adapter(folder)
        mended_answer = by_peft(untied, folder)
        assert mended_answer is not None
        assert torch.equal(mended_answer, right)


def test_an_adapter_that_lacks_a_layer_is_not_continued_with_a_new_one_but_merged(
    untied: Path, adapters: dict[str, Path], tmp_path: Path, home: Path
) -> None:
    folder = renamed(adapters["lora"], tmp_path / "adapter", lambda key: key)
    file = folder / "adapter_model.safetensors"
    save_file(
        {k: t.clone() for k, t in load_file(file).items() if "1.self_attn.v_proj" not in k}, file, {"format": "pt"}
    )
    with pytest.raises(ModelError, match="incomplete") as caught:
        continued(untied, folder)
    assert "layers.1.self_attn.v_proj" in caught.value.message
    assert 'strategy.kind = "merge"' in caught.value.hint
    merged = merge(untied, [(folder, 1.0)], tmp_path / "merged", trust_base=True).path
    assert prove(untied, [(folder, 1.0)], merged, IDS.tolist()).verdict == "proven"


def test_tensors_without_content_are_those_of_a_sharded_save(adapters: dict[str, Path], tmp_path: Path) -> None:
    folder = renamed(adapters["lora"], tmp_path / "adapter", lambda key: key)
    file = folder / "adapter_model.safetensors"
    save_file({name: torch.zeros(0) for name in load_file(file)}, file, {"format": "pt"})
    with raises(ModelError, "adapter.empty-tensors") as caught:
        read_adapter(folder)
    assert "lora_A.weight of shape [0]" in caught.value.message
    assert "ZeRO-3" in caught.value.hint


def test_layers_peft_would_not_find_are_no_silence(untied: Path, adapters: dict[str, Path], tmp_path: Path) -> None:
    folder = renamed(
        adapters["lora"], tmp_path / "adapter", lambda key: key.replace("model.layers.", "model.text.layers.")
    )
    with pytest.raises(ModelError, match="does not fit this base model"):
        put_on(AutoModelForCausalLM.from_pretrained(untied), folder)


@pytest.mark.parametrize("saved_whole", [["lm_head", "embed_tokens"], []])
def test_a_grown_vocabulary_is_merged_and_where_it_is_continued_the_hint_says_so(
    untied: Path, tmp_path: Path, home: Path, saved_whole: list[str]
) -> None:
    """PEFT stores some modules up to three times: the original, the trained, and the trained by its own name."""
    model = AutoModelForCausalLM.from_pretrained(untied)
    rows = model.config.vocab_size + 8
    model.resize_token_embeddings(rows)
    settings = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj"], modules_to_save=saved_whole or None)
    adapted = get_peft_model(model, settings)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    folder = tmp_path / "adapter"
    adapted.save_pretrained(folder, save_embedding_layers=True)
    with torch.no_grad():
        right = adapted.eval()(IDS).logits
        merged = merge(untied, [(folder, 1.0)], tmp_path / "merged", trust_base=True).path
        torch.testing.assert_close(AutoModelForCausalLM.from_pretrained(merged)(IDS).logits, right)
    with pytest.raises(ModelError, match="tokens were added") as caught:
        continued(untied, folder)
    assert 'strategy.kind = "merge"' in caught.value.hint
