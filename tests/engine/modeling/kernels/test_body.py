"""A model's body is found where its class names one that it does not have."""

from __future__ import annotations

import torch
from transformers import Llama4Config, Llama4ForCausalLM, Llama4ForConditionalGeneration, Llama4TextConfig

from engine.modeling.kernels.head import PLAIN, body_of
from engine.modeling.kernels.proof import attention_fault, proved_head

TEXT = Llama4TextConfig(
    vocab_size=64, hidden_size=32, intermediate_size=32, intermediate_size_mlp=32, num_hidden_layers=2, head_dim=16,
    num_attention_heads=2, num_key_value_heads=2, num_local_experts=2, attention_chunk_size=16,
    max_position_embeddings=64, pad_token_id=0, initializer_range=0.1,
)  # fmt: skip


def test_the_text_model_of_llama_4_can_be_trained() -> None:
    torch.manual_seed(0)
    model = Llama4ForCausalLM(TEXT).eval()
    assert body_of(model) is model.model
    assert attention_fault(model) is None
    head, extra = proved_head(model)
    assert head is not None
    assert (head.form, head.own, extra) == (PLAIN, None, 0.0)


def test_so_can_the_one_beside_a_part_for_images() -> None:
    vision = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 64}
    model = Llama4ForConditionalGeneration(Llama4Config(text_config=TEXT.to_dict(), vision_config=vision))
    assert body_of(model) is model.language_model.model
