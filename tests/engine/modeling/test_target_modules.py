"""All-linear means every layer that can carry an adapter, and the hint of a refusal names others that can."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from engine.app.preflight_adapter import check_targets
from engine.common.errors import ConfigError
from engine.config.schema import AdapterSection, RunConfig
from engine.modeling.adapters import attach_adapter
from engine.models.card import read_card

SMALL: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 4,
    "pad_token_id": 0, "eos_token_id": 2, "bos_token_id": None,
}  # fmt: skip
MIXED: dict[str, dict[str, Any]] = {  # PEFT refuses out_proj of the first two only
    "FalconH1": {"mamba_d_ssm": 64},
    "Mamba2": {"num_heads": 8, "head_dim": 8, "state_size": 4, "n_groups": 1},
    "Bamba": {"attn_layer_indices": [1]},
    "Jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 9, "expert_layer_offset": 5,
              "use_mamba_kernels": False},
}  # fmt: skip


def made(folder: Path, family: str) -> Path:
    config = getattr(transformers, f"{family}Config")(**SMALL, **MIXED[family])
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(folder)
    return folder


def attached(folder: Path, targets: object) -> tuple[Any, list[str]]:
    base = SimpleNamespace(model=AutoModelForCausalLM.from_pretrained(folder), card=read_card(folder), told=[])
    values = {"model": {"name_or_path": "base"}, "data": [{"path": "rows"}], "adapter": {"target_modules": targets}}
    return attach_adapter(RunConfig.model_validate(values), base, "base"), base.told  # type: ignore[arg-type]


@pytest.mark.parametrize("family", MIXED)
def test_all_linear_leaves_out_what_kernels_read_past_an_adapter_and_says_so(tmp_path: Path, family: str) -> None:
    folder = made(tmp_path, family)
    model, told = attached(folder, "all-linear")
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    linears = [
        name for name, module in model.get_base_model().named_modules()
        if isinstance(module, torch.nn.Linear) and ".lora_" not in name and "lm_head" not in name
    ]  # fmt: skip
    assert trained
    assert not any("out_proj" in name for name in trained)
    for name in linears:
        wrapped = any(f"{name.removesuffix('.base_layer')}.lora_A" in each for each in trained)
        assert wrapped != name.endswith("out_proj"), name
    assert "out_proj" in told[0].args["first"]
    (note,) = check_targets(AdapterSection(), read_card(folder))
    assert (note.level, note.field) == ("note", "adapter.target_modules")
    assert "out_proj" in note.message


def test_naming_such_a_layer_is_an_error_at_the_check_with_a_cure(tmp_path: Path) -> None:
    card = read_card(made(tmp_path, "Bamba"))
    (error,) = check_targets(AdapterSection(target_modules=["q_proj", "out_proj"]), card)
    assert (error.level, error.fix) == ("error", "Take out_proj out of the list.")
    assert not list(check_targets(AdapterSection(target_modules=["q_proj"]), card))


@pytest.mark.parametrize("targets", [["query_key_value"], "qkv.*"])
def test_every_value_a_hint_names_works(tmp_path: Path, targets: object) -> None:
    folder = made(tmp_path, "FalconH1")
    with pytest.raises(ConfigError) as caught:
        attached(folder, targets)
    offered = [json.loads(text) for text in re.findall(r"target_modules = (\"[^\"]*\"|\[.*?\])", caught.value.hint)]
    assert len(offered) == 2
    for value in offered:
        attached(folder, value)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"]])
def test_parts_for_images_get_no_adapter_and_that_is_said(tmp_path: Path, targets: object) -> None:
    """Rows of text never pass them: their adapters would be trained on nothing and saved."""
    text = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16,
            "num_attention_heads": 2, "num_key_value_heads": 1, "pad_token_id": 0}  # fmt: skip
    sight = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
             "image_size": 28, "patch_size": 14}  # fmt: skip
    config = transformers.Gemma3Config(text_config=text, vision_config=sight, mm_tokens_per_image=4)
    transformers.Gemma3ForConditionalGeneration(config).save_pretrained(tmp_path)
    model, told = attached(tmp_path, targets)
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert all("language_model" in name for name in trained)
    assert (told[0].code, "model.vision_tower" in told[0].args["first"]) == ("events.left-out-senses", True)
    model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.parametrize("family", ["Mixtral", "Qwen3Moe", "Olmoe"])
def test_experts_that_get_an_adapter_unasked_are_said_and_the_hint_leaves_them_out(tmp_path: Path, family: str) -> None:
    """PEFT makes the update of all experts in each pass, whichever of them a token visits."""
    config = getattr(transformers, f"{family}Config")(
        **SMALL, num_local_experts=4, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
    )
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(tmp_path)
    (warned,) = check_targets(AdapterSection(), read_card(tmp_path))
    assert warned.level == "warning"
    assert "adapts 4 experts a layer as one tensor" in warned.message
    found = re.search(r"target_modules = (\[.*\])", warned.fix)
    assert found
    targets = json.loads(found[1])
    assert targets == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert not list(check_targets(AdapterSection(target_modules=targets), read_card(tmp_path)))
    everything, attention = (attached(tmp_path, chosen)[0] for chosen in ("all-linear", targets))
    assert any("experts" in name for name, weight in everything.named_parameters() if weight.requires_grad)
    assert not any("experts" in name for name, weight in attention.named_parameters() if weight.requires_grad)


def test_routers_that_give_more_than_a_product_get_no_adapter(tmp_path: Path) -> None:
    config = transformers.Llama4TextConfig(
        **SMALL, head_dim=16, intermediate_size_mlp=64, num_local_experts=2, attention_chunk_size=16
    )
    transformers.Llama4ForCausalLM(config).save_pretrained(tmp_path)
    model, told = attached(tmp_path, "all-linear")
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert not any("router" in name for name in trained)
    assert any("router" in each.args["first"] for each in told)
    model(input_ids=torch.arange(8)[None], labels=torch.arange(8)[None]).loss.backward()
