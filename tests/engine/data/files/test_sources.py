"""Every kind of file gives its rows with their places; every broken one says where and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.files.sources import read_file, source_files, source_names
from engine.data.rows.messages import RawRow
from engine.messages.message import Message
from tests.engine.data.conftest import Write, source

PAIR = '{"prompt": "a", "completion": "b"}'


def read(path: Path) -> list[RawRow]:
    return [raw for file in source_files(source(path)) for raw in read_file(file, "s")]


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.hint, "an error must say what to do"
    return caught.value


def places(path: Path) -> list[tuple[int, dict[str, object]]]:
    return [(raw.number, dict(raw.values)) for raw in read(path)]


def test_jsonl_rows_are_numbered_by_line_and_blank_lines_are_skipped(write: Write) -> None:
    path = write("a.jsonl", f"{PAIR}\r\n\n  {PAIR}")
    assert [raw.number for raw in read(path)] == [1, 3]
    assert read(path)[-1].end_byte == path.stat().st_size


def test_a_json_list_is_numbered_from_one(write: Write) -> None:
    path = write("a.json", f"\n [{PAIR},\n\n{PAIR} ] \n")
    assert places(path) == [(1, {"prompt": "a", "completion": "b"}), (2, {"prompt": "a", "completion": "b"})]


def test_a_list_far_larger_than_the_window_is_read_whole(write: Write) -> None:
    rows = [{"text": f"{'x' * 900} ü {number}"} for number in range(1500)]
    raw = read(write("big.json", json.dumps(rows, ensure_ascii=False)))
    assert len(raw) == 1500
    assert str(raw[-1].values["text"]).endswith("ü 1499")
    assert 0 < raw[0].end_byte < raw[-1].end_byte


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
@pytest.mark.parametrize("content", [f"[{PAIR}]", f"{PAIR}\n{PAIR}\n"])
def test_the_content_decides_whether_json_is_a_list_or_lines(write: Write, name: str, content: str) -> None:
    assert read(write(name, content))[0].values["prompt"] == "a"


def test_a_list_inside_one_object_is_found(write: Write) -> None:
    assert len(read(write("a.json", f'{{"version": 1, "data": [{PAIR}, {PAIR}]}}'))) == 2


def test_a_byte_order_mark_is_no_part_of_the_data(write: Write) -> None:
    assert read(write("a.csv", b"\xef\xbb\xbftext\nhello\n"))[0].values == {"text": "hello"}
    assert read(write("a.jsonl", b"\xef\xbb\xbf" + PAIR.encode()))[0].values["prompt"] == "a"
    assert read(write("a.json", b"\xef\xbb\xbf[" + PAIR.encode() + b"]"))[0].values["prompt"] == "a"


def test_nan_reads_as_null(write: Write) -> None:
    assert read(write("a.jsonl", '{"text": NaN, "n": -Infinity}'))[0].values == {"text": None, "n": None}


def test_csv_counts_lines_through_quoted_breaks(write: Write) -> None:
    path = write("a.csv", 'prompt,completion\n"two\nlines",x\n\nlast,"say ""hi"""\n')
    assert places(path) == [
        (2, {"prompt": "two\nlines", "completion": "x"}),
        (5, {"prompt": "last", "completion": 'say "hi"'}),
    ]


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_csv_lines_may_end_in_any_way(write: Write, end: str) -> None:
    path = write("a.csv", end.join(["prompt;completion", "a;b", '"two\rlines";"c, d"', ""]))
    assert [row.values for row in read(path)] == [
        {"prompt": "a", "completion": "b"}, {"prompt": "two\rlines", "completion": "c, d"},
    ]  # fmt: skip


@pytest.mark.parametrize("before", ["sep=;\r\n", '"sep=;"\n', "\n\n"])
def test_a_table_may_begin_with_its_delimiter_or_blank_lines(write: Write, before: str) -> None:
    path = write("a.csv", before + "prompt;completion\na, b;c\n")
    assert [row.values for row in read(path)] == [{"prompt": "a, b", "completion": "c"}]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", "\t"), ("a.csv", "|")])
def test_the_delimiter_is_found(write: Write, name: str, mark: str) -> None:
    assert read(write(name, f"prompt{mark}completion\na{mark}b, c\n"))[0].values["completion"] == "b, c"


def test_parquet_rows_are_numbered_from_one(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"prompt": ["a", "b"], "completion": ["c", None]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert places(tmp_path / "a.parquet")[1] == (2, {"prompt": "b", "completion": None})


def test_blank_lines_separate_text_documents(write: Write) -> None:
    path = write("a.txt", "\n\nfirst\nstill first\n\n\n  \nsecond\n")
    assert places(path) == [(3, {"text": "first\nstill first"}), (8, {"text": "second"})]


def test_long_lines_without_blank_ones_are_documents_of_their_own(write: Write) -> None:
    assert [number for number, _ in places(write("wiki.txt", "\n".join(["word " * 60] * 3)))] == [1, 2, 3]


def test_short_lines_without_blank_ones_are_one_wrapped_document(write: Write) -> None:
    assert len(read(write("poem.txt", "a line\n" * 20))) == 1


def test_markdown_is_cut_at_headings_outside_code(write: Write) -> None:
    path = write("a.md", "intro\n# One\ntext\n\n```\n# no heading\n```\n### deeper\n## Two\nmore\n")
    assert [number for number, _ in places(path)] == [1, 2, 9]


def test_a_folder_gives_its_tables_in_order_and_leaves_out_the_rest(write: Write, tmp_path: Path) -> None:
    for name in ("d/b.jsonl", "d/a.jsonl", "d/sub/c.jsonl", "d/.hidden/x.jsonl"):
        write(name, PAIR)
    write("d/README.md", "# about")
    write("d/dataset_infos.json", "{}")
    files = source_files(source(tmp_path / "d"))
    assert [file.name for file in files] == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_a_folder_with_splits_gives_only_the_one_asked_for(write: Write, tmp_path: Path) -> None:
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001", "training-notes"):
        write(f"d/{name}.jsonl", PAIR)
    names = [file.stem for file in source_files(source(tmp_path / "d"))]
    assert names == ["train-00000-of-00002", "train-00001-of-00002"]
    assert [file.stem for file in source_files(source(tmp_path / "d", split="test"))] == ["test-00000-of-00001"]
    write("e/train/a.jsonl", PAIR)
    write("e/validation/a.jsonl", PAIR)
    assert [file.parent.name for file in source_files(source(tmp_path / "e"))] == ["train"]


def test_sources_have_names_of_their_own() -> None:
    names = source_names([source("x/rows.json"), source("y/rows.jsonl"), source("z.csv")])
    assert names == ["rows", "rows-2", "z"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "none.jsonl")
    assert (error.code, error.reason.args["path"]) == ("data.no-place", str(tmp_path / "none.jsonl"))


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt", "a.md", "a.parquet"])
def test_an_empty_file_is_called_empty(write: Write, name: str) -> None:
    assert refused(write(name, "")).code == "data.empty"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_blank_space_only_is_called_empty(write: Write, name: str) -> None:
    assert refused(write(name, " \n\n ")).code in ("data.blank", "data.no-rows")


@pytest.mark.parametrize(
    ("name", "content", "byte"),
    [
        ("a.jsonl", b'{"text": "ok"}\n{"text": "\xff"}', 25),
        ("a.csv", b"text\nok\nna\xefve\n", 10),
        ("a.txt", b"caf\xe9", 3),
        ("a.json", b'[{"text": "' + b"x" * 300_000 + b'\xc3("}]', 300_011),
    ],
)
def test_bytes_that_are_not_utf8_are_located(write: Write, name: str, content: bytes, byte: int) -> None:
    error = refused(write(name, content))
    assert error.code == "data.not-utf8"
    assert error.reason.args["reason"].args["byte"] == byte
    assert "iconv" in error.reason.args["command"]


def test_a_broken_line_is_located_by_row_and_column(write: Write) -> None:
    error = refused(write("a.jsonl", f'{PAIR}\n  {{"prompt": "a" "completion": "b"}}\n'))
    assert "a.jsonl, row 2, column 18" in error.message


def test_a_broken_item_of_a_list_is_located_by_row_line_and_column(write: Write) -> None:
    error = refused(write("a.json", f'[{PAIR},\n{PAIR},\n  {{"prompt": }}]'))
    assert "row 3, line 3, column 14" in error.message


def test_the_place_is_right_far_into_a_large_list(write: Write) -> None:
    row = json.dumps({"text": "x" * 900}) + ",\n"
    error = refused(write("big.json", f"[{row * 1500} oops]"))
    assert "row 1,501, line 1,501, column 2" in error.message


@pytest.mark.parametrize("content", [f"[{PAIR}", f"[{PAIR},", f"[{PAIR}, {{", f"[{PAIR} {PAIR}]", f"[{PAIR}] x", "["])
def test_a_list_that_does_not_end_well_is_refused(write: Write, content: str) -> None:
    assert refused(write("a.json", content)).code in ("data.not-json", "data.row-goes-on", "data.comma-after-row")


def test_depth_that_would_exhaust_the_parser_is_refused(write: Write) -> None:
    error = refused(write("a.jsonl", '{"a": ' + "[" * 100_000))
    assert "row 1" in error.message


def test_a_number_too_long_to_read_is_refused(write: Write) -> None:
    assert "row 1" in refused(write("a.jsonl", '{"a": ' + "9" * 5000 + "}")).message


@pytest.mark.parametrize(("name", "content"), [("a.jsonl", f"{PAIR}\n[1]"), ("a.json", f'[{PAIR}, "text"]')])
def test_a_row_that_is_no_object_is_refused(write: Write, name: str, content: str) -> None:
    error = refused(write(name, content))
    assert (error.code, error.reason.args["row"]) == ("data.no-object", 2)


def test_a_csv_row_with_too_many_fields_is_refused(write: Write) -> None:
    error = refused(write("a.csv", "prompt,completion\na,b\nhello, world,c\n"))
    assert (error.code, error.reason.args["row"]) == ("data.row-misfits", 3)
    assert error.reason.args["reason"] == Message("data.fields-misfit", fields=3, header=2)


def test_a_stray_quote_does_not_swallow_the_rest(write: Write) -> None:
    assert "row 2" in refused(write("a.csv", 'prompt,completion\n"a,b\nc,d\n')).message


def test_a_column_named_twice_is_refused(write: Write) -> None:
    assert refused(write("a.csv", "text,text\na,b\n")).code == "data.header-names-twice"


def test_a_file_that_is_not_parquet_is_refused(write: Write) -> None:
    assert refused(write("a.parquet", "PAR1 no")).code == "data.columns-unreadable"


def test_other_suffixes_are_refused_with_those_that_work(write: Write) -> None:
    assert refused(write("a.xlsx", "x")).code == "data.unknown-kind"


def test_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "endless.jsonl").symlink_to("/dev/zero")
    assert refused(tmp_path / "endless.jsonl").code == "data.not-a-file"


def test_a_folder_without_data_is_refused(write: Write, tmp_path: Path) -> None:
    write("d/picture.png", "x")
    assert refused(tmp_path / "d").code == "data.folder-without-data"
