"""All sources become one list of rows; what is left out is counted and named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.reader import load
from engine.messages.message import Message
from tests.engine.data.conftest import Write, config, load_rows, source


def jsonl(*pairs: tuple[str, str | None]) -> str:
    return "\n".join(json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in pairs)


def test_rows_keep_the_order_of_sources_and_files_and_know_their_place(write: Write) -> None:
    first, second = write("a.jsonl", jsonl(("1", "x"), ("2", "y"))), write("b.csv", "text\nhello\n")
    rows = load_rows(config(source(first), source(second)))
    assert [(row.source, row.number, row.kind) for row in rows] == [
        ("a", 1, "messages"), ("a", 2, "messages"), ("b", 2, "text"),
    ]  # fmt: skip
    assert rows[0].file == str(first)


def test_rows_without_an_answer_are_skipped_counted_and_named(write: Write) -> None:
    path = write("a.jsonl", jsonl(("1", "x"), ("2", ""), ("3", None), ("", "z")))
    loaded = load(config(source(path)))
    report = loaded.report
    assert len(loaded.rows) == 1
    assert report.skipped_count == 3
    assert [(item.row, item.reason) for item in report.skipped] == [
        (2, Message("rows.no-assistant-text")), (3, Message("rows.no-assistant-text")),
        (4, Message("rows.prompt-empty")),
    ]  # fmt: skip


def test_only_the_first_hundred_skipped_rows_are_named(write: Write) -> None:
    path = write("a.jsonl", jsonl(*[("q", "")] * 150, ("q", "a")))
    report = load(config(source(path))).report
    assert (len(report.skipped), report.skipped_count) == (100, 150)


def test_max_rows_counts_usable_rows_of_each_source(write: Write) -> None:
    path = write("a.jsonl", jsonl(("1", ""), ("2", "x"), ("3", "y"), ("4", "z")))
    rows = load_rows(config(source(path, max_rows=2), source(path, max_rows=1)))
    assert [(row.source, row.number) for row in rows] == [("a", 2), ("a", 3), ("a-2", 2)]


def test_rows_behind_max_rows_are_not_even_read(write: Write) -> None:
    path = write("a.jsonl", jsonl(*[(str(number), "x") for number in range(200)]) + "\nbroken")
    assert len(load_rows(config(source(path, max_rows=5)))) == 5


def test_each_file_of_a_folder_may_have_its_own_format(write: Write, tmp_path: Path) -> None:
    write("d/a.jsonl", jsonl(("q", "a")))
    write("d/b.json", json.dumps([{"instruction": "i", "output": "o"}]))
    loaded = load(config(source(tmp_path / "d")))
    assert [row.first("user") for row in loaded.rows] == ["q", "i"]
    assert loaded.report.detected["d"].format == "prompt_completion"


def test_a_broken_row_far_behind_the_sample_is_named(write: Write) -> None:
    path = write("a.jsonl", jsonl(*[("q", "a")] * 500) + '\n{"prompt": "q"}')
    with pytest.raises(DataError) as caught:
        load(config(source(path)))
    assert "row 501" in caught.value.message


def test_no_row_left_is_an_error_with_the_first_reason(write: Write) -> None:
    path = write("a.jsonl", jsonl(("1", ""), ("2", "")))
    with pytest.raises(DataError) as caught:
        load(config(source(path)))
    assert caught.value.code == "data.all-left-out-first"
    args = caught.value.reason.args
    assert (args["rows"], args["row"], args["reason"]) == (2, 1, Message("rows.no-assistant-text"))


def test_a_header_alone_holds_no_rows(write: Write) -> None:
    with pytest.raises(DataError, match="no rows"):
        load(config(source(write("a.csv", "text\n"))))
