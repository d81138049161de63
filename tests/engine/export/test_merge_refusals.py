"""What can't be merged is refused before anything is written, with the reason; what comes along is recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import ModelError
from engine.export.merge.write import merge
from tests.codes import raises
from tests.engine.export.making import change_tensors, logits, make_adapter, names, save_as
from tests.tiny import make_tiny_model


def set_json(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def refusal(base: Path, adapter: Path, target: Path, **options: Any) -> ModelError:
    """The error, after making sure that nothing was made."""
    with pytest.raises(ModelError) as caught:
        merge(base, [(adapter, 1.0)], target, **options)
    assert not target.exists()
    assert not target.with_name(target.name + ".merging").exists()
    return caught.value


@pytest.mark.parametrize("method", ["gptq", "awq", "bitsandbytes"])
def test_quantized_weights_are_never_merged_into(tiny: Path, tmp_path: Path, method: str) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    set_json(base / "config.json", quantization_config={"quant_method": method, "bits": 4})
    error = refusal(base, make_adapter(tiny, tmp_path / "adapter"), tmp_path / "merged")
    assert error.code == "export.quantized-base"
    assert method in error.message
    assert "16-bit" in error.hint


def test_eight_bit_floats_are_no_place_to_merge_into_either(tiny: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    name = "model.layers.0.self_attn.q_proj.weight"
    tensors[name] = tensors[name].to(torch.float8_e4m3fn)
    save_file(tensors, base / "model.safetensors", {"format": "pt"})
    error = refusal(base, make_adapter(tiny, tmp_path / "adapter"), tmp_path / "merged")
    assert "F8_E4M3" in error.message


def rename(old: str, new: str) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors):
            tensors[name.replace(old, new)] = tensors.pop(name)

    return change


def test_an_adapter_for_another_architecture_is_refused(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    change_tensors(adapter, rename("self_attn.q_proj", "attention.query"))
    set_json(adapter / "adapter_config.json", target_modules="all-linear")
    error = refusal(tiny, adapter, tmp_path / "merged")
    assert error.code == "export.other-base"
    assert "attention.query" in error.message


def test_what_a_layer_of_the_model_can_not_hold_is_no_other_model(tiny: Path, tmp_path: Path) -> None:
    def add_bias(tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if name.endswith("lora_B.weight")]:
            tensors[name.replace("lora_B.weight", "lora_B.bias")] = torch.ones(len(tensors[name]))

    adapter = make_adapter(tiny, tmp_path / "adapter")
    change_tensors(adapter, add_bias)
    set_json(adapter / "adapter_config.json", lora_bias=True)
    error = refusal(tiny, adapter, tmp_path / "merged")
    assert error.code == "export.no-place-beside"
    assert "continue" in error.hint


def test_an_adapter_for_a_wider_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    def widen(tensors: dict[str, torch.Tensor]) -> None:
        for name, tensor in tensors.items():
            if "lora_A" in name:
                tensors[name] = torch.cat([tensor, tensor], 1)

    adapter = make_adapter(tiny, tmp_path / "adapter")
    change_tensors(adapter, widen)
    error = refusal(tiny, adapter, tmp_path / "merged")
    assert error.code == "export.other-shape"
    assert "64 x 128" in error.message


def test_a_norm_of_another_length_is_no_grown_vocabulary(tiny: Path, tmp_path: Path) -> None:
    def grow(tensors: dict[str, torch.Tensor]) -> None:
        for name in tensors:
            if "layernorm" in name:
                tensors[name] = torch.ones(65)

    adapter = make_adapter(tiny, tmp_path / "adapter", modules_to_save=["input_layernorm"])
    change_tensors(adapter, grow)
    assert refusal(tiny, adapter, tmp_path / "merged").code == "export.other-shape"


def test_a_base_that_changed_since_is_refused_unless_trusted(tiny: Path, tmp_path: Path) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    other = make_tiny_model(tmp_path / "other", seed=5)
    digest = hashlib.sha256((tiny / "model.safetensors").read_bytes()).hexdigest()
    record = {"base": {"name_or_path": str(other), "weights_sha256": {"model.safetensors": digest}}}
    (adapter / "tunedeck.json").write_text(json.dumps(record))
    error = refusal(other, adapter, tmp_path / "merged")
    assert "model.safetensors" in error.message
    assert merge(other, [(adapter, 1.0)], tmp_path / "merged", trust_base=True).changed == 2


def test_numbers_too_large_for_sixteen_bits_are_refused(tiny: Path, tmp_path: Path) -> None:
    base = save_as(tiny, tmp_path / "base", torch.float16)
    adapter = make_adapter(base, tmp_path / "adapter")
    change_tensors(adapter, lambda tensors: [tensor.mul_(1000) for tensor in tensors.values()])
    error = refusal(base, adapter, tmp_path / "merged")
    assert error.code == "export.not-finite"
    assert "q_proj" in error.message


def not_finite(adapter: Path) -> None:
    change_tensors(adapter, lambda tensors: next(iter(tensors.values())).fill_(float("nan")))


def pickled(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")


def prefix_tuning(adapter: Path) -> None:
    set_json(adapter / "adapter_config.json", peft_type="PREFIX_TUNING")


def loftq(adapter: Path) -> None:
    set_json(adapter / "adapter_config.json", init_lora_weights="loftq")


def wrong_rank(adapter: Path) -> None:
    set_json(adapter / "adapter_config.json", r=7)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_finite, "NaN or Inf"),
        (pickled, "run any code"),
        (prefix_tuning, "not a LoRA adapter"),
        (loftq, "init_lora_weights = loftq"),
        (wrong_rank, "rank"),
    ],
)
def test_adapters_that_can_not_be_merged_are_refused_in_words(
    tiny: Path, tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    adapter = make_adapter(tiny, tmp_path / "adapter")
    spoil(adapter)
    assert words in str(refusal(tiny, adapter, tmp_path / "merged"))


def test_vocabularies_of_two_sizes_are_not_added_up(tiny: Path, tmp_path: Path) -> None:
    grown = make_adapter(tiny, tmp_path / "grown", rows=410)
    with raises(ModelError, "export.vocabularies-differ"):
        merge(tiny, [(grown, 0.5)], tmp_path / "merged")


def test_tokenizer_template_and_settings_come_along_the_adapters_own_first(tiny: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny, tmp_path / "base")
    (base / "README.md").write_text("about the base")
    (base / "modeling_own.py").write_text("# code of the model")
    adapter = make_adapter(base, tmp_path / "adapter")
    plain = merge(base, [(adapter, 1.0)], tmp_path / "plain").path
    assert names(plain) == sorted(set(names(base)) - {"README.md"} | {"tunedeck.json"})
    assert (plain / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base / name, adapter)
    (adapter / "chat_template.jinja").write_text("{{ messages }}")
    trained = merge(base, [(adapter, 1.0)], tmp_path / "trained").path
    assert (trained / "chat_template.jinja").read_text() == "{{ messages }}"


def test_the_merged_folder_says_what_it_was_made_from(tiny: Path, tmp_path: Path) -> None:
    one, two = (make_adapter(tiny, tmp_path / f"a{seed}", seed=seed) for seed in (1, 2))
    merged = merge(tiny, [(one, 1.0), (two, 0.5)], tmp_path / "merged").path
    record = json.loads((merged / "tunedeck.json").read_text())
    assert record["kind"] == "merge"
    assert record["base"]["path"] == str(tiny)

    def digest(path: Path) -> str:
        return hashlib.sha256(path.read_bytes()).hexdigest()

    assert record["base"]["weights_sha256"] == {"model.safetensors": digest(tiny / "model.safetensors")}
    assert record["weights_sha256"] == {"model.safetensors": digest(merged / "model.safetensors")}
    assert [(a["path"], a["weight"]) for a in record["adapters"]] == [(str(one), 1.0), (str(two), 0.5)]
    assert record["adapters"][0]["sha256"] == digest(one / "adapter_model.safetensors")
    assert record["versions"]["peft"]


def test_a_base_whose_names_lack_the_leading_part_still_fits(tiny: Path, tmp_path: Path) -> None:
    """As models saved without their head are: layers.0… instead of model.layers.0…"""
    base = shutil.copytree(tiny, tmp_path / "base")
    tensors = load_file(base / "model.safetensors")
    save_file({name.removeprefix("model."): t for name, t in tensors.items()}, base / "model.safetensors")
    adapter = make_adapter(tiny, tmp_path / "adapter")
    expected = merge(tiny, [(adapter, 1.0)], tmp_path / "usual").path
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    changed = load_file(merged / "model.safetensors")
    usual = load_file(expected / "model.safetensors")
    assert all(torch.equal(changed[name.removeprefix("model.")], tensor) for name, tensor in usual.items())
    assert logits(expected).shape
