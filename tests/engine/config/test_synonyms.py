"""Who comes from another trainer and writes its names is told ours."""

from __future__ import annotations

import pytest

from engine.common.errors import ConfigError
from engine.config.presets import Layer, known_fields, resolve
from engine.config.synonyms import OURS

BASE = {"model": {"name_or_path": "org/model"}, "data": [{"path": "rows.jsonl"}]}


def refused(values: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve([Layer("base", BASE), Layer("file", values)])
    return caught.value.message


@pytest.mark.parametrize(
    ("section", "theirs", "ours"),
    [
        ("adapter", "lora_r", "r"), ("adapter", "rank", "r"), ("adapter", "lora-rank", "r"),
        ("adapter", "lora_target", "target_modules"), ("train", "lr", "learning_rate"),
        ("train", "max_seq_length", "dataset.max_length"), ("train", "per_device_train_batch_size", "batch_size"),
        ("train", "gradient_accumulation_steps", "batch_size"), ("train", "lora_r", "adapter.r"),
        ("train", "save_total_limit", "checkpoint.keep"), ("model", "load_in_4bit", "quantization"),
        ("dataset", "cutoff_len", "max_length"), ("train", "max_length", "dataset.max_length"),
        ("dataset", "sample_packing", "packing"), ("train", "seed", "run.seed"), ("train", "bath_size", "batch_size"),
    ],
)  # fmt: skip
def test_the_field_that_is_meant_is_named(section: str, theirs: str, ours: str) -> None:
    message = refused({section: {theirs: 1}})
    assert f"{section}.{theirs}: unknown key. Did you mean '{ours}'?" in message


def test_a_whole_config_without_sections_is_pointed_to_its_fields() -> None:
    message = refused({"lora_r": 8, "learning_rate": 1e-4, "num_train_epochs": 3})
    for ours in ("adapter.r", "train.learning_rate", "train.num_train_epochs"):
        assert f"Did you mean '{ours}'?" in message


def test_every_synonym_leads_to_a_field_and_hides_none_of_ours() -> None:
    fields = {f"{section}.{name}" for section in known_fields("") for name in known_fields(section)}
    assert set(OURS.values()) <= fields
    assert not [theirs for theirs, ours in OURS.items() if theirs in known_fields(ours.partition(".")[0])]
