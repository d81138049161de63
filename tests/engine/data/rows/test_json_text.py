"""The numbers of a JSON file are trained as they are written there, wherever they stand and however it is read."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from engine.data.files.lenient import blocks, rows_of
from engine.data.files.sources import read_file
from engine.data.reader import load
from engine.data.rows.convert import problem, to_row
from engine.data.rows.formats import Detected
from engine.data.rows.json_text import JsonNumber, dumps, loads
from engine.data.rows.messages import RawRow, Row
from engine.data.rows.records import record_of, row_of
from engine.messages.message import Message as Said
from tests.engine.data.conftest import Write, config, source

NUMBERS = (
    "1e400", "-1e400", "1.10", "1E5", "1e+5", "12345678901234567890.5", "123456789012345678901234567890", "0.1", "-0.0",
    "7", "100.0", "1e-400",
)  # fmt: skip
LINES = [f'{{"prompt": "n {at}", "completion": {number}}}' for at, number in enumerate(NUMBERS)]
FILES = {
    "a.jsonl": "\n".join(LINES),
    "a.json": f"[{', '.join(LINES)}]",
    "lines.json": "\n".join(LINES),
    "wrapped.json": f'{{"data": [{", ".join(LINES)}]}}',
    "a.jsonl.gz": gzip.compress("\n".join(LINES).encode()),
}


@pytest.mark.parametrize("name", FILES)
def test_a_number_as_an_answer_is_the_text_of_the_file(write: Write, name: str) -> None:
    path = write(name, FILES[name])
    assert [row.messages[1].content for row in load(config(source(path))).rows] == list(NUMBERS)


def test_a_number_beside_what_only_a_lenient_reader_takes_keeps_its_text_too(write: Write) -> None:
    line = '{"prompt": "?", "completion": 1.10, "score": NaN}'
    (raw,) = read_file(write("a.jsonl", line), "s")
    assert raw.values == {"prompt": "?", "completion": "1.10", "score": None}


def test_a_number_keeps_its_text_where_lines_are_read_in_blocks(write: Write) -> None:
    path = write("a.jsonl", FILES["a.jsonl"])
    found = [raw for block in blocks(path, lambda fault: None) for raw in rows_of(block, "s", lambda fault: None)]
    assert [str(raw.values["completion"]) for raw in found] == list(NUMBERS)


def called(arguments: Any) -> Row:
    calls = [{"function": {"name": "pay", "arguments": arguments}}]
    turns = [{"role": "user", "content": "Pay."}, {"role": "assistant", "content": None, "tool_calls": calls}]
    return to_row(RawRow({"messages": turns}, "s", "a", 1), Detected("messages", {"messages": "messages"}, 1.0))


def test_numbers_in_arguments_and_results_keep_their_text() -> None:
    text = '{"sum": 1.10, "of": [1e400, {"x": 1E5}], "named": "1.10", "count": 3, "at": 0.5}'
    for arguments in (loads(text), text):
        made = called(arguments)
        assert made.messages[1].calls[0].arguments == text
        assert row_of(record_of(made) | {"source": "s"}).messages == made.messages
        assert row_of(json.loads(json.dumps(record_of(made)))).messages == made.messages


def test_what_is_written_is_what_was_read() -> None:
    value = {"a": [JsonNumber("1.10"), "1.10", None, True], 'quoted "key"': {"1": JsonNumber("-1E5")}}
    assert dumps(value) == '{"a": [1.10, "1.10", null, true], "quoted \\"key\\"": {"1": -1E5}}'
    assert dumps({"date": "2026-01-05", "n": 1}) == '{"date": "2026-01-05", "n": 1}'


def test_not_a_number_is_no_answer() -> None:
    detected = Detected("prompt_completion", {"prompt": "prompt", "completion": "completion"}, 1.0)
    for value in (float("nan"), float("inf"), None):
        made = to_row(RawRow({"prompt": "?", "completion": value}, "s", "a.parquet", 1), detected)
        assert problem(made) == Said("rows.no-assistant-text")


def test_weights_may_be_numbers_with_a_point(write: Write) -> None:
    path = write("a.jsonl", '{"prompt": "?", "completion": "!", "w": 0.50}')
    assert load(config(source(path, columns={"weight": "w"}))).rows[0].weight == 0.5
