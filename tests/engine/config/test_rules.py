"""What fits no range but does not go together either is said before anything is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import rules
from engine.config.presets import Layer, resolve
from engine.messages.message import Message


def found(**sections: Any) -> dict[str, str]:
    """Level by field of what the rules say of a sound config with ``sections`` put over it."""
    base: dict[str, Any] = {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]}
    config = resolve([Layer("file", base | sections)]).config
    return {issue.field: issue.level for issue in rules.check(config)}


def test_a_plain_run_has_nothing_to_be_said() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("sections", "field", "level"),
    [
        ({"strategy": {"kind": "continue"}}, "strategy.adapter", "error"),
        ({"strategy": {"kind": "merge"}}, "strategy.adapter", "error"),
        ({"strategy": {"adapter": "old"}}, "strategy.adapter", "note"),
        ({"strategy": {"take_optimizer": True}}, "strategy.take_optimizer", "note"),
        ({"train": {"learning_rate": 0.01}}, "train.learning_rate", "warning"),
        ({"train": {"micro_batch_tokens": 512}}, "train.micro_batch_tokens", "warning"),
        ({"train": {"optim": "paged_adamw_8bit"}}, "train.optim", "note"),
        ({"model": {"name_or_path": "m", "quantization": "int8"}}, "model.quantization", "note"),
        ({"adapter": {"r": 4, "lora_alpha": 64}}, "adapter.lora_alpha", "warning"),
        ({"model": {"name_or_path": "m", "trust_remote_code": True}}, "model.trust_remote_code", "warning"),
        ({"model": {"name_or_path": "m", "allow_pickle": True}}, "model.allow_pickle", "warning"),
        ({"model": {"name_or_path": "m", "chat_template": "no.jinja"}}, "model.chat_template", "error"),
        ({"dataset": {"eval_share": 0}}, "dataset.eval_share", "warning"),
        ({"dataset": {"eval_share": 0.6, "test_share": 0.5}}, "dataset.test_share", "error"),
        ({"dataset": {"split_overlap": 8}}, "dataset.split_overlap", "note"),
        ({"dataset": {"too_long": "split", "split_overlap": 1024}}, "dataset.split_overlap", "error"),
        ({"dataset": {"too_long": "split", "split_overlap": 600}}, "dataset.split_overlap", "warning"),
        (
            {"dataset": {"packing": True}, "model": {"name_or_path": "m", "attn_implementation": "sdpa"}},
            "dataset.packing",
            "note",
        ),
        ({"dataset": {"eval_rows": 0}}, "dataset.eval_share", "warning"),
        (
            {"dataset": {"eval_rows": 0}, "eval": {"early_stopping_patience": 2}},
            "eval.early_stopping_patience",
            "error",
        ),
        ({"launch": {"distributed": "fsdp"}}, "launch.distributed", "error"),
        ({"launch": {"gpus": "0,0"}}, "launch.gpus", "error"),
        ({"launch": {"gpus": "0,cpu"}}, "launch.gpus", "error"),
        ({"launch": {"gpus": "auto,1"}}, "launch.gpus", "error"),
        ({"launch": {"gpus": "0,1"}, "train": {"batch_size": 1}}, "train.batch_size", "error"),
        ({"data": [{"path": "x"}, {"path": "y", "share": 1.0}]}, "data", "error"),
        ({"data": [{"path": "a/b", "streaming": True}]}, "data.0.max_rows", "error"),
        ({"data": [{"path": "run:old", "role": "replay", "share": 0.1}]}, "data.0.role", "error"),
        ({"data": [{"path": "x"}, {"path": "run:old", "role": "replay"}]}, "data.1.share", "warning"),
        ({"data": [{"path": "x"}, {"path": "run:old", "role": "replay", "share": 0.005}]}, "data.1.share", "warning"),
        ({"data": [{"path": "x"}, {"path": "run:old", "role": "replay", "share": 0.6}]}, "data.1.share", "warning"),
    ],
)
def test_what_does_not_go_together_is_said(sections: dict[str, Any], field: str, level: str) -> None:
    assert found(**sections)[field] == level


@pytest.mark.parametrize("gpus", ["auto", "cpu", "1", "0,1", "cpu,cpu"])
def test_one_device_or_several_of_a_kind_can_train(gpus: str) -> None:
    assert found(launch={"gpus": gpus}) == {}


def test_a_finding_is_a_code_with_its_values() -> None:
    base = {"model": {"name_or_path": "m"}, "data": [{"path": "x"}]}
    config = resolve([Layer("file", base | {"train": {"learning_rate": 0.01}})]).config
    (issue,) = rules.check(config)
    assert issue.what == Message("rules.rate-high", rate=0.01)
    assert str(issue) == "train.learning_rate: 0.01 is high even for LoRA and may diverge. 1e-4 to 5e-4 is usual."


def test_errors_are_told_apart_from_advice() -> None:
    issues = [rules.Issue("error", "a", Message.literal("no")), rules.Issue("note", "b", Message.literal("hm"))]
    assert [issue.field for issue in rules.errors(issues)] == ["a"]
