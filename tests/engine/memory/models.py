"""Shapes of well-known models, as their config.json says them."""

from __future__ import annotations

from engine.models.dims import from_config

LLAMA_3_8B = from_config(
    {"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
     "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256, "tie_word_embeddings": False},
    "Llama-3-8B",
)  # fmt: skip
LLAMA_3_2_1B = from_config(
    {"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
     "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
     "tie_word_embeddings": True},
    "Llama-3.2-1B",
)  # fmt: skip
MISTRAL_7B = from_config(
    {"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
     "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000},
    "Mistral-7B",
)  # fmt: skip
SMOLLM2_135M = from_config(
    {"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
     "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152, "tie_word_embeddings": True},
    "SmolLM2-135M",
)  # fmt: skip
GEMMA_2_2B = from_config(
    {"model_type": "gemma2", "hidden_size": 2304, "num_hidden_layers": 26, "num_attention_heads": 8,
     "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 9216, "vocab_size": 256000,
     "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0},
    "Gemma-2-2B",
)  # fmt: skip
QWEN3_30B_A3B = from_config(
    {"model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "num_attention_heads": 32,
     "num_key_value_heads": 4, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 151936, "num_experts": 128,
     "num_experts_per_tok": 8, "moe_intermediate_size": 768, "tie_word_embeddings": False},
    "Qwen3-30B-A3B",
)  # fmt: skip
