"""A message travels: as JSON, through a pickle and through msgspec, and stays the same."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import msgspec
import pytest

from engine.messages.message import Message, is_code

_NESTED = Message(
    "data.unreadable", path=Path("a/b.jsonl"), row=3, share=0.5, is_first=True, nothing=None,
    reason=Message("data.no-json", column=7), others=[Message("data.no-json", column=8), "text"],
)  # fmt: skip


class Event(msgspec.Struct):
    what: Message


def test_arguments_are_plain_values() -> None:
    assert _NESTED.args["path"] == "a/b.jsonl"
    assert _NESTED.args["others"] == (Message("data.no-json", column=8), "text")
    assert Message("a.b", x=math.nan, y=-math.inf).args == {"x": "NaN", "y": "-inf"}


def test_it_comes_back_from_json_pickle_and_msgspec() -> None:
    assert Message.from_json(json.loads(json.dumps(_NESTED.as_json()))) == _NESTED
    assert pickle.loads(pickle.dumps(_NESTED)) == _NESTED
    assert msgspec.json.decode(msgspec.json.encode(Event(_NESTED)), type=Event).what == _NESTED


def test_equal_messages_are_one_in_a_set() -> None:
    assert {Message("a.b", x=1, y=[2]), Message("a.b", y=(2,), x=1), Message("a.b", x=2, y=[2])} == {
        Message("a.b", x=1, y=[2]), Message("a.b", x=2, y=[2])}  # fmt: skip


def test_a_sentence_of_an_old_log_is_a_literal() -> None:
    assert Message.from_json("The loss is not finite.") == Message.literal("The loss is not finite.")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("data.unknown-format", True), ("wizard-model.a1", True), ("No such file", False), ("train.batch_size", False),
     ("data.0.path", False), ("e.g.", False)],
)  # fmt: skip
def test_a_code_is_a_room_and_a_name_in_kebab_case(text: str, is_one: bool) -> None:
    assert is_code(text) is is_one
