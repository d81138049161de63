"""A column with a known name and an unknown content: the error says what is in it, and its cure works."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.reader import load
from engine.data.rows.messages import Message
from tests.engine.data.conftest import Write, config, source

TURNS = [{"role": "user", "content": "Which 'colour'?"}, {"role": "assistant", "content": "Red\nor so."}]
READ = (Message("user", "Which 'colour'?"), Message("assistant", "Red\nor so."))


def refused(path: Path, **fields: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        load(config(source(path, **fields)))
    assert caught.value.title == "What a column holds can't be read"
    return caught.value


def table(*rows: dict[str, str]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def mended(path: Path, error: DataError) -> Path:
    """The file that the command of the hint writes."""
    command = error.hint[error.hint.index("python3") :]
    subprocess.run(command, shell=True, check=True, cwd=path.parent)
    return path.parent / f"mended-{path.stem}.jsonl"


@pytest.mark.parametrize("column", ["messages", "conversations", "text", "content", "my turns"])
@pytest.mark.parametrize("name", ["a b.csv", "a.jsonl"])
def test_lists_as_python_prints_them_are_named_and_converted_by_the_hint(write: Write, column: str, name: str) -> None:
    rows = [{column: str(TURNS), "id": "1", "more": "x" * 200_000}, {column: str(TURNS), "id": "2", "more": ""}]
    path = write(
        name, "\ufeff" + table(*rows) if name.endswith("csv") else "".join(json.dumps(row) + "\n" for row in rows)
    )
    error = refused(path)
    assert f"'{column}' holds " in error.message
    assert "as Python prints them" in error.message
    assert [row.messages for row in load(config(source(mended(path, error)))).rows] == [READ, READ]


def test_printed_lists_in_a_text_may_be_meant(write: Write) -> None:
    path = write("a.jsonl", json.dumps({"text": "['a', 'b']"}))
    mapping = refused(path).hint.partition("meant as text: ")[2].partition(". ")[0]
    assert load(config(source(path, **tomllib.loads(mapping)))).rows[0].text == "['a', 'b']"


@pytest.mark.parametrize("printed", ["[{'role': 'user', 'content': 'a'}\n {'role': 'x'}]", "array([{'role': 'user'}])"])
def test_what_numpy_prints_can_only_be_written_again(write: Write, printed: str) -> None:
    assert "Write the file again" in refused(write("a.csv", table({"messages": printed}))).hint


@pytest.mark.parametrize("column", ["completion", "output", "answer"])
def test_printed_turns_are_no_answers_but_printed_objects_may_be(write: Write, column: str) -> None:
    ask = {"completion": "prompt", "output": "instruction", "answer": "question"}[column]
    path = write("a.csv", table({ask: "?", column: str(TURNS[1:])}))
    assert refused(path).code == "rows.printed-turns"
    path = write("b.csv", table({ask: "Extract the name.", column: "{'name': 'Ada'}"}))
    assert load(config(source(path))).rows[0].messages[1].content == "{'name': 'Ada'}"


def test_prompts_and_completions_may_be_turns_as_json_text(write: Write) -> None:
    path = write("a.csv", table({"prompt": json.dumps(TURNS[:1]), "completion": json.dumps(TURNS[1:])}))
    assert load(config(source(path))).rows[0].messages == READ


def test_turns_wrapped_in_an_object_are_taken_out_by_the_hint(write: Write) -> None:
    path = write("a.jsonl", "\n".join(json.dumps({"conversation": {"messages": TURNS}}) for _ in range(2)))
    error = refused(path)
    assert "an object with the turns in its 'messages'" in error.message
    assert [row.messages for row in load(config(source(mended(path, error)))).rows] == [READ, READ]


def test_objects_in_a_column_of_texts_are_said(write: Write) -> None:
    error = refused(write("a.jsonl", json.dumps({"text": {"messages": TURNS}})))
    assert "'text' holds an object with the turns in its 'messages'" in error.message


def test_pairs_of_xtuner_are_named(write: Write) -> None:
    rows = [{"conversation": [{"system": "Be short.", "input": "a", "output": "b"}]}]
    error = refused(write("a.json", json.dumps(rows)))
    assert "pairs of an input and an output" in error.message
    assert '{"role": "assistant", "content": OUTPUT}' in error.hint


def test_turns_with_keys_of_their_own_are_read_by_the_tags_of_the_hint(write: Write) -> None:
    turns = [{"who": "customer", "said": "Which colour?"}, {"who": "agent", "said": "Red."}]
    path = write("a.jsonl", json.dumps({"dialogue": turns}))
    error = refused(path)
    assert "turns with the keys who, said" in error.message
    tags = tomllib.loads(error.hint.partition("text: ")[2])
    assert load(config(source(path, **tags))).rows[0].messages == (
        Message("user", "Which colour?"), Message("assistant", "Red."),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("hello there", "text: 'hello there'"),
        (["Hi.", "Hello."], "lists that do not say who speaks"),
        ({"turns": 3}, "an object, not a list of turns"),
        (json.dumps({"messages": TURNS}), "JSON text of an object with the keys messages"),
    ],
)
def test_other_contents_are_said(write: Write, content: Any, what: str) -> None:
    error = refused(write("a.jsonl", json.dumps({"text": "Once.", "chat": content})))
    assert f"'chat' holds {what}" in error.message
    assert '{"messages": [' in error.hint


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([{"user": "a"}, {"assistant": "b"}], "texts by who speaks, under the keys user"),
        ([{"human": "a", "assistant": "b"}], "texts by who speaks, under the keys human, assistant"),
        ([{"messages": TURNS}], "conversations, each with its turns in 'messages'"),
    ],
)
def test_turns_in_a_manner_of_their_own_are_not_taken_for_tags(write: Write, turns: list[Any], said: str) -> None:
    error = refused(write("a.jsonl", (json.dumps({"conversation": turns, "id": 1}) + "\n") * 2))
    assert said in error.message
    assert "tags" not in error.hint
    assert json.dumps(TURNS[0]["role"]) in error.hint
