"""Parquet and Arrow rows come with their places, with names for their classes, and never end the process."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from engine.common.errors import DataError
from engine.data.files.preview import preview
from engine.data.files.sources import read_file, source_files
from tests.engine.data.conftest import config, load_rows, source

TURNS = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]


def write_arrow(path: Path, table: pyarrow.Table, kind: str = "stream") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    make = pyarrow.ipc.new_stream if kind == "stream" else pyarrow.ipc.new_file
    with pyarrow.OSFile(str(path), "wb") as file, make(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return path


def write_parquet(path: Path, table: pyarrow.Table) -> Path:
    pyarrow.parquet.write_table(table, path)
    return path


def with_classes(table: pyarrow.Table, column: str, names: list[str]) -> pyarrow.Table:
    """As ``datasets`` writes them."""
    features = {column: {"names": names, "_type": "ClassLabel"}, "text": {"dtype": "string", "_type": "Value"}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_arrow_rows_are_numbered_from_one_and_counted(tmp_path: Path, kind: str) -> None:
    path = write_arrow(tmp_path / "a.arrow", pyarrow.table({"text": [f"t{n}" for n in range(5000)]}), kind)
    rows = list(read_file(path, "s"))
    assert [rows[0].number, rows[-1].number] == [1, 5000]
    assert rows[-1].values == {"text": "t4999"}
    seen = preview(path)
    assert (seen.count_estimate, seen.exact, len(seen.rows)) == (5000, True, 5)


def test_a_folder_saved_by_datasets_gives_the_rows_of_its_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_arrow(tmp_path / "d" / split / "data-00000-of-00001.arrow", pyarrow.table({"text": [split]}))
        write_arrow(tmp_path / "d" / split / "cache-0123456789abcdef.arrow", pyarrow.table({"text": ["cached"]}))
        (tmp_path / "d" / split / "state.json").write_text("{}")
        (tmp_path / "d" / split / "dataset_info.json").write_text('{"features": {}}')
    (tmp_path / "d" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert [row.text for row in load_rows(config(source(tmp_path / "d")))] == ["train"]
    assert [row.text for row in load_rows(config(source(tmp_path / "d", split="test")))] == ["test"]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_classes_are_answered_by_their_names(tmp_path: Path, suffix: str) -> None:
    table = with_classes(pyarrow.table({"text": ["a", "b", "c"], "label": [1, 0, -1]}), "label", ["bad", "good"])
    write: Any = write_parquet if suffix == "parquet" else write_arrow
    rows = load_rows(config(source(write(tmp_path / f"a.{suffix}", table))))
    assert [row.first("assistant") for row in rows] == ["good", "bad"], "the row that nobody labelled is left out"


def test_nested_turns_are_read(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", pyarrow.table({"messages": [TURNS]}))
    assert [m.content for m in load_rows(config(source(path)))[0].messages] == ["hi", "ho"]


def test_dates_are_written_out(tmp_path: Path) -> None:
    table = pyarrow.table({"question": ["when?"], "answer": [datetime.date(2020, 1, 31)]})
    assert load_rows(config(source(write_parquet(tmp_path / "a.parquet", table))))[0].first("assistant") == "2020-01-31"


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_refused_or_read_as_far_as_it_goes(tmp_path: Path, suffix: str, part: float) -> None:
    write: Any = write_parquet if suffix == "parquet" else write_arrow
    path = write(tmp_path / f"a.{suffix}", pyarrow.table({"text": [f"text {n}" for n in range(5000)]}))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(DataError) as caught:
        list(read_file(path, "s"))
    assert str(path) in caught.value.message
    assert "rows" in caught.value.message
    assert caught.value.hint


def test_links_that_go_round_in_a_folder_are_not_followed_for_ever(tmp_path: Path) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "sub" / "a.txt").write_text("text")
    (tmp_path / "d" / "sub" / "up").symlink_to(tmp_path / "d")
    (tmp_path / "d" / "self").symlink_to(tmp_path / "d" / "self")
    assert [file.name for file in source_files(source(tmp_path / "d"))] == ["a.txt"]
    assert [file.name for file in source_files(source(f"{tmp_path}/d/**/*.txt"))] == ["a.txt"]
    with pytest.raises(DataError):
        source_files(source(tmp_path / "d" / "self"))


def test_a_linked_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "a.txt").write_text("text")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "linked").symlink_to(tmp_path / "else")
    assert [file.name for file in source_files(source(tmp_path / "d"))] == ["a.txt"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("d/*.jsonl", ["a.jsonl", "b.jsonl"]),
        ("d/?.jsonl*", ["a.jsonl", "b.jsonl", "c.jsonl.gz"]),
        ("d/[!a].jsonl", ["b.jsonl"]),
        ("d/**/*.jsonl", ["a.jsonl", "b.jsonl", "x.jsonl"]),
        ("**/x.*", ["x.jsonl"]),
        ("d/s*", ["x.jsonl"]),
    ],
)
def test_a_pattern_names_files_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, names: list[str]
) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.jsonl.gz", "picture.png", "sub/x.jsonl"):
        path = tmp_path / "d" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert [file.name for file in source_files(source(pattern))] == names
    assert [file.name for file in source_files(source(tmp_path / pattern))] == names


def test_a_pattern_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        source_files(source(tmp_path / "*.jsonl"))
    assert caught.value.hint


def test_floats_of_32_bits_are_the_numbers_they_were_written_for(tmp_path: Path) -> None:
    table = pyarrow.table({"prompt": ["a", "b", "c"], "completion": pyarrow.array([0.1, None, 2.5], pyarrow.float32())})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    rows = list(read_file(tmp_path / "a.parquet", "s"))
    assert [row.values["completion"] for row in rows] == [0.1, None, 2.5]


def test_so_are_those_in_the_arguments_of_a_call(tmp_path: Path) -> None:
    arguments = pyarrow.struct([("x", pyarrow.float32()), ("all", pyarrow.list_(pyarrow.float32()))])
    call = pyarrow.struct([("name", pyarrow.string()), ("arguments", arguments)])
    calls = pyarrow.array(
        [[{"name": "f", "arguments": {"x": 0.1, "all": [1e16, 0.7, None]}}], None], pyarrow.list_(call)
    )
    path = write_parquet(tmp_path / "a.parquet", pyarrow.table({"calls": calls}))
    assert [row.values for row in read_file(path, "a")] == [
        {"calls": [{"name": "f", "arguments": {"x": 0.1, "all": [1e16, 0.7, None]}}]}, {"calls": None},
    ]  # fmt: skip
