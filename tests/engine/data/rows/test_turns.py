"""Tools, calls and reasoning keep their structure, whatever the manner in which a row writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.rows.convert import problem, to_row
from engine.data.rows.formats import detect
from engine.data.rows.messages import Message, RawRow, Row, ToolCall
from engine.data.rows.records import record_of, row_of
from engine.messages.catalogue import text
from engine.messages.message import Message as Said
from tests.engine.data.conftest import source

ARGUMENTS = {"city": "Köln"}
SCHEMA = {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}
CALL = ToolCall("weather", '{"city": "Köln"}')


def row(values: dict[str, Any], file: str = "rows.jsonl", **fields: Any) -> Row:
    raw = RawRow(values, "s", file, 1)
    return to_row(raw, detect([raw], source(file, **fields)))


def refused(values: dict[str, Any], **fields: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        row(values, **fields)
    assert caught.value.hint
    return caught.value


def openai(call: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "sun", "tool_call_id": call.get("id"), "name": "weather"},
        {"role": "assistant", "content": "Sunny."},
    ]


@pytest.mark.parametrize(
    "call",
    [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": json.dumps(ARGUMENTS)}},
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}},
        {"id": "c1", "name": "weather", "parameters": ARGUMENTS},
    ],
)
def test_calls_of_functions_are_read_in_every_manner(call: dict[str, Any]) -> None:
    made = row({"messages": openai(call)})
    assert made.messages[1] == Message("assistant", "", calls=(ToolCall("weather", '{"city": "Köln"}', "c1"),))
    assert made.messages[2] == Message("tool", "sun", name="weather", call_id="c1")


@pytest.mark.parametrize(
    "call", [{"name": "weather", "arguments": ARGUMENTS}, [{"name": "weather", "arguments": "{}"}]]
)
def test_a_function_call_of_sharegpt_is_a_call_and_an_observation_a_tools_message(call: Any) -> None:
    turns = [
        {"from": "human", "value": "Weather?"},
        {"from": "function_call", "value": json.dumps(call)},
        {"from": "observation", "value": '{"sky": "sun"}'},
        {"from": "gpt", "value": "Sunny."},
    ]
    made = row({"conversations": turns})
    assert [message.role for message in made.messages] == ["user", "assistant", "tool", "assistant"]
    assert made.messages[1].content == ""
    assert made.messages[1].calls[0].name == "weather"


def test_a_function_call_that_is_no_json_stays_what_was_said() -> None:
    turns = [{"from": "human", "value": "?"}, {"from": "function_call", "value": "weather(Köln)"}]
    assert row({"conversations": turns}).messages[1] == Message("assistant", "weather(Köln)")


def test_calls_are_written_out_as_json_where_only_text_is_wanted() -> None:
    assert Message("assistant", "I ask.", calls=(CALL,)).text == (
        'I ask.\n{"name": "weather", "arguments": {"city": "Köln"}}'
    )


def test_a_row_of_calls_alone_teaches_something() -> None:
    made = row({"messages": openai({"name": "weather", "arguments": {}})[:2]})
    assert problem(made) is None


@pytest.mark.parametrize("tools", [[SCHEMA], json.dumps([SCHEMA]), [{"type": "function", "function": SCHEMA}]])
def test_schemas_of_tools_become_the_form_that_templates_take(tools: Any) -> None:
    made = row({"messages": openai({"name": "weather", "arguments": {}}), "tools": tools})
    assert [json.loads(tool) for tool in made.tools] == [{"type": "function", "function": SCHEMA}]


@pytest.mark.parametrize("tools", [None, "", "[]", []])
def test_no_tools_are_none(tools: Any) -> None:
    assert row({"messages": openai({"name": "weather", "arguments": {}}), "tools": tools}).tools == ()


@pytest.mark.parametrize("file", ["a.parquet", "a.jsonl", "a.json.gz"])
def test_the_nulls_that_a_tables_columns_bring_are_left_out_whatever_file_they_have_come_to(file: str) -> None:
    call = {"name": "weather", "arguments": {"city": "x", "other": None, "days": [{"day": 1, "hour": None}]}}
    schema = {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}, "time": None}}}
    made = row({"messages": openai(call), "tools": [schema]}, file)
    assert made.messages[1].calls[0].arguments == '{"city": "x", "days": [{"day": 1}]}'
    assert json.loads(made.tools[0])["function"]["parameters"] == {"properties": {"city": {"type": "string"}}}
    assert [code for code, _ in made.remarks] == ["nulls"]


@pytest.mark.parametrize("file", ["a.parquet", "a.jsonl"])
def test_nulls_in_arguments_written_as_json_text_were_meant(file: str) -> None:
    made = row({"messages": openai({"name": "weather", "arguments": '{"city": null}'})}, file)
    assert made.messages[1].calls[0].arguments == '{"city": null}'
    assert made.remarks == ()


def test_a_tools_result_loses_the_nulls_of_other_results() -> None:
    turns = openai({"name": "weather", "arguments": {}})
    turns[2] = {"role": "tool", "content": {"sky": "sun", "price": None}}
    assert row({"messages": turns}).messages[2].content == '{"sky": "sun"}'


PADDED = [
    {"role": None, "from": "human", "content": None, "value": "Which?"},
    {"role": None, "from": "gpt", "content": None, "value": "This."},
]


@pytest.mark.parametrize(
    "turns",
    [
        PADDED,
        [{**turn, "from": None, "speaker": turn["from"]} for turn in PADDED],
        [{**turn, "content": "", "tool_calls": None} for turn in PADDED],
        [{"role": "user", "content": "Which?", "text": None}, {"role": "assistant", "content": None, "text": "This."}],
        [{"role": "user", "content": "Which?", "from": None}, {"from": "gpt", "role": None, "content": "This."}],
    ],
)
def test_a_turn_is_read_by_the_keys_that_hold_something(turns: list[dict[str, Any]]) -> None:
    made = row({"conversations": turns})
    assert made.messages == (Message("user", "Which?"), Message("assistant", "This."))
    assert made.remarks == ()


def test_fields_of_turns_that_are_not_used_are_remarked() -> None:
    turns = [{"role": "user", "content": "?", "mood": "glad"}, {"role": "assistant", "content": "!", "mood": None}]
    assert row({"messages": turns}).remarks == (("turn_keys", Said("rows.turn-has-key", turn=1, key="mood")),)


@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_the_answer_is_kept_apart(key: str) -> None:
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "4", key: "2 + 2"}]
    assert row({"messages": turns}).messages[1] == Message("assistant", "4", "2 + 2")


def test_thinking_in_tags_stays_as_it_was_written() -> None:
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<think>2 + 2</think>4"}]
    assert row({"messages": turns}).messages[1].content == "<think>2 + 2</think>4"


def test_parts_of_thinking_are_reasoning() -> None:
    parts = [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "4"}]
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": parts}]
    assert row({"messages": turns}).messages[1] == Message("assistant", "4", "2 + 2")


def test_what_a_tool_gave_may_be_an_object() -> None:
    turns = [*openai({"name": "weather", "arguments": {}})]
    turns[2] = {"role": "tool", "content": {"sky": "sun"}}
    assert row({"messages": turns}).messages[2].content == '{"sky": "sun"}'


def test_a_picture_in_a_message_is_refused_with_the_reason() -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}]
    error = refused({"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "A cat."}]})
    assert error.reason.args["reason"].args["kind"] == "image_url"
    assert error.reason.args["cure"].code == "rows.cure-media"
    assert "Pictures" in error.hint


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ({"role": "assistant", "tool_calls": [{"arguments": {}}]}, "a call has no name"),
        ({"role": "assistant", "tool_calls": ["x"]}, "not an object"),
        ({"role": "assistant", "tool_calls": "{"}, "not JSON"),
    ],
)
def test_a_call_that_can_not_be_read_is_named_with_its_turn(turn: dict[str, Any], said: str) -> None:
    error = refused({"messages": [{"role": "user", "content": "?"}, turn]})
    assert (error.code, error.reason.args["row"], error.reason.args["reason"].args["turn"]) == ("rows.unusable", 1, 2)
    assert said in error.message


def test_tools_that_can_not_be_read_are_named() -> None:
    turns = openai({"name": "weather", "arguments": {}})
    assert refused({"messages": turns, "tools": "weather"}).reason.args["reason"].code == "rows.tools-unreadable"


def test_own_names_inside_turns_are_given_by_tags() -> None:
    turns = [{"who": "customer", "says": "hi"}, {"who": "agent", "says": "ho"}]
    tags = {"role": "who", "content": "says", "user": "customer", "assistant": "agent"}
    made = row({"chat log": turns}, tags=tags)
    assert [(message.role, message.content) for message in made.messages] == [("user", "hi"), ("assistant", "ho")]
    assert refused({"chat": turns}, tags={"rolle": "who"}).code == "rows.unknown-tag"


def test_a_row_survives_being_recorded() -> None:
    turns = openai({"id": "c1", "name": "weather", "arguments": ARGUMENTS})
    turns[3]["reasoning_content"] = "So."
    made = row({"messages": turns, "tools": [SCHEMA], "w": 0.5}, columns={"messages": "messages", "weight": "w"})
    assert made.weight == 0.5
    assert row_of(json.loads(json.dumps(record_of(made))), "s") == made


@pytest.mark.parametrize("weight", ["x", -1, float("inf"), [1]])
def test_a_weight_must_be_a_number_from_zero_on(weight: Any) -> None:
    values = {"prompt": "a", "completion": "b", "w": weight}
    error = refused(values, columns={"prompt": "prompt", "weight": "w"})
    assert error.reason.args["reason"].code == "rows.no-weight"


def test_a_column_called_weight_is_not_taken_for_the_rows_weight() -> None:
    assert row({"prompt": "a", "completion": "b", "weight": 350}).weight == 1.0


PAIR = [("system", "Be kind."), ("user", "Hi."), ("assistant", "Hello.")]


@pytest.mark.parametrize(
    "values",
    [
        {
            "system": [{"text": "Be kind."}],
            "messages": [{"role": role, "content": [{"text": text}]} for role, text in PAIR[1:]],
        },
        {
            "systemInstruction": {"role": "system", "parts": [{"text": "Be kind."}]},
            "contents": [
                {"role": role.replace("assistant", "model"), "parts": [{"text": text}]} for role, text in PAIR[1:]
            ],
        },
        {"system": "Be kind.", "my_chat": [{"role": role, "content": text} for role, text in PAIR[1:]]},
    ],
    ids=["Converse", "Gemini", "a name of its own"],
)
def test_what_the_system_says_is_read_beside_turns_of_any_manner(values: dict[str, Any]) -> None:
    assert [(message.role, message.content) for message in row(values).messages] == PAIR


def test_a_part_that_is_marked_is_remarked() -> None:
    parts = [{"type": "text", "text": "a", "loss": False}, {"type": "text", "text": "b"}]
    made = row({"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": parts}]})
    ((finding, seen),) = made.remarks
    assert (finding, text(seen)) == ("unclear_marks", "a part of content of turn 2 says loss = false")
