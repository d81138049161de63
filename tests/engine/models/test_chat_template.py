"""Base or chat is advised from the task, and what is wrong with a template is found from the files, with a fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.common.files import read_json
from engine.messages.catalogue import part
from engine.messages.message import Message
from engine.models.card import read_card
from engine.models.chat_template import Problem, problems
from engine.models.kind import Kind, advise_kind
from engine.models.tokenizer_files import Tokens, read_tokens
from tests.engine.models.folders import CHATML, MakeModel

MARKED = {0: "<|endoftext|>", 1: "<|im_start|>", 2: "<|im_end|>"}


def tokens(**changed: Any) -> Tokens:
    values: dict[str, Any] = {
        "has_tokenizer": True, "chat_template": CHATML, "eos_tokens": ("<|im_end|>",), "pad_token": "", "added": MARKED,
    }  # fmt: skip
    return Tokens(**(values | changed))


def found(given: Tokens, kind: Kind = "chat", rows: int = 10, **how: Any) -> list[Problem]:
    return list(problems(given, kind, rows, **how))


def test_a_chat_model_with_its_own_template_has_no_problem() -> None:
    assert found(tokens()) == []


@pytest.mark.parametrize(
    ("task", "kind", "fits"),
    [("dialogue", "chat", True), ("dialogue", "base", False), ("text", "base", True), ("text", "chat", False),
     ("text", "unclear", None)],
)  # fmt: skip
def test_the_kind_is_advised_from_the_task(task: Any, kind: Kind, fits: bool | None) -> None:
    assert advise_kind(task, kind).fits is fits


@pytest.mark.parametrize(
    ("given", "kind", "how", "field", "code"),
    [
        (tokens(chat_template=""), "chat", {}, "model.chat_template", "models.chat-without-template"),
        (tokens(chat_template=""), "base", {}, "model.chat_template", "models.base-without-template"),
        (tokens(added={0: "</s>"}), "chat", {}, "model.chat_template", "models.template-marks-missing"),
        (tokens(eos_tokens=("<|endoftext|>",)), "base", {}, "model.chat_template", "models.never-stops"),
        (tokens(eos_tokens=("<|endoftext|>",)), "base", {"wanted": "chatml"}, "adapter.trainable_token_indices",
         "models.marks-untrained"),
        (tokens(), "chat", {"wanted": "x.jinja", "template": "{{ eos_token }}"}, "model.chat_template",
         "models.template-not-own"),
        (tokens(), "chat", {"rows": 2}, "model.name_or_path", "models.token-beyond"),
        (tokens(bos_token="<s>", adds_bos=True, chat_template="<s>" + CHATML), "chat", {}, "model.chat_template",
         "models.two-bos"),
    ],
)  # fmt: skip
def test_each_problem_is_found_and_says_what_to_do(
    given: Tokens, kind: Kind, how: dict[str, Any], field: str, code: str
) -> None:
    (problem,) = found(given, kind, **how)
    assert problem.config_field == field
    assert problem.message.code == code
    assert part(problem.message, "hint")


def test_training_the_marks_ends_the_warning_about_them() -> None:
    base = tokens(eos_tokens=("<|endoftext|>",))
    assert found(base, "base", wanted="chatml", trains_marks=True) == []
    assert found(base, "base", wanted="plain") == []


def test_a_mark_that_is_no_token_counts_against_a_chat_model(make_model: MakeModel) -> None:
    added = {"0": {"content": "</s>"}, "1": {"content": "<|im_end|>"}}
    card = read_card(make_model(tokenizer={"eos_token": "</s>", "added_tokens_decoder": added}))
    assert Message("models.mark-missing", mark="<|im_start|>") in card.kind_evidence
    assert card.kind == "base"


def test_the_end_of_turn_in_the_generation_settings_is_evidence(make_model: MakeModel) -> None:
    added = {"7": {"content": "<|im_end|>"}, "8": {"content": "<|im_start|>"}}
    card = read_card(make_model(
        tokenizer={"eos_token": "<|im_end|>", "added_tokens_decoder": added},
        generation_config__json=json.dumps({"eos_token_id": 7}),
    ))  # fmt: skip
    assert Message("models.ends-generation", token="<|im_end|>") in card.kind_evidence
    assert Message("models.marks-own", marks=("<|im_start|>", "<|im_end|>")) in card.kind_evidence


@pytest.mark.parametrize("by", ["setting", "post_processor"])
def test_a_tokenizer_that_adds_the_first_token_itself_is_known(make_model: MakeModel, by: str) -> None:
    settings: dict[str, Any] = {"bos_token": "<s>"} | ({"add_bos_token": True} if by == "setting" else {})
    post = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}]}
    fast = {"added_tokens": [], "post_processor": post if by == "post_processor" else None, "model": {}}
    folder: Path = make_model(tokenizer=settings, tokenizer__json=json.dumps(fast))
    read = read_tokens(folder, read_json(folder / "config.json"))
    assert (read.bos_token, read.adds_bos) == ("<s>", True)
