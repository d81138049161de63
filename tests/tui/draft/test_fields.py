"""Every field of the schema can be shown, typed and read back."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import presets
from tui.draft import fields
from tui.draft.draft import default_of

ALL = [
    f"{section}.{'0.' if section == 'data' else ''}{name}"
    for section in presets.known_fields("")
    for name in presets.known_fields(section)
]


@pytest.mark.parametrize("dotted", ALL)
def test_every_default_survives_being_shown_and_read(dotted: str) -> None:
    spec, default = fields.spec_of(dotted), default_of(dotted)
    assert spec.description
    if default is not None:
        assert fields.parse(spec, fields.show(default, spec.separator)) == default


@pytest.mark.parametrize(
    ("dotted", "text"),
    [
        ("adapter.r", "1 to 1,024"),
        ("train.learning_rate", "over 0, to 1"),
        ("train.warmup_ratio", "0 to under 1"),
        ("train.micro_batch_tokens", "auto or 8 or more"),
        ("train.max_steps", "1 or more"),
        ("run.name", ""),
    ],
)
def test_the_range_is_told_in_words(dotted: str, text: str) -> None:
    assert fields.spec_of(dotted).range == text


@pytest.mark.parametrize(
    ("dotted", "typed", "value"),
    [
        ("train.learning_rate", "2e-4", 2e-4),
        ("train.batch_size", "1,024", 1024),
        ("train.batch_size", "many", "many"),
        ("train.max_steps", "", None),
        ("train.micro_batch_tokens", "auto", "auto"),
        ("train.gradient_checkpointing", "yes", True),
        ("adapter.target_modules", "q_proj, v_proj", ["q_proj", "v_proj"]),
        ("adapter.target_modules", "all-linear", "all-linear"),
        ("adapter.modules_to_save", "lm_head", ["lm_head"]),
        ("adapter.init_lora_weights", "pissa", "pissa"),
        ("sample.prompts", "Hello, you | And you", ["Hello, you", "And you"]),
        ("eval.metrics", "exact_match", ["exact_match"]),
        ("eval.metrics", "auto", "auto"),
        ("eval.metrics", "", []),
        ("data.0.columns", "prompt=foo, completion=bar", {"prompt": "foo", "completion": "bar"}),
        ("data.0.columns", "nonsense", "nonsense"),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_kind(dotted: str, typed: str, value: Any) -> None:
    read = fields.parse(fields.spec_of(dotted), typed)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("value", "text"), [(2e-4, "2e-4"), (1.5e-5, "1.5e-5"), (0.05, "0.05"), (3.0, "3"), (None, ""), (True, "yes")]
)
def test_values_are_shown_as_people_write_them(value: Any, text: str) -> None:
    assert fields.show(value) == text
