"""The config says everything that is wrong with it at once, each in words a person can act on."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import ConfigError
from engine.config import toml
from engine.config.presets import (
    GONE,
    Layer,
    description,
    known_fields,
    load_preset,
    preset_ids,
    resolve,
    section_model,
)
from engine.config.rules import Issue
from engine.messages import language
from engine.messages.catalogue import codes
from engine.messages.message import Message

SOUND: dict[str, Any] = {"model": {"name_or_path": "tiny"}, "data": [{"path": "rows.jsonl"}]}


def issues(**sections: Any) -> dict[str, str]:
    """What is wrong with a sound config after ``sections`` were put over it, by field."""
    with pytest.raises(ConfigError) as caught:
        resolve([Layer("file", SOUND | sections)])
    found = [issue for issue in caught.value.issues if isinstance(issue, Issue)]
    assert len(found) == len(caught.value.issues)
    for issue in found:
        assert str(issue) in caught.value.message
    return {issue.field: f"{issue.message} {issue.fix}".strip() for issue in found}


def test_two_lines_are_enough_for_a_run() -> None:
    config = resolve([Layer("file", SOUND)]).config
    assert (config.adapter.r, config.train.batch_size, config.strategy.kind) == (16, 16, "fresh")


def test_every_error_is_told_at_once() -> None:
    found = issues(
        run={"seed": -1},
        model={"name_or_path": "", "quantisation": "nf4"},
        adapter={"r": 0, "lora_dropout": 1.5},
        train={"learning_rate": "fast", "lr_scheduler_type": "cos", "batch_size": 0},
        data=[{"path": "a"}, {"fromat": "alpaca"}],
        nonsense={"x": 1},
    )
    assert set(found) == {
        "run.seed", "model.name_or_path", "model.quantisation", "adapter.r", "adapter.lora_dropout",
        "train.learning_rate", "train.lr_scheduler_type", "train.batch_size", "data.1.path", "data.1.fromat",
        "nonsense",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "field", "nearest"),
    [
        ({"trian": {}}, "trian", "'train'"),
        ({"train": {"batchsize": 8}}, "train.batchsize", "'batch_size'"),
        ({"train": {"lr_scheduler": "cosine"}}, "train.lr_scheduler", "'lr_scheduler_type'"),
        ({"model": {"name_or_path": "x", "quantisation": "nf4"}}, "model.quantisation", "'quantization'"),
        ({"data": [{"path": "x", "formt": "text"}]}, "data.0.formt", "'format'"),
        ({"learning_rate": 1e-4}, "learning_rate", "'train.learning_rate'"),
        ({"adapter": {"learning_rate": 1e-4}}, "adapter.learning_rate", "'train.learning_rate'"),
    ],
)
def test_an_unknown_key_names_the_nearest_valid_one(sections: dict[str, Any], field: str, nearest: str) -> None:
    assert nearest in issues(**sections)[field]


def test_an_unknown_key_like_nothing_else_is_to_be_removed() -> None:
    assert issues(train={"zzzz": 1})["train.zzzz"] == "unknown key. Remove it."


@pytest.mark.parametrize(
    ("section", "name", "bad", "says"),
    [
        ("adapter", "r", 0, "at least 1, not 0"),
        ("adapter", "r", "wide", "whole number, not 'wide'"),
        ("adapter", "target_modules", [1.5, []], "text"),
        ("train", "learning_rate", 0, "greater than 0"),
        ("train", "learning_rate", 2, "at most 1, not 2"),
        ("train", "micro_batch_tokens", "some", "a whole number or 'auto', not 'some'"),
        ("train", "micro_batch_tokens", 4, "at least 8 or 'auto'"),
        ("train", "gradient_checkpointing", "maybe", "true, false or 'auto', not 'maybe'"),
        ("train", "max_grad_norm", float("inf"), "finite"),
        ("train", "num_train_epochs", float("nan"), "a finite number, not nan"),
        ("dataset", "eval_share", 1, "at most 0.9"),
        ("dataset", "too_long", "cut", "'truncate', 'drop' or 'split'"),
        ("eval", "metrics", ["exact_mach"], "'exact_mach' is not a known name. Did you mean 'exact_match'?"),
        ("eval", "metrics", ["zzz"], "accuracy, macro_f1"),
        ("eval", "metrics", "bleu", "'auto' or a list, not 'bleu'"),
        ("eval", "best_by", "exact_mach", "Did you mean 'exact_match'?"),
        ("eval", "best_by", "zzz", "loss, accuracy, macro_f1"),
        ("run", "name", "x" * 81, "at most 80 characters"),
    ],
)
def test_a_value_out_of_range_says_the_range_and_the_value(section: str, name: str, bad: object, says: str) -> None:
    [(field, message)] = [
        (field, message) for field, message in issues(**{section: {name: bad}}).items() if field.startswith(section)
    ][:1]
    assert field.startswith(f"{section}.{name}")
    assert says in message


def test_what_is_wrong_is_a_code_with_the_values() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve([Layer("file", SOUND | {"train": {"batch_size": 0, "micro_batch_tokens": 4}})])
    assert caught.value.code == "config.unusable"
    assert [(issue.field, issue.what) for issue in caught.value.issues] == [  # type: ignore[attr-defined]
        ("train.batch_size", Message("config.wrong-value", expected=[Message("config.at-least", bound=1)], given="0")),
        (
            "train.micro_batch_tokens",
            Message("config.wrong-value", expected=[Message("config.at-least", bound=8), "'auto'"], given="4"),
        ),
    ]


def test_it_is_said_in_chinese_too() -> None:
    language.use("zh")
    found = issues(train={"batch_size": 0, "micro_batch_tokens": "4k", "batchsize": 1})
    assert found == {
        "train.batch_size": "应为不小于 1 的数，而不是 0。",
        "train.micro_batch_tokens": "应为整数或 'auto'，而不是 '4k'。",
        "train.batchsize": "未知的键。 是否想写“batch_size”？",
    }


def test_a_field_that_may_be_several_things_is_told_once() -> None:
    assert list(issues(train={"micro_batch_tokens": []})) == ["train.micro_batch_tokens"]
    assert list(issues(adapter={"init_lora_weights": "zeros"})) == ["adapter.init_lora_weights"]


@pytest.mark.parametrize("data", [{"path": "x"}, "x", [], None])
def test_data_that_is_no_list_of_sources_shows_how_to_write_one(data: object) -> None:
    assert "[[data]]" in issues(data=data)["data"]


@pytest.mark.parametrize(("section", "header"), [("model", "[model]"), ("train", "[train]")])
def test_a_section_that_is_no_section_shows_how_to_write_one(section: str, header: str) -> None:
    assert header in issues(**{section: "smollm2"})[section]


def test_without_model_and_data_both_are_asked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve([])
    assert "model" in caught.value.message
    assert "data" in caught.value.message
    assert caught.value.exit_code == 2


def test_numbers_are_taken_where_text_is_meant() -> None:
    config = resolve([Layer("file", SOUND | {"launch": {"gpus": 0}, "run": {"name": 7}})]).config
    assert (config.launch.gpus, config.run.name) == ("0", "7")


@pytest.mark.parametrize("section", known_fields(""))
def test_every_field_has_a_sentence_that_explains_it(section: str) -> None:
    model = section_model(section)
    assert model is not None
    for name in known_fields(section):
        description = model.model_fields[name].description or ""
        assert len(description) >= 5, f"{section}.{name}"
        assert not description.endswith("."), f"{section}.{name}"


ROOT = Path(__file__).resolve().parents[3]


def test_every_field_is_read_by_the_code_that_it_is_for() -> None:
    """By the section's name, as in ``config.train.optim``; what only the config's own rules read decides nothing."""
    read = {
        (getattr(node.value, "attr", getattr(node.value, "id", "")).lstrip("_"), node.attr)
        for path in (ROOT / "engine").rglob("*.py") if path.parent.name != "config"
        for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)
    }  # fmt: skip
    names = {section: (section, "section", "source") for section in known_fields("")}
    unread = {
        f"{section}.{field}" for section in names for field in known_fields(section)
        if not any((name, field) in read for name in names[section])
    }  # fmt: skip
    assert unread == set()


@pytest.mark.parametrize("dotted", GONE)
def test_a_field_that_is_gone_says_so_and_a_run_that_holds_it_goes_on(dotted: str, tmp_path: Path) -> None:
    section, field = dotted.split(".")
    assert issues(**{section: {field: 1}})[dotted].startswith("is gone: ")
    written = toml.dumps(resolve([Layer("you", SOUND)]))
    old = tmp_path / "config.toml"
    old.write_text(written.replace(f"[{section}]\n", f"[{section}]\n{field} = 1\n"))
    assert f"{field} = 1" in old.read_text()
    assert toml.load(old).config == resolve([Layer("you", SOUND)]).config
    assert f"{field} = 1" not in toml.with_values(old.read_text(), {"run.seed": 7}, "a remedy")


def test_every_field_and_every_preset_is_explained_in_chinese_too() -> None:
    fields = {f"fields.{section}-{name}" for section in known_fields("") for name in known_fields(section)}
    texts = codes("zh")
    assert {code for code in texts if code.startswith("fields.")} == {name.replace("_", "-") for name in fields}
    assert {code for code in texts if code.startswith("presets.")} == {f"presets.{name}" for name in preset_ids()}
    language.use("zh")
    assert description("data.0.path").startswith("文件、文件夹")
    assert load_preset("qlora").title == "QLoRA：小显存训练较大的模型"
    assert "4 位" in load_preset("qlora").description
    language.use("en")
    assert description("train.learning_rate") == "Peak learning rate"
