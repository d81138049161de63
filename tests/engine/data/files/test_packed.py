"""Packed files and files in UTF-16 or UTF-32 read like any other; damaged ones say how far they could be read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pytest

from engine.common.errors import DataError
from engine.data.files.opened import kind_of, text_bytes
from engine.data.files.preview import COUNTED_BYTES, preview
from engine.data.files.sources import read_file, source_names
from tests.engine.data.conftest import Write, source

ROW = '{"prompt": "question", "completion": "answer ü"}\n'


def zstd(content: bytes) -> bytes:
    return bytes(pyarrow.Codec("zstd").compress(content, asbytes=True))


PACK = {".gz": gzip.compress, ".zst": zstd}
each_packing = pytest.mark.parametrize("suffix", PACK)


def read(path: Path) -> list[dict[str, object]]:
    return [dict(raw.values) for raw in read_file(path, "s")]


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value


@each_packing
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", ROW * 3),
        ("a.json", json.dumps([json.loads(ROW)] * 3)),
        ("a.csv", "prompt,completion\nquestion,answer ü\n" + "question,answer ü\n" * 2),
        ("a.tsv", "prompt\tcompletion\n" + "question\tanswer ü\n" * 3),
    ],
)
def test_a_packed_file_reads_like_the_file_in_it(write: Write, suffix: str, name: str, content: str) -> None:
    path = write(name + suffix, PACK[suffix](content.encode()))
    assert read(path) == [{"prompt": "question", "completion": "answer ü"}] * 3


@each_packing
def test_pieces_packed_one_after_the_other_are_all_read(write: Write, suffix: str) -> None:
    path = write("a.jsonl" + suffix, PACK[suffix](ROW.encode()) * 3)
    assert len(read(path)) == 3


@each_packing
def test_a_packed_file_is_estimated_by_what_its_text_takes(write: Write, suffix: str) -> None:
    rows = 20 * COUNTED_BYTES // len(ROW)
    text = "".join(ROW.replace("question", f"question {number * 7919 % 10007}") for number in range(rows))
    seen = preview(write("a.jsonl" + suffix, PACK[suffix](text.encode())))
    assert not seen.exact
    assert seen.count_estimate == pytest.approx(rows, rel=0.1)


@each_packing
def test_a_packed_file_that_is_cut_off_says_behind_which_line(write: Write, suffix: str) -> None:
    text = "".join(f'{{"text": "row {number} {number * 7919 % 10007}"}}\n' for number in range(50_000))
    packed = PACK[suffix](text.encode())
    error = refused(write("a.jsonl" + suffix, packed[: len(packed) // 2]))
    assert error.code == "data.damaged"
    assert error.reason.args["place"].args["line"] > 0


@each_packing
@pytest.mark.parametrize("content", [b"not packed at all", b"\x1f\x8b\x08 nearly", b"\x28\xb5\x2f\xfd nearly"])
def test_a_file_that_only_claims_to_be_packed_is_refused(write: Write, suffix: str, content: bytes) -> None:
    refused(write("a.jsonl" + suffix, content))


@each_packing
def test_packed_nothing_is_called_empty(write: Write, suffix: str) -> None:
    assert refused(write("a.jsonl" + suffix, PACK[suffix](b"\n"))).code == "data.blank"


def test_tables_that_are_compact_already_are_not_read_packed(write: Write) -> None:
    assert refused(write("a.parquet.gz", gzip.compress(b"PAR1"))).code == "data.packed-columns"


def test_a_source_is_named_without_its_packing() -> None:
    assert source_names([source("x/rows.jsonl.gz"), source("x/ROWS.JSONL.ZST")]) == ["rows", "ROWS"]
    assert kind_of(Path("x/ROWS.JSONL.GZ")) == ".jsonl"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", ROW * 3), ("a.csv", "prompt;completion\r\n" + "question;answer ü\r\n" * 3)],
)
def test_wide_text_is_read_with_and_without_its_mark(write: Write, encoding: str, name: str, content: str) -> None:
    path = write(name, content.encode(encoding))
    assert read(path) == [{"prompt": "question", "completion": "answer ü"}] * 3
    assert preview(path).count_estimate == 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_text_of_nothing_but_chinese_is_read(write: Write, encoding: str) -> None:
    path = write("a.txt", "学习\n\n训练".encode(encoding))
    assert [row["text"] for row in read(path)] == ["学习", "训练"]


def test_utf16_that_breaks_off_is_located(write: Write) -> None:
    error = refused(write("a.jsonl", (ROW * 3).encode("utf-16")[:-1]))
    assert error.code == "data.not-wide"
    assert error.reason.args["encoding"] == "UTF-16"


def test_the_size_of_utf16_is_that_of_its_text(write: Write) -> None:
    text = "plain words\n" * 1000
    assert text_bytes(write("a.txt", text.encode("utf-16"))) == pytest.approx(len(text), rel=0.01)
    assert text_bytes(write("b.txt", text)) == len(text)


@pytest.mark.parametrize(("text", "encoding"), [("训练模型的数据", "gb18030"), ("naïve café", "windows-1252")])
def test_the_way_out_of_other_encodings_names_the_likely_one(write: Write, text: str, encoding: str) -> None:
    assert f"-f {encoding.upper()} " in refused(write("a.txt", text.encode(encoding))).hint
