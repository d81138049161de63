"""A JSON file is read as what it is: one conversation, several, or a table by columns, and never as plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.files.preview import look
from engine.data.reader import load
from engine.data.rows.messages import Row
from tests.engine.data.conftest import Write, config, source

TALK = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]
MORE = [{"role": "user", "content": "A fruit?"}, {"role": "assistant", "content": "Plum.", "loss": True}]
SHARED = [{"from": "human", "value": "Hello."}, {"from": "gpt", "value": "Hi."}]
ROWS = [{"instruction": "A?", "output": "B."}, {"instruction": "C?", "output": "D."}]


def read(write: Write, name: str, content: str) -> list[Row]:
    path = write(name, content)
    rows = load(config(source(path))).rows
    assert look(source(path)).rows[0] == rows[0]
    return rows


def said(row: Row) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row.messages]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("turns", [TALK, SHARED, [*TALK, *MORE]])
@pytest.mark.parametrize("indent", [None, 1])
def test_a_list_of_turns_is_one_conversation(write: Write, name: str, turns: list[Any], indent: int | None) -> None:
    (row,) = read(write, name, json.dumps(turns, indent=indent))
    assert said(row)[:2] == [("user", "Hello."), ("assistant", "Hi.")]
    assert len(row.messages) == len(turns)


@pytest.mark.parametrize(
    "content",
    [
        f"{json.dumps(TALK)}\n{json.dumps(MORE)}\n",
        f"{json.dumps(TALK, indent=1)}\n{json.dumps(MORE, indent=1)}",
        json.dumps([TALK, MORE]),
        json.dumps({"data": [TALK, MORE]}),
        json.dumps({"messages": [TALK, MORE]}),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_each_of_several_lists_of_turns_is_a_conversation(write: Write, name: str, content: str) -> None:
    rows = read(write, name, content)
    assert [said(row)[-1] for row in rows] == [("assistant", "Hi."), ("assistant", "Plum.")]
    assert [row.number for row in rows] == [1, 2]


def test_a_list_of_turns_wrapped_in_an_object_is_one_conversation(write: Write) -> None:
    (row,) = read(write, "a.json", json.dumps({"data": TALK}))
    assert said(row) == [("user", "Hello."), ("assistant", "Hi.")]


def test_a_list_of_turns_that_holds_something_else_is_refused(write: Write) -> None:
    with pytest.raises(DataError) as caught:
        load(config(source(write("a.json", json.dumps([*TALK, {"note": "x"}])))))
    assert (caught.value.code, caught.value.reason.args["item"]) == ("data.not-all-turns", 3)


TABLES = {
    "lists": {"instruction": ["A?", "C?"], "output": ["B.", "D."]},
    "pandas": {"instruction": {"0": "A?", "1": "C?"}, "output": {"0": "B.", "1": "D."}},
    "pandas with named rows": {"instruction": {"x": "A?", "y": "C?"}, "output": {"x": "B.", "y": "D."}},
    "index": {"0": ROWS[0], "1": ROWS[1]},
    "rows by name": {"q-1": ROWS[0], "q-2": ROWS[1]},
    "split": {"columns": ["instruction", "output"], "index": [0, 1], "data": [["A?", "B."], ["C?", "D."]]},
    "tight": {
        "index": [0, 1], "columns": ["instruction", "output"], "data": [["A?", "B."], ["C?", "D."]],
        "index_names": [None], "column_names": [None],
    },
    "table": {"schema": {"fields": []}, "data": [{"index": at, **row} for at, row in enumerate(ROWS)]},
    "wrapped by a name of its own": {"questions": ROWS},
    "splits": {"train": {"instruction": ["A?", "C?"], "output": ["B.", "D."]}, "test": {}},
}  # fmt: skip


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("shape", TABLES)
def test_a_table_by_columns_is_read_as_its_rows(write: Write, shape: str, name: str) -> None:
    rows = read(write, name, json.dumps(TABLES[shape]))
    assert [said(row) for row in rows] == [
        [("user", "A?"), ("assistant", "B.")], [("user", "C?"), ("assistant", "D.")],
    ]  # fmt: skip


def test_a_table_of_conversations_is_read_as_its_rows(write: Write) -> None:
    rows = read(write, "a.json", json.dumps({"id": [1, 2], "messages": [TALK, MORE]}))
    assert [said(row)[-1][1] for row in rows] == ["Hi.", "Plum."]


def test_a_list_of_conversations_is_read_under_whatever_name_it_stands(write: Write) -> None:
    rows = read(write, "a.json", json.dumps({"conversations": [{"messages": TALK}, {"messages": MORE}]}))
    assert [said(row)[-1][1] for row in rows] == ["Hi.", "Plum."]


@pytest.mark.parametrize(
    "value",
    [
        {"messages": TALK},
        {"prompt": TALK[:1], "completion": TALK[1:]},
        {"messages": TALK, "tools": [{"name": "a"}, {"name": "b"}]},
        {"instruction": "Hello.", "output": "Hi.", "meta": {"id": 1}},
        {"instruction": "Hello.", "output": "Hi.", "data": {"id": 1}},
    ],
)
def test_an_object_that_is_one_row_stays_one(write: Write, value: dict[str, Any]) -> None:
    (row,) = read(write, "a.json", json.dumps(value))
    assert said(row) == [("user", "Hello."), ("assistant", "Hi.")]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_table_whose_columns_differ_in_length_is_refused_with_the_lengths(write: Write, name: str) -> None:
    with pytest.raises(DataError) as caught:
        load(config(source(write(name, '{"instruction": ["A?", "C?"], "output": ["B."]}'))))
    assert (caught.value.code, caught.value.reason.args["lengths"]) == (
        "data.uneven-table",
        "'instruction' 2, 'output' 1",
    )


def test_turns_may_hold_more_but_not_which_conversation_they_belong_to(write: Write) -> None:
    (row,) = read(write, "a.json", json.dumps([{**turn, "id": at, "time": 3} for at, turn in enumerate(TALK)]))
    assert said(row) == [("user", "Hello."), ("assistant", "Hi.")]
    with pytest.raises(DataError) as caught:
        load(config(source(write("b.json", json.dumps([{**turn, "conversation_id": 7} for turn in TALK])))))
    assert caught.value.title == "Each row is one turn, not a conversation"


def test_conversations_by_their_names_are_read_but_two_may_be_a_preference(write: Write) -> None:
    rows = read(write, "a.json", json.dumps({"first": TALK, "second": MORE, "third": SHARED}))
    assert [said(row)[-1][1] for row in rows] == ["Hi.", "Plum.", "Hi."]
    with pytest.raises(DataError) as caught:
        load(config(source(write("b.json", json.dumps({"chosen": TALK, "rejected": MORE})))))
    assert "preference" in caught.value.title


def test_texts_with_authors_are_no_conversation(write: Write) -> None:
    path = write("a.json", json.dumps([{"author": "human", "text": "Once."}, {"author": "gpt", "text": "Twice."}]))
    with pytest.raises(DataError):
        load(config(source(path)))
    assert [row.text for row in load(config(source(path, format="text"))).rows] == ["Once.", "Twice."]
