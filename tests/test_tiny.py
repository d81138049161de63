"""The tests' own model is what it promises to be."""

from __future__ import annotations

from pathlib import Path

from engine.models.card import read_card
from tests.tiny import make_tiny_model


def test_the_tiny_model_is_a_whole_model(tmp_path: Path) -> None:
    card = read_card(make_tiny_model(tmp_path / "tiny"))
    assert (card.num_layers, card.num_heads, card.num_kv_heads, card.kind) == (2, 4, 2, "chat")
    assert (card.eos_tokens, card.pad_token) == (("<|im_end|>",), "<|pad|>")


def test_every_text_comes_back_from_its_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_model(tmp_path / "tiny"))
    text = "<|im_start|>user\nhéllo  日本\n\n 12<|im_end|>\n"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert ids.count(tokenizer.eos_token_id) == 1


def test_the_seed_decides_the_weights_and_options_the_rest(tmp_path: Path) -> None:
    def weights(name: str, **options: object) -> bytes:
        return (make_tiny_model(tmp_path / name, **options) / "model.safetensors").read_bytes()  # type: ignore[arg-type]

    assert weights("a") == weights("b")
    assert weights("a") != weights("c", seed=1)
    untied = make_tiny_model(tmp_path / "d", tie=False, chat_template=False)
    assert not read_card(untied).tie_word_embeddings
    assert read_card(untied).kind == "base"
