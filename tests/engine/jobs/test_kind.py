"""A model is asked whether it is base or chat: lengths of its marks' embeddings, and two short answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.config import toml
from engine.evaluation.kind_probe import NEW_TOKENS, MarkNorm, Said, judge
from engine.jobs import __main__ as inspect
from engine.jobs import kind as question
from engine.messages.message import Message
from tests.tiny import make_tiny_model

MARK = MarkNorm("<|im_end|>", "embedding", 1.0, 1.0, 0.5)
SHORT = MarkNorm("<|im_end|>", "embedding", 0.01, 1.0, 0.0)


def said(text: str = "Paris.", stopped: bool = True) -> Said:
    return Said("Where?", text, stopped, "<|im_end|>" if stopped else "")


@pytest.mark.parametrize(
    ("marks", "templated", "kind", "evidence"),
    [
        ((MARK,), said(), "chat", Message("evaluation.stopped", token="<|im_end|>")),
        ((MARK,), said(stopped=False), "unclear", Message("evaluation.never-stopped", tokens=NEW_TOKENS)),
        ((SHORT,), said(), "unclear", Message("evaluation.embedding-untrained", token="<|im_end|>", longer=1.0)),
        ((SHORT,), said(stopped=False), "base", Message("evaluation.never-stopped", tokens=NEW_TOKENS)),
        ((), said(stopped=False), "base", Message("evaluation.never-stopped", tokens=NEW_TOKENS)),
        ((MARK,), said(text=" "), "unclear", Message("evaluation.stopped", token="<|im_end|>")),
        ((MARK,), None, "base", Message("evaluation.no-template")),
    ],
)
def test_marks_and_answer_together_give_the_verdict(
    marks: tuple[MarkNorm, ...], templated: Said | None, kind: str, evidence: Message
) -> None:
    suggests, found = judge(marks, templated)
    assert suggests == kind
    assert evidence in found


def asked(model: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """What the child process would print, line by line; the rows that are named are not there."""
    file = tmp_path / "draft.toml"
    file.write_text(f'[model]\nname_or_path = "{model}"\n[[data]]\npath = "not-yet.jsonl"\n[launch]\ngpus = "cpu"\n')
    lines: list[dict[str, Any]] = []
    result = question.answer(toml.load(file).config, lambda kind, **values: lines.append({"kind": kind, **values}))
    return json.loads(json.dumps([*lines, result], default=Message.as_json))


def test_it_is_a_question_of_the_child_process() -> None:
    assert "kind" in inspect.QUESTIONS


@pytest.mark.parametrize("tie", [True, False])
def test_the_tiny_model_is_measured_and_asked(tmp_path: Path, home: Path, tiny: Path, untied: Path, tie: bool) -> None:
    *progress, result = asked(tiny if tie else untied, tmp_path)
    assert {line["kind"] for line in progress} == {"progress"}
    assert result["files_say"] == "chat"
    matrices = {"embedding"} if tie else {"embedding", "head"}
    assert {(mark["token"], mark["matrix"]) for mark in result["marks"]} == {
        (token, matrix) for token in ("<|im_start|>", "<|im_end|>") for matrix in matrices
    }
    assert result["plain"]["prompt"].startswith("The capital")
    assert isinstance(result["templated"]["stopped"], bool)


def test_a_mark_that_was_never_trained_is_found(tmp_path: Path, home: Path) -> None:
    model = make_tiny_model(tmp_path / "tiny")
    weights = load_file(model / "model.safetensors")
    weights["model.embed_tokens.weight"][1] *= 0.001  # <|im_start|>
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    *_, result = asked(model, tmp_path)
    trained = {mark["token"]: mark["looks_trained"] for mark in result["marks"]}
    assert trained == {"<|im_start|>": False, "<|im_end|>": True}
    assert {"code": "evaluation.embedding-untrained", "token": "<|im_start|>"} in [
        {"code": each["code"], "token": each["args"].get("token")} for each in result["model_evidence"]
    ]


def test_a_model_without_a_template_is_not_asked_in_one(tmp_path: Path, home: Path, tiny_base: Path) -> None:
    *_, result = asked(tiny_base, tmp_path)
    assert result["templated"] is None
    assert result["model_says"] == "base"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
