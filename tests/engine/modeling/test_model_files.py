"""A model comes in whole: what its files lack is refused with a cure that works, what is left unread is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.common.errors import ModelError
from engine.export.proof.answers import loaded
from engine.modeling.model_files import load_model
from engine.models.card import read_card
from engine.models.checks import check_complete

Tensors = dict[str, torch.Tensor]


def with_tensors(tiny: Path, folder: Path, change: Callable[[Tensors], Tensors], **config: object) -> Path:
    """The tiny model with other tensors in its file and other fields in its config."""
    shutil.copytree(tiny, folder)
    file = folder / "model.safetensors"
    tensors = {name: tensor.clone() for name, tensor in load_file(file).items()}
    save_file(change(tensors), file, {"format": "pt"})
    set_config(folder, **config)
    return folder


def set_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def unwrap(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = {name.removeprefix("module."): tensor.clone() for name, tensor in load_file(file).items()}
    save_file(tensors, file, {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "config", "named", "hint", "cure"),
    [
        (lambda t: {f"module.{name}": tensor for name, tensor in t.items()}, {}, "more tensors. Random",
         'begin with "module."', unwrap),
        (lambda t: t, {"num_hidden_layers": 4}, "model.layers.2.input_layernorm.weight",
         "set num_hidden_layers to 2", lambda folder: set_config(folder, num_hidden_layers=2)),
        (lambda t: t, {"tie_word_embeddings": False}, "lm_head.weight",
         "set tie_word_embeddings to true", lambda folder: set_config(folder, tie_word_embeddings=True)),
    ],
)  # fmt: skip
def test_missing_weights_are_refused_at_the_check_and_at_loading_and_the_hint_mends_it(
    tiny: Path, tmp_path: Path, change: Callable[[Tensors], Tensors], config: dict[str, object], named: str,
    hint: str, cure: Callable[[Path], None],
) -> None:  # fmt: skip
    folder = with_tensors(tiny, tmp_path / "model", change, **config)
    for refuse in (lambda: check_complete(read_card(folder)), lambda: load_model(folder)):
        with pytest.raises(ModelError, match="lacks weights") as caught:
            refuse()
        assert named in caught.value.message
        assert "model.safetensors" in caught.value.message
        assert hint in caught.value.hint
    cure(folder)
    check_complete(read_card(folder))
    assert load_model(folder).told == ()


def test_one_missing_matrix_is_found_at_loading(tiny: Path, tmp_path: Path) -> None:
    def without(tensors: Tensors) -> Tensors:
        return {name: tensor for name, tensor in tensors.items() if not name.endswith("1.mlp.up_proj.weight")}

    folder = with_tensors(tiny, tmp_path / "model", without)
    with pytest.raises(ModelError, match=r"does not hold model\.layers\.1\.mlp\.up_proj\.weight\."):
        load_model(folder)


def test_the_proof_of_a_merge_refuses_them_too(tiny: Path, tmp_path: Path) -> None:
    folder = with_tensors(tiny, tmp_path / "model", lambda t: t, num_hidden_layers=3)
    with (
        pytest.raises(ModelError, match="lacks weights"),
        loaded(folder, torch.float32, torch.device("cpu")),
    ):
        pass


def test_what_is_left_unread_is_told_and_computed_buffers_are_not(tiny: Path, tmp_path: Path) -> None:
    def more(tensors: Tensors) -> Tensors:
        return tensors | {
            "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8),
            "vision.proj.weight": torch.ones(2),
        }

    (told,) = load_model(with_tensors(tiny, tmp_path / "model", more)).told
    assert (told.args["first"], told.args["tensors"]) == ("vision.proj.weight", 1)


def test_a_head_stored_beside_a_tie_is_used_and_told(tiny: Path, tmp_path: Path) -> None:
    def with_head(tensors: Tensors) -> Tensors:
        return tensors | {"lm_head.weight": tensors["model.embed_tokens.weight"] + 1}

    folder = with_tensors(tiny, tmp_path / "model", with_head)
    found = load_model(folder)
    assert found.told[0].code == "events.head-untied"
    assert not torch.equal(found.model.lm_head.weight, found.model.model.embed_tokens.weight)
    same = with_tensors(
        tiny, tmp_path / "same", lambda t: t | {"lm_head.weight": t["model.embed_tokens.weight"].clone()}
    )
    assert load_model(same).told == ()


FAMILIES = ("GPT2", "GPTNeoX", "Bloom", "Falcon", "OPT", "Gemma2", "Qwen3Moe", "Mamba", "FalconH1")


@pytest.mark.parametrize("family", FAMILIES)
def test_whole_models_of_other_families_pass(tmp_path: Path, family: str) -> None:
    """Tied heads, heads of other names, layers of several kinds, and buffers that no file holds."""
    import transformers

    sizes = {
        "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "num_experts": 2, "moe_intermediate_size": 16, "state_size": 4,
        "mamba_d_ssm": 32, "mamba_n_heads": 2, "mamba_d_head": 16, "mamba_n_groups": 1, "mamba_d_state": 4,
        "word_embed_proj_dim": 32, "ffn_dim": 32, "max_position_embeddings": 32,
    }  # fmt: skip
    config = getattr(transformers, f"{family}Config")(**sizes, bos_token_id=None, eos_token_id=2, pad_token_id=1)
    name = "GPT2LMHeadModel" if family == "GPT2" else f"{family}ForCausalLM"
    getattr(transformers, name)(config).save_pretrained(tmp_path)
    check_complete(read_card(tmp_path))
    assert load_model(tmp_path).told == ()


def test_weights_of_another_shape_than_the_config_says_are_named_and_the_hint_mends_it(
    tiny: Path, tmp_path: Path
) -> None:
    vocabulary = len(load_file(tiny / "model.safetensors")["model.embed_tokens.weight"])
    folder = with_tensors(tiny, tmp_path / "model", lambda tensors: tensors, vocab_size=vocabulary + 8)
    with pytest.raises(ModelError) as caught:
        load_model(folder)
    assert caught.value.code == "modeling.weights-misshapen-vocabulary"
    shapes = [caught.value.reason.args[name] for name in ("stored", "wanted")]
    assert shapes == [f"{vocabulary} x 64", f"{vocabulary + 8} x 64"]
    assert f"set vocab_size = {vocabulary} " in caught.value.hint
    set_config(folder, vocab_size=vocabulary)
    assert load_model(folder).told == ()
