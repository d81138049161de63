"""Other architectures than Llama's: fused and transposed matrices, biases, scaled embeddings, experts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    Gemma3Config,
    Gemma3TextConfig,
    GPT2Config,
    GptOssConfig,
    MixtralConfig,
    OlmoeConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
)

from engine.common.errors import ModelError
from engine.export.merge.write import merge
from engine.export.proof.prove import prove
from engine.modeling.adapters import put_on
from engine.models.adapter.card import read_adapter
from engine.models.adapter.match import match
from engine.models.card import read_card
from tests.engine.export.making import IDS, adapted_logits, logits, make_adapter

SMALL: dict[str, Any] = {
    "vocab_size": 400, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "pad_token_id": 0,
}  # fmt: skip
FAMILIES: dict[str, tuple[PreTrainedConfig, dict[str, Any]]] = {
    "phi3, fused projections": (Phi3Config(**SMALL), {"target_modules": ["qkv_proj", "gate_up_proj"]}),
    "qwen2, its biases trained": (Qwen2Config(**SMALL), {"bias": "all"}),
    "qwen2, a bias in the adapter": (Qwen2Config(**SMALL), {"lora_bias": True, "use_rslora": True}),
    "gpt2, transposed": (
        GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4),
        {"target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True},
    ),
    "gpt2, transposed dora": (
        GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4),
        {"target_modules": ["c_attn"], "fan_in_fan_out": True, "use_dora": True},
    ),
    "gpt2, transposed pissa": (
        GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=4),
        {"target_modules": ["c_fc"], "fan_in_fan_out": True, "init_lora_weights": "pissa"},
    ),
    "gemma3, scaled embeddings": (
        Gemma3TextConfig(**SMALL, head_dim=8, sliding_window=16),
        {"target_modules": ["q_proj", "embed_tokens"]},
    ),
    "gemma3 that also sees, its file names its parts in another order": (
        Gemma3Config(
            text_config=SMALL | {"head_dim": 8, "sliding_window": 16},
            vision_config={"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
                           "num_attention_heads": 2, "image_size": 16, "patch_size": 8},
            mm_tokens_per_image=4,
        ),
        {"target_modules": r".*language_model.*(q_proj|down_proj)"},
    ),
    "mixtral, attention of an expert model": (
        MixtralConfig(**SMALL, num_local_experts=2),
        {"target_modules": ["q_proj", "o_proj"]},
    ),
}  # fmt: skip


def made(config: PreTrainedConfig, folder: Path) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config)
        for parameter in model.parameters():
            parameter.data = 0.1 * torch.randn_like(parameter)
        model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_other_families_merge_and_are_proven(tmp_path: Path, family: str) -> None:
    config, settings = FAMILIES[family]
    base = made(config, tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", **settings)
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    torch.testing.assert_close(logits(merged), adapted_logits(base, adapter), rtol=0, atol=1e-4)
    proof = prove(base, [(adapter, 1.0)], merged, IDS.tolist())
    assert proof.verdict == "proven", proof.told()


MOE: dict[str, Any] = SMALL | {"num_experts_per_tok": 2, "moe_intermediate_size": 24, "head_dim": 8}
EXPERTS: dict[str, tuple[PreTrainedConfig, dict[str, Any]]] = {
    "mixtral, all-linear": (MixtralConfig(**MOE, num_local_experts=4), {"target_modules": "all-linear"}),
    "mixtral, gate and up": (
        MixtralConfig(**MOE, num_local_experts=3),
        {"target_modules": ["q_proj"], "target_parameters": ["experts.gate_up_proj"], "use_rslora": True},
    ),
    "mixtral, the router": (MixtralConfig(**MOE, num_local_experts=2), {"target_parameters": ["mlp.gate.weight"]}),
    "qwen2 moe, all-linear": (
        Qwen2MoeConfig(**MOE, num_experts=4, shared_expert_intermediate_size=16),
        {"target_modules": "all-linear"},
    ),
    "olmoe, all-linear": (OlmoeConfig(**MOE, num_experts=4), {"target_modules": "all-linear"}),
    "qwen3 moe, down with a rank of its own": (
        Qwen3MoeConfig(**MOE, num_experts=4),
        {"target_modules": [], "target_parameters": ["experts.down_proj", "experts.gate_up_proj"],
         "rank_pattern": {"experts.down_proj": 2}, "alpha_pattern": {"experts.down_proj": 5}},
    ),
    "gpt oss, stored fused and the other way round": (
        GptOssConfig(**MOE, num_local_experts=4, layer_types=["full_attention"] * 2),
        {"target_modules": ["q_proj"], "target_parameters": ["experts.gate_up_proj", "experts.down_proj"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("family", EXPERTS)
def test_adapters_inside_experts_are_read_merged_proven_and_put_on_again(
    tmp_path: Path, home: Path, family: str
) -> None:
    config, settings = EXPERTS[family]
    base = made(config, tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", **settings)
    found = match(read_adapter(adapter), read_card(base), str(base))
    assert found.level == "ok", [reason.text for reason in found.reasons]
    right = adapted_logits(base, adapter)
    merged = merge(base, [(adapter, 1.0)], tmp_path / "merged").path
    torch.testing.assert_close(logits(merged), right, rtol=0, atol=1e-4)
    assert (right - logits(base)).abs().max() > 20 * (right - logits(merged)).abs().max()
    proof = prove(base, [(adapter, 1.0)], merged, IDS.tolist())
    assert proof.verdict == "proven", proof.told()
    with torch.no_grad():
        again = put_on(AutoModelForCausalLM.from_pretrained(base).eval(), adapter, "default", trainable=True)
        torch.testing.assert_close(again(input_ids=IDS).logits, right)


def test_an_adapter_from_when_experts_were_layers_of_their_own_is_merged_as_peft_converts_it(
    tmp_path: Path, home: Path
) -> None:
    base = made(MixtralConfig(**MOE, num_local_experts=2), tmp_path / "base")
    torch.manual_seed(0)
    tensors = {}
    for name, tensor in load_file(base / "model.safetensors").items():
        if ".experts." in name:
            module = f"base_model.model.{name.removesuffix('.weight')}"
            tensors[f"{module}.lora_A.weight"] = 0.3 * torch.randn(4, tensor.shape[1])
            tensors[f"{module}.lora_B.weight"] = 0.3 * torch.randn(tensor.shape[0], 4)
    folder = tmp_path / "adapter"
    LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["w1", "w2", "w3"]).save_pretrained(folder)
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    assert match(read_adapter(folder), read_card(base)).refusals(trust_base=True) == ()
    merged = merge(base, [(folder, 1.0)], tmp_path / "merged", trust_base=True).path
    proof = prove(base, [(folder, 1.0)], merged, IDS.tolist())
    assert proof.verdict == "proven", proof.told()
    assert proof.effect is not None
    assert proof.exact is not None
    assert proof.effect.max_logit > 100 * proof.exact.max_logit


def test_an_adapter_of_other_experts_is_refused_with_their_shapes(tmp_path: Path) -> None:
    target = {"target_modules": [], "target_parameters": ["experts.down_proj"]}
    adapter = make_adapter(made(MixtralConfig(**MOE, num_local_experts=2), tmp_path / "two"), tmp_path / "a", **target)
    wider = MixtralConfig(**MOE | {"intermediate_size": 96}, num_local_experts=2)
    with pytest.raises(ModelError, match="does not fit"):
        merge(made(wider, tmp_path / "wider"), [(adapter, 1.0)], tmp_path / "merged", trust_base=True)
