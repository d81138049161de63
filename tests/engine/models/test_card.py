"""A model folder is described from its JSON and headers alone; a faulty one says what is wrong with it."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.common.errors import ModelError
from engine.models.card import read_card
from engine.models.weights import read_header
from tests.engine.models.folders import CONFIG, WEIGHTS, MakeModel, safetensors


def refused(folder: Path, **options: bool) -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_card(folder, **options)
    assert caught.value.hint, "an error must say what to do"
    return caught.value


def test_the_card_holds_what_config_and_header_say(make_model: MakeModel) -> None:
    card = read_card(make_model())
    assert (card.hidden_size, card.num_layers, card.num_heads, card.num_kv_heads, card.head_dim) == (8, 2, 4, 2, 2)
    assert (card.vocab_size, card.max_position_embeddings) == (10, 32)
    assert (card.parameters, card.weight_bytes, card.dtype) == (88, 176, "bfloat16")
    assert (card.model_type, card.architecture) == ("llama", "LlamaForCausalLM")
    assert (card.eos_tokens, card.pad_token) == (("<|im_end|>",), "<|pad|>")
    assert card.tie_word_embeddings
    assert card.name == "model"


def test_shards_are_added_up(make_model: MakeModel) -> None:
    parts = {
        "a__safetensors": safetensors({"x": ("F32", [4, 4])}),
        "b__safetensors": safetensors({"y": ("F32", [4])}),
        "model.safetensors.index__json": json.dumps({"weight_map": {"x": "a.safetensors", "y": "b.safetensors"}}),
    }
    card = read_card(make_model(weights=None, **parts))
    assert (card.parameters, card.weight_bytes, card.dtype) == (20, 80, "float32")


def test_a_missing_shard_is_named(make_model: MakeModel) -> None:
    index = json.dumps({"weight_map": {"x": "model-1.safetensors", "y": "model-2.safetensors"}})
    files = {"model.safetensors.index__json": index, "model-1__safetensors": WEIGHTS}
    assert "1 of 2 shards, first model-2.safetensors" in refused(make_model(weights=None, **files)).message


def test_quantized_models_say_how_and_do_not_guess_their_size(make_model: MakeModel) -> None:
    card = read_card(make_model(config=CONFIG | {"quantization_config": {"quant_method": "bitsandbytes"}}))
    assert (card.quantized, card.parameters) == ("bitsandbytes", None)
    assert read_card(make_model(weights=safetensors({"x": ("U8", [99])}))).parameters is None


def test_older_names_of_the_dimensions_are_known(make_model: MakeModel) -> None:
    config = {"model_type": "gpt2", "n_embd": 12, "n_layer": 3, "n_head": 2, "n_positions": 64, "vocab_size": 5}
    card = read_card(make_model(config=config))
    assert (card.hidden_size, card.num_layers, card.num_heads, card.num_kv_heads) == (12, 3, 2, 2)
    assert (card.head_dim, card.max_position_embeddings) == (6, 64)


def test_the_language_part_of_a_model_that_also_sees_is_described(make_model: MakeModel) -> None:
    card = read_card(make_model(config={"model_type": "seer", "text_config": CONFIG}))
    assert (card.model_type, card.num_layers) == ("seer", 2)


@pytest.mark.parametrize(("head", "tied"), [(False, True), (True, False)])
def test_stored_tensors_tell_whether_embeddings_are_tied_if_the_config_does_not(
    make_model: MakeModel, head: bool, tied: bool
) -> None:
    config = {key: value for key, value in CONFIG.items() if key != "tie_word_embeddings"}
    tensors: dict[str, tuple[str, list[int]]] = {"embed": ("BF16", [10, 8])}
    if head:
        tensors["lm_head.weight"] = ("BF16", [10, 8])
    assert read_card(make_model(config=config, weights=safetensors(tensors))).tie_word_embeddings is tied


QWEN_BASE = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
VARIABLE = "{{ messages[0].content }}{{ eos_token }}"


@pytest.mark.parametrize(
    ("name", "parts", "kind", "code"),
    [
        ("model", {}, "chat", "models.ends-turn"),
        ("model", {"template": None}, "base", "models.no-template"),
        ("model-Instruct", {"template": None}, "unclear", "models.name-says"),
        ("Qwen-0.5B", {"tokenizer": QWEN_BASE}, "base", "models.never-written"),
        ("gemma-2b-it", {"tokenizer": QWEN_BASE}, "unclear", "models.name-says"),
        ("mistral", {"template": VARIABLE}, "chat", "models.ends-eos"),
        ("model-base", {"template": VARIABLE}, "unclear", "models.name-says"),
    ],
)
def test_base_or_chat_is_judged_with_evidence(
    make_model: MakeModel, name: str, parts: dict[str, Any], kind: str, code: str
) -> None:
    card = read_card(make_model(name, **parts))
    assert card.kind == kind
    assert code in [each.code for each in card.kind_evidence]


@pytest.mark.parametrize("place", ["tokenizer_config", "tokenizer"])
def test_end_tokens_of_the_generation_settings_count_too(make_model: MakeModel, place: str) -> None:
    added = {"tokenizer_config": {"added_tokens_decoder": {"7": {"content": "<|eot_id|>"}}}, "tokenizer": {}}[place]
    tokenizer = {"added_tokens": [{"id": 7, "content": "<|eot_id|>"}], "model": {"vocab": {}}}
    files = {
        "generation_config__json": json.dumps({"eos_token_id": [7, 99]}),
        "tokenizer__json": json.dumps(tokenizer if place == "tokenizer" else {}),
    }
    card = read_card(make_model(tokenizer={"eos_token": "<|end_of_text|>"} | added, **files))
    assert card.eos_tokens == ("<|end_of_text|>", "<|eot_id|>")


def test_a_template_inside_the_tokenizer_settings_counts(make_model: MakeModel) -> None:
    named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": CHAT}]
    for template in (CHAT, named):
        card = read_card(make_model(template=None, tokenizer={"eos_token": "<e>", "chat_template": template}))
        assert card.has_chat_template
        assert card.kind == "chat"


CHAT = "{{ messages }}<e>"


def test_a_folder_of_the_hubs_cache_has_the_models_name(make_model: MakeModel) -> None:
    assert read_card(make_model("models--org--Some-Model/snapshots/0123abc")).name == "org/Some-Model"


def test_no_such_folder(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").code == "models.no-folder"


def test_a_file_is_no_folder(make_model: MakeModel) -> None:
    assert refused(make_model() / "config.json").code == "models.not-a-folder"


def test_no_config(make_model: MakeModel) -> None:
    assert refused(make_model(config=None)).code == "models.no-config"


def test_an_adapter_is_not_taken_for_a_model(make_model: MakeModel) -> None:
    assert refused(make_model(config=None, adapter_config__json="{}")).code == "models.is-adapter"


def test_a_broken_config_is_located(make_model: MakeModel) -> None:
    error = refused(make_model(config=None, config__json='{\n  "model_type": oops\n}'))
    assert "line 2, column 17" in error.message


@pytest.mark.parametrize("config", [{}, CONFIG | {"hidden_size": "big"}, CONFIG | {"num_hidden_layers": 0}])
def test_a_config_of_something_else_is_refused(make_model: MakeModel, config: dict[str, Any]) -> None:
    assert refused(make_model(config=config)).code == "models.not-causal"


def test_no_weights(make_model: MakeModel) -> None:
    assert refused(make_model(weights=None)).code == "models.no-weights"


def test_pickled_weights_are_refused_unless_allowed(make_model: MakeModel) -> None:
    folder = make_model(weights=None, pytorch_model__bin=b"x" * 50)
    error = refused(folder)
    assert "run any code" in error.message
    assert "model.allow_pickle = true" in error.hint
    card = read_card(folder, allow_pickle=True)
    assert (card.weight_bytes, card.parameters) == (50, None)


def test_what_training_leaves_behind_is_not_taken_for_weights(make_model: MakeModel) -> None:
    folder = make_model(weights=None, optimizer__pt=b"x", training_args__bin=b"x")
    assert refused(folder).code == "models.no-weights"


@pytest.mark.parametrize("keep", [0, 4, 8, 40, len(WEIGHTS) - 1])
def test_weights_cut_off_anywhere_are_noticed(make_model: MakeModel, keep: int) -> None:
    assert refused(make_model(weights=WEIGHTS[:keep])).code == "models.cut-off"


def test_a_pointer_of_git_lfs_is_recognised(make_model: MakeModel) -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    assert refused(make_model(weights=pointer)).code == "models.not-downloaded"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode), st.just(b"null"), st.just(b'{"a":{}}')))
def test_any_header_gives_tensors_or_a_clear_error(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    try:
        tensors = read_header(path)
    except ModelError:
        tensors = {}
    assert isinstance(tensors, dict)
