"""A written config says where each value came from, and read again it is the same run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import ConfigError
from engine.config import toml
from engine.config.presets import Layer, resolve

# All that TOML can hold: any text without half surrogates.
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = st.fixed_dictionaries(
    {
        "model": st.fixed_dictionaries({"name_or_path": TEXT.filter(bool)}, optional={"chat_template": TEXT}),
        "data": st.lists(
            st.fixed_dictionaries(
                {"path": TEXT.filter(bool)},
                optional={
                    "columns": st.dictionaries(TEXT, TEXT, max_size=2), "max_rows": st.integers(1, 10**12),
                    "share": st.floats(1e-9, 1.0),
                },
            ),
            min_size=1, max_size=3,
        ),
    },
    optional={
        "run": st.fixed_dictionaries({}, optional={"notes": TEXT, "seed": st.integers(0, 2**32 - 1)}),
        "train": st.fixed_dictionaries(
            {},
            optional={
                "learning_rate": st.floats(1e-12, 1.0), "max_steps": st.integers(1, 10**9),
                "micro_batch_tokens": st.sampled_from(["auto", 8, 4096]),
                "gradient_checkpointing": st.sampled_from(["auto", True, False]),
            },
        ),
        "adapter": st.fixed_dictionaries({}, optional={"target_modules": TEXT | st.lists(TEXT, max_size=3)}),
        "sample": st.fixed_dictionaries({}, optional={"prompts": st.lists(TEXT, max_size=3)}),
    },
)  # fmt: skip


@given(VALUES, st.booleans())
def test_a_written_config_read_again_is_the_same_run(values: dict[str, Any], full: bool) -> None:
    resolved = resolve([Layer("you", values)])
    text = toml.dumps(resolved, full=full)
    assert resolve([Layer("file", tomlkit.parse(text).unwrap())]).config == resolved.config


def test_a_full_config_written_and_read_again_is_written_the_same_way(tmp_path: Path) -> None:
    resolved = resolve([Layer("file", {"model": {"name_or_path": "m"}, "data": [{"path": "/abs/x.jsonl"}]})])
    first = tmp_path / "one.toml"
    first.write_text(toml.dumps(resolved))
    again = toml.load(first)
    assert again.config == resolved.config
    second = tmp_path / "two.toml"
    second.write_text(toml.dumps(again))
    assert toml.load(second).config == resolved.config


def test_a_run_of_a_version_without_strata_means_what_was_done_then(tmp_path: Path) -> None:
    resolved = resolve([Layer("file", {"model": {"name_or_path": "m"}, "data": [{"path": "/abs/x.jsonl"}]})])
    run = tmp_path / "config.toml"
    run.write_text("".join(line for line in toml.dumps(resolved).splitlines(True) if not line.startswith("stratify")))
    assert not toml.load(run).config.dataset.stratify
    assert toml.load(run, ["dataset.stratify=true"]).config.dataset.stratify
    own = tmp_path / "own.toml"
    own.write_text('[model]\nname_or_path = "m"\n[[data]]\npath = "/abs/x.jsonl"\n')
    short = tmp_path / "short.toml"
    short.write_text(toml.dumps(resolved, full=False))
    assert toml.load(own).config.dataset.stratify
    assert toml.load(short).config.dataset.stratify


def test_every_value_says_where_it_came_from() -> None:
    resolved = resolve(
        [
            Layer("preset careful", {"adapter": {"r": 8}}),
            Layer("file", {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]}),
            Layer("--set", {"train": {"batch_size": 4}}),
        ]
    )
    lines = toml.dumps(resolved).splitlines()
    assert "r = 8 # preset careful" in lines
    assert 'name_or_path = "m" # file' in lines
    assert 'path = "x" # file' in lines
    assert "batch_size = 4 # --set" in lines
    assert "weight_decay = 0.0 # default" in lines


def test_the_short_form_leaves_the_defaults_out() -> None:
    resolved = resolve([Layer("file", {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]})])
    values = tomlkit.parse(toml.dumps(resolved, full=False)).unwrap()
    assert values == {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]}


def test_a_missing_file_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        toml.load(tmp_path / "nope.toml")
    assert caught.value.title == "No such config file"
    assert "nope.toml" in caught.value.message


def test_a_folder_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        toml.load(tmp_path)
    assert str(tmp_path) in caught.value.message


def test_a_line_that_is_not_toml_is_told_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text("[model]\nname_or_path = tiny\n")
    with pytest.raises(ConfigError) as caught:
        toml.load(path)
    assert "line 2" in caught.value.message


def test_a_file_that_is_not_utf_8_is_told_with_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b"# \xff\xfe\n")
    with pytest.raises(ConfigError) as caught:
        toml.load(path)
    assert "UTF-8" in caught.value.title
    assert "byte 2" in caught.value.message


def test_an_empty_file_asks_for_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.touch()
    with pytest.raises(ConfigError) as caught:
        toml.load(path)
    assert "model" in caught.value.message


def test_single_values_are_replaced_with_their_source_and_all_else_stays() -> None:
    before = '# mine\n[model]\nname_or_path = "m" # file\n\n[[data]]\npath = "x" # you\n'
    after = toml.with_values(before, {"model.quantization": "nf4", "train.max_steps": 7}, "why")
    assert after.startswith('# mine\n[model]\nname_or_path = "m" # file\n')
    assert 'quantization = "nf4" # why' in after
    assert "max_steps = 7 # why" in after
    assert 'path = "x" # you' in after


@pytest.mark.parametrize(
    ("text", "values"),
    [("[oops", {}), ('[model]\nname_or_path = "m"\n[[data]]\npath = "x"\n', {"train.max_steps": -1})],
)
def test_a_change_that_makes_no_valid_config_is_refused(text: str, values: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        toml.with_values(text, values, "why")
