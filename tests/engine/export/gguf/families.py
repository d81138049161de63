"""Small models with random weights and a tokenizer that llama.cpp's converter knows, one for each family."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
import transformers

VOCABULARY = 320
_SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "tie_word_embeddings": False,
}  # fmt: skip
_GEMMA = {"head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 64}
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Mistral": {"head_dim": 16},
    "Qwen2": {},
    "Qwen3": {"head_dim": 16},
    "Gemma2": {**_GEMMA, "tie_word_embeddings": True},
    "Gemma3Text": {**_GEMMA, "tie_word_embeddings": True},
    "Phi3": {"pad_token_id": 0, "original_max_position_embeddings": 128},
}


def make(family: str, folder: Path) -> Path:
    """A model of ``family`` in ``folder``, its weights far enough from nothing that an error shows."""
    torch.manual_seed(7)
    name = family.removesuffix("Text")
    config = getattr(transformers, f"{family}Config")(**(_SIZES | FAMILIES[family]))
    kind = f"{name}ForCausalLM"
    model = getattr(transformers, kind)(config)
    for tensor in model.parameters():
        torch.nn.init.normal_(tensor, std=0.2) if tensor.dim() > 1 else torch.nn.init.normal_(tensor, 0.5, 0.1)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    """A sentencepiece tokenizer learnt from a few words, as Llama, Mistral, Gemma and Phi-3 bring one."""
    import sentencepiece

    written = io.BytesIO()
    words = [f"the {n} green tea in Lima costs {n * n} and is paid on day {n % 28}" for n in range(400)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words), model_writer=written, vocab_size=VOCABULARY, model_type="bpe",
        byte_fallback=True, hard_vocab_limit=False, minloglevel=2, pad_id=-1,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer", "add_bos_token": true}')
