"""Turns and rows that say "do not train on this" are read so, in whatever spelling; what they say else is remarked."""

from __future__ import annotations

from typing import Any

import pytest

from engine.data.rows.convert import problem, to_row
from engine.data.rows.flags import is_mark
from engine.data.rows.formats import Detected, detect
from engine.data.rows.messages import RawRow, Row
from engine.data.rows.records import record_of, row_of
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.data.conftest import source

DENIED: list[tuple[str, Any]] = [
    ("loss", False), ("weight", 0), ("weight", 0.0), ("train", "false"), ("trainable", "False"), ("training", "no"),
    ("loss_mask", 0), ("lossMask", "0"), ("is_trainable", False), ("no_loss", True), ("ignore_loss", 1),
    ("exclude_from_training", "yes"), ("supervised", False), ("train", "0.0"), ("trainOnThis", False),
    ("loss_masked", True), ("calculate_loss", "no"), ("has_loss", 0), ("loss_coefficient", 0.0),
    ("requires_grad", False),
]  # fmt: skip


def read(*raws: dict[str, Any]) -> tuple[list[Row], Detected]:
    rows = [RawRow(values, "s", "a.jsonl", number) for number, values in enumerate(raws, start=1)]
    detected = detect(rows, source("a.jsonl"))
    return [to_row(raw, detected) for raw in rows], detected


def dialogue(**mark: Any) -> dict[str, Any]:
    wrong = {"role": "assistant", "content": "wrong", **mark}
    rest = [{"role": "user", "content": "No."}, {"role": "assistant", "content": "right"}]
    return {"messages": [{"role": "user", "content": "Say."}, wrong, *rest]}


@pytest.mark.parametrize(("key", "value"), DENIED)
def test_an_answer_marked_as_not_to_be_trained_is_not(key: str, value: Any) -> None:
    (made,), _ = read(dialogue(**{key: value}))
    assert [bool(message.untrained) for message in made.messages] == [False, True, False, False]
    assert made.messages[1].untrained.startswith(key)
    assert [code for code, _ in made.remarks] == ["untrained_turns"]
    assert problem(made) is None


@pytest.mark.parametrize(("key", "value"), [("masked", True), ("skip", 1), ("ignore", "yes"), ("include", False)])
def test_of_a_turn_but_not_of_a_row_one_word_is_enough(key: str, value: Any) -> None:
    (made,), _ = read(dialogue(**{key: value}))
    assert [bool(message.untrained) for message in made.messages] == [False, True, False, False]
    (row,), detected = read({"prompt": "a", "completion": "b", key: value})
    assert (row.untrained, detected.unused) == ("", (key,))


@pytest.mark.parametrize("mark", [{"loss": True}, {"weight": 1}, {"train": "yes"}, {"no_loss": False}, {"loss": None}])
def test_an_answer_marked_as_to_be_trained_is_as_any_other(mark: dict[str, Any]) -> None:
    (made,), _ = read(dialogue(**mark))
    assert not any(message.untrained for message in made.messages)
    assert made.remarks == ()


@pytest.mark.parametrize(
    "mark",
    [
        {"weight": 0.5},
        {"loss": "maybe"},
        {"weight": 2},
        {"loss_mask": [0, 1]},
        {"mask": 1},
        {"train_detail": [{"train": False}]},
    ],
)
def test_a_mark_that_is_neither_yes_nor_no_is_remarked(mark: dict[str, Any]) -> None:
    (made,), _ = read(dialogue(**mark))
    assert not any(message.untrained for message in made.messages)
    assert [code for code, _ in made.remarks] == ["unclear_marks"]


def test_sharegpt_with_weight_0_on_what_the_human_says_trains_the_answer() -> None:
    turns = [{"from": "human", "value": "?", "weight": 0}, {"from": "gpt", "value": "!", "weight": 1}]
    (made,), _ = read({"conversations": turns})
    assert [bool(message.untrained) for message in made.messages] == [True, False]
    assert made.remarks == ()
    assert problem(made) is None


def test_a_question_marked_as_to_be_trained_is_remarked_as_train_on_decides() -> None:
    turns = [{"role": "user", "content": "?", "train": True}, {"role": "assistant", "content": "!"}]
    (made,), _ = read({"messages": turns})
    assert [code for code, _ in made.remarks] == ["marked_questions"]


def test_a_row_whose_every_answer_is_marked_is_left_out_with_the_mark_as_the_reason() -> None:
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!", "loss": False}]
    (made,), _ = read({"messages": turns})
    assert problem(made) == Message("rows.answers-marked", mark="loss = false")


@pytest.mark.parametrize(("key", "value"), DENIED)
def test_a_row_marked_as_not_to_be_trained_is_left_out(key: str, value: Any) -> None:
    unmarked, marked = {"prompt": "a", "completion": "b", key: None}, {"prompt": "c", "completion": "d", key: value}
    rows, detected = read(unmarked, marked)
    assert problem(rows[0]) is None
    assert detected.marks == (key,)
    assert f"{key} says which rows are trained" in text(detected.evidence)
    assert "not used" not in text(detected.evidence)
    assert problem(rows[1]) == Message("rows.marked-untrained", mark=rows[1].untrained)


def test_marks_stand_beside_plain_text_and_labels_too() -> None:
    rows, _ = read({"text": "Once.", "train": 1}, {"text": "Twice.", "train": 0})
    assert [bool(problem(made)) for made in rows] == [False, True]
    labelled = [{"text": f"t{i}", "label": "a", "trainable": str(i > 0)} for i in range(4)]
    rows, detected = read(*labelled)
    assert detected.format == "classification"
    assert [bool(problem(made)) for made in rows] == [True, False, False, False]


def test_a_column_of_weights_that_are_no_marks_is_not_guessed_to_be_one() -> None:
    rows, detected = read(
        {"prompt": "a", "completion": "b", "weight": 0.5}, {"prompt": "c", "completion": "d", "weight": 0}
    )
    assert detected.marks == ()
    assert "not used: weight" in text(detected.evidence)
    assert [problem(made) for made in rows] == [None, None]


def test_a_mark_beyond_the_sample_that_is_neither_yes_nor_no_is_remarked() -> None:
    _, detected = read({"prompt": "a", "completion": "b", "train": 1})
    made = to_row(RawRow({"prompt": "a", "completion": "b", "train": 0.5}, "s", "a", 2), detected)
    assert made.remarks == (("unclear_marks", Message("rows.row-says", mark="train = 0.5")),)


@pytest.mark.parametrize("name", ["weight_kg", "train_number", "mood", "losses", "content", "trainer", "mask", "label"])
def test_names_that_only_look_like_marks_are_none(name: str) -> None:
    assert not is_mark(name)


def test_the_mark_of_a_turn_outlives_its_file() -> None:
    (made,), _ = read(dialogue(trainable=False))
    again = row_of(record_of(made))
    assert [bool(message.untrained) for message in again.messages] == [False, True, False, False]
