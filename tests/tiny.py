"""A model folder for tests: a random Llama of about 100,000 weights with a real tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

CORPUS = (
    "Liam orders two bowls of tomato soup to Oslo, already paid.",
    'system user assistant {"name": "Mia", "item": "green tea", "qty": 3, "city": "Lima", "paid": false}',
    "The quick brown fox jumps over the lazy dog. What is the capital of France? It is Paris.",
    "Please write one short sentence about a house, a tree and the sea; then count 1 2 3 4 5 6 7 8 9 0.",
    "Give me the order as JSON. Three coffees for Noah in Cairo, not paid yet. Thank you, that will be all.",
)


def make_tiny_model(folder: Path, *, tie: bool = True, seed: int = 0, chat_template: bool = True) -> Path:
    """Write a random Llama-style model with its tokenizer to ``folder`` and return it.

    Hidden size 64, 2 layers, 4 query and 2 key/value heads, about 400 pieces, fp32 safetensors, 512 positions.
    The template is ChatML; the end token is ``<|im_end|>`` and the padding ``<|pad|>``, a token of its own.
    The same arguments give the same weights.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer(chat_template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=tie,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        initializer_range=0.08,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).to(torch.float32)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer(chat_template: bool) -> Any:
    """A byte-level BPE trained on a few sentences: every text can be written, and comes back unchanged."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|pad|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|pad|>", model_max_length=512
    )
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    if chat_template:
        tokenizer.chat_template = CHATML
    return tokenizer
