"""Any LoRA folder is read from its files; what can't be built on is refused with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.common.errors import ModelError
from engine.messages.message import Message
from engine.models.adapter.card import examine_adapter, read_adapter, require_sound
from engine.runs import directory
from tests.codes import raises
from tests.engine.models.making import PREFIX, lora_tensors, write_adapter

FIRST = f"{PREFIX}0.self_attn.q_proj"


def test_a_foreign_adapter_is_described_and_what_it_does_not_say_is_unknown(tmp_path: Path, home: Path) -> None:
    card = read_adapter(write_adapter(tmp_path / "theirs", use_rslora=True))
    assert (card.settings.r, card.settings.lora_alpha, card.settings.lora_dropout) == (4, 8, 0.05)
    assert card.settings.scaling("model.layers.0.self_attn.q_proj") == 8 / 2
    assert (card.base, card.targets, card.dtype) == ("org/model", ("q_proj", "v_proj"), "F32")
    assert card.parameters == 2 * (4 * 8 + 8 * 4 + 4 * 8 + 4 * 4)
    assert (card.run, card.record, card.settings.revision) == ("", None, "")


def test_each_rank_and_scale_of_a_pattern_is_known(tmp_path: Path, home: Path) -> None:
    tensors = lora_tensors()
    for layer in (0, 1):
        module = f"{PREFIX}{layer}.self_attn.v_proj"
        tensors[f"{module}.lora_A.weight"] = np.ones((2, 8), "<f4")
        tensors[f"{module}.lora_B.weight"] = np.ones((4, 2), "<f4")
    folder = write_adapter(tmp_path / "a", tensors, rank_pattern={"v_proj": 2}, alpha_pattern={r"1\..*v_proj": 3})
    settings = read_adapter(folder).settings
    assert settings.rank("model.layers.0.self_attn.v_proj") == 2
    assert settings.scaling("model.layers.1.self_attn.v_proj") == 3 / 2
    assert settings.scaling("model.layers.1.self_attn.q_proj") == 8 / 4


def test_modules_saved_whole_and_trained_tokens_are_told_apart(tmp_path: Path, home: Path) -> None:
    tensors = lora_tensors()
    tensors["base_model.model.lm_head.weight"] = np.ones((10, 8), "<f4")
    tensors["base_model.model.model.embed_tokens.token_adapter.trainable_tokens_delta"] = np.ones((2, 8), "<f4")
    tensors[f"{FIRST}.lora_magnitude_vector"] = np.ones(8, "<f4")
    card = read_adapter(write_adapter(
        tmp_path / "a", tensors, modules_to_save=["lm_head"], trainable_token_indices=[1, 2], use_dora=True,
    ))  # fmt: skip
    assert card.contents.whole == {"lm_head.weight": (10, 8)}
    assert card.contents.token_rows == {"model.embed_tokens": 2}
    assert card.settings.trainable_token_indices == {"": (1, 2)}
    assert card.settings.use_dora


def test_an_embedding_only_saved_beside_the_adapter_is_not_counted_as_trained(tmp_path: Path, home: Path) -> None:
    tensors = lora_tensors() | {"base_model.model.model.embed_tokens.weight": np.ones((12, 8), "<f4")}
    plain = read_adapter(write_adapter(tmp_path / "plain"))
    assert read_adapter(write_adapter(tmp_path / "grown", tensors)).parameters == plain.parameters


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_an_adapter_whose_b_is_zero_has_no_effect(tmp_path: Path, home: Path, dtype: str) -> None:
    tensors = {name: t * ("lora_A" in name) for name, t in lora_tensors().items()}
    soundness = examine_adapter(read_adapter(write_adapter(tmp_path / "zero", tensors, dtype)))
    assert soundness is not None
    assert soundness.without_effect
    trained = examine_adapter(read_adapter(write_adapter(tmp_path / "one", dtype=dtype)))
    assert trained is not None
    assert not trained.without_effect


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_nan_and_inf_are_found_and_named(tmp_path: Path, home: Path, dtype: str, number: float) -> None:
    tensors = lora_tensors()
    tensors[f"{FIRST}.lora_B.weight"][3, 1] = number
    card = read_adapter(write_adapter(tmp_path / "a", tensors, dtype))
    with pytest.raises(ModelError) as caught:
        require_sound(card)
    assert f"{FIRST}.lora_B.weight" in caught.value.message


def test_numbers_are_read_in_parts_and_none_is_missed(tmp_path: Path, home: Path) -> None:
    tensors = {f"{FIRST}.lora_A.weight": np.ones((4, 600_000), "<f4"), f"{FIRST}.lora_B.weight": np.ones((8, 4), "<f4")}
    tensors[f"{FIRST}.lora_A.weight"][3, -1] = np.nan
    soundness = examine_adapter(read_adapter(write_adapter(tmp_path / "a", tensors)))
    assert soundness is not None
    assert soundness.not_finite == (f"{FIRST}.lora_A.weight",)


def _no_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


def _broken_json(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"r": 4,\n "lora_alpha" 8}')


def _prefix_tuning(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "PREFIX_TUNING"}))


def _senseless_rank(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": "many"}))


def _pickled(folder: Path) -> None:
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")


def _no_weights(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()


def _half_a_file(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-40])


def _wrong_rank(folder: Path) -> None:
    write_adapter(folder, r=16)


def _one_half_missing(folder: Path) -> None:
    tensors = lora_tensors()
    del tensors[f"{FIRST}.lora_B.weight"]
    write_adapter(folder, tensors)


def _empty(folder: Path) -> None:
    write_adapter(folder, {})


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (_no_config, "adapter.none-here", "adapter_config.json"),
        (_broken_json, "adapter.broken-config", "line 2, column 15"),
        (_prefix_tuning, "adapter.not-lora", "PREFIX_TUNING"),
        (_senseless_rank, "adapter.broken-config", "r = 'many'"),
        (_pickled, "adapter.pickled", "can run any code"),
        (_no_weights, "adapter.no-weights", "adapter_model.safetensors"),
        (_half_a_file, "adapter.cut-off", "bytes"),
        (_wrong_rank, "adapter.rank-mismatch", "r is 16 in adapter_config.json"),
        (_one_half_missing, "adapter.incomplete", "q_proj.lora_A"),
        (_empty, "adapter.empty", "no LoRA matrices"),
    ],
)
def test_what_is_no_sound_adapter_is_refused_with_its_reason(
    tmp_path: Path, home: Path, spoil: object, code: str, said: str
) -> None:
    folder = write_adapter(tmp_path / "a")
    assert callable(spoil)
    spoil(folder)
    with raises(ModelError, code) as caught:
        read_adapter(folder)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_pickled_adapter_is_read_only_when_asked_and_the_hint_says_how_to_convert(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    _pickled(folder)
    with pytest.raises(ModelError) as caught:
        read_adapter(folder)
    assert "weights_only=True" in caught.value.hint
    card = read_adapter(folder, allow_pickle=True)
    assert (card.is_pickle, card.parameters, examine_adapter(card)) == (True, None, None)


def test_a_trainers_output_means_its_newest_checkpoint(tmp_path: Path, home: Path) -> None:
    for step in (9, 100, 20):
        write_adapter(tmp_path / "output" / f"checkpoint-{step}")
    card = read_adapter(tmp_path / "output")
    assert card.path.name == "checkpoint-100"
    assert card.note == Message("adapter.newest-checkpoint", checkpoint="checkpoint-100", folder="output")


def test_a_file_inside_the_folder_names_it_too(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    assert read_adapter(folder / "adapter_model.safetensors").path == folder


def test_a_run_is_named_by_its_name_id_or_folder_and_its_record_is_read(home: Path) -> None:
    run = directory.create("m", "", name="orders")
    write_adapter(run.adapter)
    record = {
        "base": {"name_or_path": "org/model", "weights_sha256": {"model.safetensors": "ab"}},
        "strategy": "fresh",
        "data": [{"path": "a.jsonl", "role": "new", "tokens": 120}],
        "data_files": [{"path": "/x/a.jsonl", "sha256": "cd"}],
        "step": 6,
    }
    (run.adapter / "tunedeck.json").write_text(json.dumps(record))
    for name in ("orders", run.id, str(run.path), str(run.adapter)):
        card = read_adapter(name)
        assert card.run == run.id
        assert card.record is not None
        assert card.record.weights_sha256 == {"model.safetensors": "ab"}
        assert (card.record.data[0].tokens, card.record.data_files, card.record.step) == (120, {"/x/a.jsonl": "cd"}, 6)


def test_an_unfinished_run_means_its_newest_whole_checkpoint(home: Path) -> None:
    run = directory.create("m", "", name="cut")
    for step in (5, 10):
        write_adapter(run.checkpoint(step))
    (run.checkpoint(5) / "COMPLETE").touch()
    card = read_adapter("cut")
    assert card.path == run.checkpoint(5)
    assert card.note is not None
    assert card.note.code == "adapter.unfinished-run"


def test_a_name_that_is_nothing_and_a_model_are_said_to_be_so(tmp_path: Path, home: Path) -> None:
    with raises(ModelError, "adapter.not-found"):
        read_adapter("nobody")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    with raises(ModelError, "adapter.is-model"):
        read_adapter(tmp_path / "model")
    run = directory.create("m", "", name="empty")
    with raises(ModelError, "adapter.run-without"):
        read_adapter(run.id)


def test_a_broken_record_counts_as_unknown(tmp_path: Path, home: Path) -> None:
    folder = write_adapter(tmp_path / "a")
    (folder / "tunedeck.json").write_text('{"base": {"name_or_path": 7}, "data": [3, {"tokens": "x"}], "step": "y"}')
    record = read_adapter(folder).record
    assert record is not None
    assert (record.base, record.data[0].tokens, record.step) == ("", 0, None)
