"""An adapter is compared with the chosen base before anything heavy, and each refusal says why."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.common.errors import ModelError
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.models.adapter.match import Match, match, require_match
from engine.models.card import read_card
from engine.models.weights import hash_files
from tests.codes import raises
from tests.engine.models.folders import CONFIG, MakeModel, safetensors
from tests.engine.models.making import PREFIX, lora_tensors, write_adapter


def weights(layers: int = 2, hidden: int = 8, kv: int = 4, vocab: int = 10, prefix: str = "model.") -> bytes:
    made = {f"{prefix}embed_tokens.weight": ("BF16", [vocab, hidden])}
    for layer in range(layers):
        made[f"{prefix}layers.{layer}.self_attn.q_proj.weight"] = ("BF16", [hidden, hidden])
        made[f"{prefix}layers.{layer}.self_attn.v_proj.weight"] = ("BF16", [kv, hidden])
    return safetensors(made)


@pytest.fixture
def base(make_model: MakeModel) -> Path:
    return make_model("model", weights=weights())


def matched(adapter: Path, base: Path, named: str = "org/model") -> Match:
    return match(read_adapter(adapter), read_card(base), named)


def refusal(adapter: Path, base: Path, named: str = "org/model", trust_base: bool = False) -> ModelError:
    card = read_adapter(adapter)
    with pytest.raises(ModelError) as caught:
        require_match(match(card, read_card(base), named), card, read_card(base), trust_base)
    return caught.value


def reasons(error: ModelError) -> tuple[Message, ...]:
    found: tuple[Message, ...] = error.reason.args["reasons"]
    return found


def test_an_adapter_on_its_own_base_is_ok(tmp_path: Path, home: Path, base: Path) -> None:
    found = matched(write_adapter(tmp_path / "a"), base)
    assert found.level == "ok"
    assert found.reasons[0].message == Message("adapter.layers-found", layers=4, names=("q_proj", "v_proj"))


def test_an_adapter_for_another_architecture_is_refused(tmp_path: Path, home: Path, base: Path) -> None:
    tensors = {name.replace("self_attn.q_proj", "attention.wq"): t for name, t in lora_tensors().items()}
    error = refusal(write_adapter(tmp_path / "a", tensors, target_modules=["wq", "v_proj"]), base, trust_base=True)
    assert error.code == "adapter.does-not-fit"
    assert "layers.0.attention.wq" in error.message
    assert "another architecture" in error.message


@pytest.mark.parametrize("block", ["attention", "attn", "block_sparse_moe"])
def test_layers_of_another_block_are_not_those_of_the_model(tmp_path: Path, home: Path, base: Path, block: str) -> None:
    tensors = {name.replace("self_attn", block): tensor for name, tensor in lora_tensors().items()}
    assert "another architecture" in refusal(write_adapter(tmp_path / "a", tensors), base, trust_base=True).message


def test_an_adapter_of_a_model_of_several_parts_is_not_one_for_its_text_part_alone(
    tmp_path: Path, home: Path, base: Path, make_model: MakeModel
) -> None:
    tensors = {name.replace("model.layers", "model.language_model.layers"): t for name, t in lora_tensors().items()}
    adapter = write_adapter(tmp_path / "a", tensors)
    assert reasons(refusal(adapter, base, trust_base=True))[0].code == "adapter.layers-multimodal"
    config = {"model_type": "gemma3", "text_config": CONFIG, "vision_config": {}}
    whole = make_model("whole", config=config, weights=weights(prefix="language_model.model."))
    assert matched(adapter, whole).level == "ok"


def test_an_adapter_of_a_deeper_model_is_refused_with_both_depths(tmp_path: Path, home: Path, base: Path) -> None:
    error = refusal(write_adapter(tmp_path / "a", lora_tensors(layers=5)), base)
    assert Message("adapter.layers-deeper", theirs=5, ours=2) in reasons(error)


def test_an_adapter_of_a_wider_model_is_refused_with_both_widths(tmp_path: Path, home: Path, base: Path) -> None:
    error = refusal(write_adapter(tmp_path / "a", lora_tensors(hidden=16)), base)
    (wrong,) = reasons(error)
    assert wrong.code == "adapter.widths-differ"
    assert [wrong.args[name] for name in ("inputs", "outputs", "model_inputs", "model_outputs")] == [16, 16, 8, 8]


def test_an_adapter_of_the_body_alone_is_refused_with_the_names_that_it_lacks(
    tmp_path: Path, home: Path, base: Path
) -> None:
    """PEFT would load none of it and say nothing."""
    body = {name.replace("model.model.", "model.", 1): tensor for name, tensor in lora_tensors().items()}
    error = refusal(write_adapter(tmp_path / "a", body), base, trust_base=True)
    assert "Put model. behind base_model.model. in the names" in error.message
    renamed = {name.replace("base_model.model.", "base_model.model.model.", 1): each for name, each in body.items()}
    assert matched(write_adapter(tmp_path / "b", renamed), base).level == "ok"


@pytest.mark.parametrize(
    ("field", "value", "code", "count"),
    [
        ("target_modules", ["q_proj"], "adapter.left-out-targets", 2),
        ("target_modules", ".*k_proj", "adapter.left-out-targets", 4),
        ("layers_to_transform", [0], "adapter.left-out-layers", 2),
        ("layers_to_transform", 1, "adapter.left-out-layers", 2),
        ("exclude_modules", ["v_proj"], "adapter.left-out-excluded", 2),
        ("exclude_modules", ".*q_proj", "adapter.left-out-excluded", 2),
    ],
)  # fmt: skip
def test_tensors_that_the_config_leaves_out_are_refused_with_the_field(
    tmp_path: Path, home: Path, field: str, value: object, code: str, count: int
) -> None:
    with raises(ModelError, code) as caught:
        read_adapter(write_adapter(tmp_path / "a", **{field: value}))
    assert (caught.value.reason.args["count"], caught.value.reason.args["of"]) == (count, 4)
    assert field in caught.value.hint


def test_layers_that_the_config_names_are_read(tmp_path: Path, home: Path) -> None:
    fields = {"layers_to_transform": [0, 1], "layers_pattern": "layers", "exclude_modules": ["k_proj"]}
    assert len(read_adapter(write_adapter(tmp_path / "a", **fields)).contents.modules) == 4


def test_layers_are_found_whatever_wrapper_the_model_is_stored_under(
    tmp_path: Path, home: Path, make_model: MakeModel
) -> None:
    wrapped = make_model("wrapped", weights=weights(prefix="language_model.model."))
    assert matched(write_adapter(tmp_path / "a"), wrapped).level == "ok"


def test_a_resized_vocabulary_is_told_from_other_differences(tmp_path: Path, home: Path, base: Path) -> None:
    tensors = lora_tensors() | {"base_model.model.model.embed_tokens.weight": np.ones((12, 8), "<f4")}
    found = matched(write_adapter(tmp_path / "a", tensors, modules_to_save=["embed_tokens"]), base)
    assert not found.refusals()
    (reason,) = found.refusals(continuing=True)
    assert reason.about == "vocabulary"
    assert (reason.message.code, reason.message.args["ours"]) == ("adapter.vocabulary-grown", 12)
    assert reason.message.args["theirs"] == 10


def test_a_head_that_is_tied_is_compared_with_the_embedding(tmp_path: Path, home: Path, base: Path) -> None:
    tensors = lora_tensors() | {"base_model.model.lm_head.weight": np.ones((10, 8), "<f4")}
    assert matched(write_adapter(tmp_path / "a", tensors, modules_to_save=["lm_head"]), base).level == "ok"


def test_a_trained_token_the_model_does_not_have_is_merged_and_not_continued(
    tmp_path: Path, home: Path, base: Path
) -> None:
    card = read_adapter(write_adapter(tmp_path / "a", trainable_token_indices=[2, 10]))
    found = match(card, read_card(base), "org/model")
    require_match(found, card, read_card(base))
    with raises(ModelError, "adapter.resized") as caught:
        require_match(found, card, read_card(base), continuing=True)
    assert reasons(caught.value) == (Message("adapter.token-beyond", token=10, tokens=10),)
    assert 'strategy.kind = "merge"' in caught.value.hint


def test_without_a_base_id_it_is_refused_until_the_user_vouches(tmp_path: Path, home: Path, base: Path) -> None:
    folder = write_adapter(tmp_path / "a", base_model_name_or_path=None)
    error = refusal(folder, base)
    assert (error.code, reasons(error)) == ("adapter.base-uncertain", (Message("adapter.base-unnamed"),))
    assert "strategy.trust_base" in error.hint
    card = read_adapter(folder)
    require_match(match(card, read_card(base)), card, read_card(base), trust_base=True)


@pytest.mark.parametrize(
    ("recorded", "named", "level"),
    [
        ("org/model", "org/model", "ok"),
        ("other/Model-bnb-4bit", "org/model", "unsure"),
        ("/data/models/llama", "org/model", "unsure"),
        ("org/model", "/local/model", "unsure"),
        ("org/another", "org/model", "refused"),
    ],
)
def test_names_prove_as_much_as_names_can(
    tmp_path: Path, home: Path, base: Path, recorded: str, named: str, level: str
) -> None:
    assert matched(write_adapter(tmp_path / "a", base_model_name_or_path=recorded), base, named).level == level


def recorded(folder: Path, hashes: dict[str, str]) -> Path:
    record: dict[str, Any] = {"base": {"name_or_path": "org/model", "weights_sha256": hashes}}
    (folder / "tunedeck.json").write_text(json.dumps(record))
    return folder


def test_the_same_weights_under_another_name_are_the_same_model(tmp_path: Path, home: Path, base: Path) -> None:
    folder = recorded(write_adapter(tmp_path / "a"), hash_files([base / "model.safetensors"]))
    found = matched(folder, base, "anything")
    assert (found.level, found.identity.proof) == ("ok", "hash")


def test_a_base_that_changed_since_is_refused_with_what_differs(tmp_path: Path, home: Path, base: Path) -> None:
    folder = recorded(write_adapter(tmp_path / "a"), hash_files([base / "model.safetensors"]))
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x01")
    assert "changed: model.safetensors" in refusal(folder, base).message
    card = read_adapter(folder)
    require_match(match(card, read_card(base)), card, read_card(base), trust_base=True)


def test_a_pickled_adapter_can_only_be_compared_by_name(tmp_path: Path, home: Path, base: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    assert match(read_adapter(folder, allow_pickle=True), read_card(base), "org/model").level == "unsure"


def test_a_hash_is_computed_once_for_each_state_of_a_file(home: Path, base: Path) -> None:
    file = base / "model.safetensors"
    time.sleep(0.05)  # a file that changed a moment ago may change again unseen
    first = hash_files([file])
    read: list[int] = []
    assert hash_files([file], lambda done, total: read.append(done)) == first
    assert not read
    os.utime(file, ns=(2, 2))
    assert hash_files([file], lambda done, total: read.append(done)) == first
    assert read[-1] == file.stat().st_size


def test_a_moved_layer_width_is_not_excused_by_being_transposed(
    tmp_path: Path, home: Path, make_model: MakeModel
) -> None:
    model = make_model("odd", config=CONFIG, weights=weights(kv=4))
    tensors = lora_tensors()
    tensors[f"{PREFIX}0.self_attn.v_proj.lora_A.weight"] = np.ones((4, 4), "<f4")
    tensors[f"{PREFIX}0.self_attn.v_proj.lora_B.weight"] = np.ones((8, 4), "<f4")
    assert "v_proj" in refusal(write_adapter(tmp_path / "a", tensors), model).message
