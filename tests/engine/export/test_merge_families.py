"""Other architectures than Llama's: fused and transposed matrices, biases, scaled embeddings, experts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    MixtralConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
)

from engine.errors import ModelError
from engine.export.merge import merge
from engine.export.proof import prove
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
    "mixtral, attention of an expert model": (
        MixtralConfig(**SMALL, num_local_experts=2),
        {"target_modules": ["q_proj", "o_proj"]},
    ),
}


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
    assert proof.verdict == "proven", proof.sentences()


def test_adapters_inside_fused_experts_are_refused(tmp_path: Path) -> None:
    base = made(MixtralConfig(**SMALL, num_local_experts=2), tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "adapter", target_modules=[], target_parameters=["experts.gate_up_proj"])
    with pytest.raises(ModelError, match="target_parameters"):
        merge(base, [(adapter, 1.0)], tmp_path / "merged")
