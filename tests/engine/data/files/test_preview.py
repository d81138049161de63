"""A look at the head of a file says what it is and about how much, without reading the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.files.preview import COUNTED_BYTES, SAMPLE_ROWS, head, preview
from engine.data.rows.formats import ColumnsUnclear
from tests.engine.data.conftest import Write, source

ROW = '{"prompt": "question", "completion": "answer"}'


def test_a_small_file_is_counted_exactly(write: Write) -> None:
    seen = preview(write("a.jsonl", "\n".join([ROW] * 7)), limit=3)
    assert (len(seen.rows), seen.count_estimate, seen.exact) == (3, 7, True)
    assert seen.detected.format == "prompt_completion"
    assert seen.size_bytes == 7 * len(ROW) + 6


@pytest.mark.parametrize(
    ("name", "head", "row", "tail"),
    [
        ("a.jsonl", "", ROW + "\n", ""),
        ("a.json", "[", ROW + ",\n", ROW + "]"),
        ("a.json", "[", '{"text": "日本語の文章"},', '{"text": ""}]'),
        ("a.csv", "prompt,completion\n", "a question,an answer\n", ""),
        ("a.txt", "", "some words here\n\n", ""),
    ],
)
def test_a_large_file_is_estimated_from_its_head(write: Write, name: str, head: str, row: str, tail: str) -> None:
    rows = 2 * COUNTED_BYTES // len(row.encode())
    seen = preview(write(name, head + row * rows + tail))
    assert not seen.exact
    assert seen.count_estimate == pytest.approx(rows, rel=0.03)


def test_a_small_file_is_read_to_its_end_so_that_a_broken_row_is_found_at_once(write: Write) -> None:
    with pytest.raises(DataError, match="row 1,001"):
        preview(write("a.jsonl", "\n".join([ROW] * 1000) + "\nbroken"))


def test_faults_behind_the_head_of_a_large_file_are_not_reached(write: Write) -> None:
    assert len(preview(write("a.jsonl", "\n".join([ROW] * 30_000) + "\nbroken")).rows) == 5


def test_a_lone_unknown_column_is_asked_about_and_not_trained_on_as_a_guess(write: Write) -> None:
    rows = write("a.jsonl", '{"foo": "a"}\n{"foo": "b"}\n')
    with pytest.raises(DataError, match="foo") as caught:
        preview(rows)
    assert "columns = {" in caught.value.hint
    assert preview(rows, columns={"text": "foo"}).detected.format == "text"


def test_parquet_says_its_count(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"] * 1000}), tmp_path / "a.parquet")
    seen = preview(tmp_path / "a.parquet")
    assert (seen.count_estimate, seen.exact) == (1000, True)


def test_a_folder_is_estimated_as_a_whole(write: Write, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(f"d/{name}.jsonl", "\n".join([ROW] * 500))
    seen = preview(tmp_path / "d")
    assert seen.files == 3
    assert seen.count_estimate == pytest.approx(1500, rel=0.02)


def test_a_mapping_is_used(write: Write) -> None:
    path = write("a.csv", "ask,reply\nhi,ho\n")
    with pytest.raises(DataError, match="not known"):
        preview(path)
    assert preview(path, columns={"prompt": "ask", "completion": "reply"}).rows[0].first("assistant") == "ho"


def test_an_empty_list_holds_no_rows(write: Write) -> None:
    with pytest.raises(DataError, match="no rows"):
        preview(write("a.json", "[]"))


def test_the_head_of_a_file_shows_its_columns_though_nobody_knows_them(write: Write) -> None:
    seen = head(source(write("a.csv", "id,Frage,Antwort\n1,,Ja\n2,Warum?,Nein\n")))
    assert seen.columns == {"id": "1", "Frage": "Warum?", "Antwort": "Ja"}
    assert [raw.number for raw in seen.rows] == [2, 3]
    with pytest.raises(ColumnsUnclear):
        seen.read_as(source(seen.file.path))
    mapped = seen.read_as(source(seen.file.path, columns={"prompt": "Frage", "completion": "Antwort"}))
    assert mapped.format == "prompt_completion"


def test_the_head_of_a_large_file_is_all_that_is_read(write: Write) -> None:
    assert len(head(source(write("a.jsonl", "\n".join([ROW] * 30_000) + "\nbroken"))).rows) == SAMPLE_ROWS


def test_a_file_without_rows_has_no_head(write: Write) -> None:
    with pytest.raises(DataError, match="holds no rows"):
        head(source(write("a.csv", "prompt,completion\n")))
