"""Files that break other readers: each ends with rows or an error that names the file, and nothing hangs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.common.clean_text import clean
from engine.common.errors import DataError
from engine.data.files.columnar import read_parquet
from engine.data.files.preview import preview
from engine.data.files.sources import read_file
from engine.data.reader import load
from engine.messages.catalogue import text
from tests.engine.data.conftest import Write, config, source

PAIR = '{"prompt": "a", "completion": "b"}'
SUFFIXES = ("json", "jsonl", "csv", "tsv", "txt", "md", "parquet", "arrow", "jsonl.gz", "jsonl.zst")


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        load(config(source(path)))
    assert path.name in caught.value.message
    assert caught.value.hint
    return caught.value


def outcome(path: Path, said: str) -> None:
    """Loading ends, with rows or with an error that says ``said`` and what to do."""
    error = None
    try:
        load(config(source(path)))
    except DataError as caught:
        error = caught
    assert error is None or (said in error.message and error.hint)


def test_a_line_of_fifty_megabytes_is_one_row(write: Write) -> None:
    path = write("a.jsonl", f'{PAIR}\n{{"prompt": "a", "completion": "{"x" * 50_000_000}"}}\n{PAIR}\n')
    assert [len(row.first("assistant")) for row in load(config(source(path))).rows] == [1, 50_000_000, 1]
    assert len(preview(path).rows) == 2, "a preview looks at fewer rows when they are long"


def test_a_broken_line_of_fifty_megabytes_is_named(write: Write) -> None:
    assert "row 1, " in refused(write("a.jsonl", '{"prompt": "' + "x" * 50_000_000)).message


def test_a_row_broken_early_in_a_long_list_is_found_at_once(write: Write) -> None:
    """Without reading on to see whether more text would mend it."""
    path = write("a.json", f'[{PAIR}, {{"prompt": a}}, {", ".join([PAIR] * 600_000)}]')
    taken = 0

    def counted() -> Iterator[object]:
        nonlocal taken
        for raw in read_file(path, "s"):
            taken = raw.end_byte
            yield raw

    with pytest.raises(DataError, match="row 2"):
        list(counted())
    assert taken < 1000


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("depth", [900, 1000, 100_000])
@pytest.mark.parametrize("column", ["x", "prompt", "tools", "messages"])
def test_deep_nesting_is_read_past_or_refused(write: Write, name: str, depth: int, column: str) -> None:
    deep = f'{{"completion": "b", "{column}": {"[" * depth}{"]" * depth}}}'
    outcome(write(name, f"[{deep}]" if name == "a.json" else deep), name)


@pytest.mark.parametrize("depth", [300, 900])
def test_deep_arguments_of_a_call_are_read_or_refused(write: Write, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    call = f'{{"name": "f", "arguments": {{"x": {nested}}}}}'
    row = f'{{"messages": [{{"role": "user", "content": "?"}}, {{"role": "assistant", "tool_calls": [{call}]}}]}}'
    outcome(write("a.jsonl", row), "row 1")


@pytest.mark.parametrize(
    "number", ["NaN", "-Infinity", "1e999", "-1e-999", "9" * 4000, "9" * 5000, "1" * 100 + "." * 2]
)
def test_strange_numbers_are_values_or_named_errors(write: Write, number: str) -> None:
    path = write("a.jsonl", f'{PAIR}\n{{"prompt": {number}, "completion": {number}}}')
    outcome(path, "row 2")


@pytest.mark.parametrize("suffix", ["jsonl", "json", "csv"])
def test_ten_thousand_columns_are_no_trouble(write: Write, suffix: str) -> None:
    names = [f"column {number}" for number in range(10_000)]
    row = json.dumps(dict.fromkeys(names, "x"))
    content = ",".join(names) + "\n" + ",".join(names) if suffix == "csv" else f"[{row}]" if suffix == "json" else row
    error = refused(write(f"a.{suffix}", content))
    assert "and 9,980 more" in error.message
    mapped = source(write(f"b.{suffix}", content), columns={"text": "column 9999"})
    loaded = load(config(mapped))
    assert len(text(loaded.report.detected["b"].evidence)) < 1000


def test_a_file_that_grows_while_it_is_read_gives_what_it_held_at_first(write: Write) -> None:
    path = write("a.jsonl", f"{PAIR}\n" * 20_000)
    rows = 0
    with path.open("a") as file:
        for _ in read_file(path, "s"):
            rows += 1
            file.write(f"{PAIR}\n{PAIR}\n")
            file.flush()
    assert rows == 20_000


def test_a_line_that_was_being_written_is_read_to_its_end(write: Write) -> None:
    path = write("a.jsonl", f"{PAIR}\n{PAIR[:10]}")
    reading = iter(read_file(path, "s"))
    next(reading)
    with path.open("a") as file:
        file.write(f"{PAIR[10:]}\n{PAIR}\n")
    assert len(list(reading)) == 1


def test_zero_bytes_are_named_where_they_break_a_row(write: Write) -> None:
    assert "row 2" in refused(write("a.jsonl", f"{PAIR}\n" + "\x00" * 100_000)).message
    assert load(config(source(write("a.csv", "text\na\x00b\n")))).rows[0].text == "a\x00b"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 1000, b"\xff\xfe", b"\xfe\xff\x00", b"\x1f\x8b", b"PAR1", b"ARROW1\x00\x00"],
    ids=["empty", "zeros", "mark of UTF-16", "half of UTF-16", "gzip", "parquet", "arrow"],
)
def test_no_kind_of_file_trips_over_an_empty_or_foreign_one(write: Write, suffix: str, content: bytes) -> None:
    outcome(write(f"a.{suffix}", content), f"a.{suffix}")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "txt", "md"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_marks_change_nothing(write: Write, suffix: str, end: str, mark: str) -> None:
    content = {"jsonl": '{"text": "hello"}', "csv": f"text{end}hello", "txt": "hello", "md": "hello"}[suffix]
    (row,) = load(config(source(write(f"a.{suffix}", mark + content + end)))).rows
    assert row.text == "hello"


@pytest.mark.parametrize(
    "content",
    [
        '{"\x1b]0;title\x07": "\x1b[2J", "\\u001b[31m": 1}',
        '{"messages": [{"role": "\\u001b[31mpoet", "content": "x"}]}',
        '{"prompt": "a", "completion": {"\\u001b[2J": 1}}',
        '{"messages": [{"role": "user", "content": [{"type": "\\u001b[31m"}]}]}',
    ],
)
def test_errors_of_escape_sequences_are_harmless_once_cleaned(write: Write, content: str) -> None:
    """The output cleans what it prints; columns and roles are clean before that."""
    error = refused(write("a.jsonl", content))
    assert not set(clean(str(error))) & set(map(chr, (*range(9), 27, 155)))
    assert "\x1b" not in error.message.replace(content, "")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert "not a file" in refused(tmp_path / "pipe.jsonl").title
    with pytest.raises(DataError):
        list(read_parquet(tmp_path / "pipe.jsonl", "s"))


def test_a_file_that_may_not_be_read_is_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a.jsonl", PAIR)

    def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("engine.data.files.opened.HashedFile", denied)
    assert "Permission denied" in refused(path).message
