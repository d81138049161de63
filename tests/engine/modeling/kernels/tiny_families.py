"""Tiny random models of many families, with what is peculiar to each switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

VOCABULARY = 211
_ENDS = {"vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_USUAL = {
    "hidden_size": 32, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 64,
}  # fmt: skip
_GROUPED = _USUAL | {"num_key_value_heads": 2}
_OLD = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
_MAMBA = {"mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 8}
_LATENT = {
    "kv_lora_rank": 16, "q_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 4,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "n_group": 1, "topk_group": 1,
    "first_k_dense_replace": 1, "num_key_value_heads": 4,
}  # fmt: skip

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _GROUPED,
    "gpt2": _OLD,
    "gpt_neox": _USUAL,
    "opt": _USUAL | {"ffn_dim": 40, "word_embed_proj_dim": 32},
    "phi": _USUAL,
    "stablelm": _GROUPED,
    "gemma3_text": _GROUPED | {"head_dim": 8, "final_logit_softcapping": 3.0, "sliding_window": 16},
    "cohere2": _GROUPED | {"sliding_window": 16},
    "mixtral": _GROUPED | {"num_local_experts": 4},
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    # no fused attention
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "codegen": _OLD | {"rotary_dim": 4},
    "gptj": _OLD | {"rotary_dim": 4},
    "gpt_neo": {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64},
    "gpt_oss": _GROUPED | {"head_dim": 8, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 16},
    "gemma2": _GROUPED | {"head_dim": 8, "attn_logit_softcapping": 2.0, "sliding_window": 16},
    # a factor or a cap on the logits
    "falcon_h1": _GROUPED | _MAMBA | {"head_dim": 8, "lm_head_multiplier": 0.039},
    "recurrent_gemma": _GROUPED | {"lru_width": 32, "attention_window_size": 16, "logits_soft_cap": 3.0},
    "hyperclovax": _GROUPED | {"logits_scaling": 4.0},
    "granite": _GROUPED | {"logits_scaling": 4.0},
    "cohere": _GROUPED,
    # our kernel does not fit, transformers' does
    "doge": _GROUPED,
    "deepseek_v32": _USUAL | _LATENT | {"index_topk": 6, "index_n_heads": 2, "index_head_dim": 16},
    "deepseek_v3": _USUAL | _LATENT,
}
"""What differs from a family's own config. ``deepseek_v3`` has values narrower than keys."""


def config_of(family: str, **settings: Any) -> Any:
    from transformers import CONFIG_MAPPING

    return CONFIG_MAPPING[family](**(_ENDS | FAMILIES.get(family, _USUAL) | settings))


def model_of(family: str, attention: str = "eager", dtype: torch.dtype = torch.float32, **settings: Any) -> Any:
    """A frozen model whose weights are larger than they begin with: what goes wrong shall be seen."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config_of(family, **settings), attn_implementation=attention)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.1)
    return model.to(dtype).requires_grad_(False).eval()


def write_family(family: str, folder: Path, tiny: Path, **settings: Any) -> Path:
    """A model of ``family`` in ``folder``, with the tokenizer of the tiny model."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    ends = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    ends |= {"bos_token_id": None, "pad_token_id": tokenizer.pad_token_id}
    model_of(family, **(ends | settings)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
