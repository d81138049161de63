"""Whatever the bytes, reading ends: with rows, or with an error that names the file and says what to do."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.common.errors import DataError
from engine.data.files.preview import preview
from engine.data.quality import check as doctor
from engine.data.quality.findings import from_json, to_json
from engine.data.quality.report import WIDTH, lines_of
from engine.data.reader import load
from tests.engine.data.conftest import config, source

KEYS = st.sampled_from(
    ["prompt", "completion", "text", "messages", "conversations", "instruction", "output", "history", "system", "tools",
     "label", "context", "reasoning", "chosen", "rejected", "images", "x"]
)  # fmt: skip
CALLS = st.recursive(
    st.one_of(st.none(), st.text(max_size=4), st.just('{"name": "f"}'), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["function", "name", "arguments", "id"]), inner, max_size=3),
    ),
    max_leaves=4,
)
PARTS = st.lists(
    st.one_of(
        st.text(max_size=3),
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "thinking", "image_url", "x"])},
            optional={
                "text": st.one_of(st.none(), st.text(max_size=3), st.integers()),
                "thinking": st.text(max_size=3),
            },
        ),
    ),
    max_size=2,
)
TURN = st.fixed_dictionaries(
    {}, optional={"role": st.sampled_from(["user", "assistant", "poet"]), "from": st.just("gpt"),
                  "content": st.one_of(st.none(), st.text(max_size=5), PARTS), "value": st.text(max_size=5),
                  "tool_calls": CALLS, "function_call": CALLS, "reasoning_content": st.text(max_size=3)},
)  # fmt: skip
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(TURN, max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
NEARLY_JSON = st.lists(
    st.sampled_from(
        ['{"prompt":"a","completion":"b"}', "[", "]", "{", "}", ",", "\n", '"', "NaN", "1", "null", "\\u", " "]
    ),
    max_size=12,
).map("".join)
NEARLY_CSV = st.lists(
    st.sampled_from(["prompt", "completion", ",", ";", "\n", "\r", '"', "a", "\x00", "\t"]), max_size=16
)
SUFFIXES = st.sampled_from(
    [".json", ".jsonl", ".csv", ".tsv", ".txt", ".md", ".parquet", ".arrow", ".jsonl.gz", ".json.zst", ".txt.gz"]
)


DESCRIPTIONS = st.recursive(
    st.one_of(st.none(), st.text(max_size=4), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(
            st.sampled_from(["rows", "file_name", "columns", "tags", "formatting", "prompt", "ranking"]), inner
        ),
    ),
)


def check(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(content)
        for look in (lambda: load(config(source(path))), lambda: preview(path)):
            error = refusal(look)
            assert error is None or ("rows" in error.message and error.hint)


def examine(content: bytes, suffix: str) -> None:
    """The doctor ends with a report that a terminal may be shown, or with an error."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rows{suffix}"
        path.write_bytes(content)
        lines: list[str] = []

        def act() -> None:
            report = doctor.check(config(source(path), test_share=0.2))
            assert from_json(json.loads(json.dumps(to_json(report)))) == report
            lines.extend(lines_of(report, 20))

        error = refusal(act)
        assert bool(lines) == (error is None)
        assert all(line.isprintable() and len(line) <= WIDTH for line in lines)


def refusal(look: Callable[[], object]) -> DataError | None:
    """The error people would see; any other exception fails the test."""
    try:
        look()
    except DataError as error:
        return error
    return None


fuzz = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


examined = settings(fuzz, max_examples=40)
VALUE = st.text(st.sampled_from("ab{}[]<>@.\x00\x1b\x07\x9b\u202e\u200b\ud800\n\t\u2028\u4f60 ${"), max_size=20)


@pytest.mark.timeout(120)
@examined
@given(
    st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=6), VALUE.filter(lambda name: name != "prompt"),
    st.sampled_from([".json", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv", ".txt", ".md"]),
)  # fmt: skip
def test_the_doctor_reports_any_rows_in_plain_lines(rows: list[tuple[str, str, str]], column: str, suffix: str) -> None:
    records = [{"prompt": asked, "completion": said, column: more} for asked, said, more in rows]
    text = "\n".join(map(json.dumps, records))
    if suffix == ".json":
        text = json.dumps(records)
    elif suffix == ".csv":
        sheet = io.StringIO()
        csv.writer(sheet).writerows([["prompt", "completion", column], *rows])
        text = sheet.getvalue()
    elif suffix in (".txt", ".md"):
        text = "\n\n".join(f"# {column}\n{' '.join(each)}" for each in rows)
    content = text.encode("utf-8", "replace")
    packed = {".jsonl.gz": gzip.compress, ".jsonl.zst": lambda raw: pyarrow.Codec("zstd").compress(raw, asbytes=True)}
    examine(packed[suffix](content) if suffix in packed else content, suffix)


@pytest.mark.timeout(120)
@examined
@given(st.lists(st.tuples(VALUE, VALUE), min_size=1, max_size=6), st.sampled_from([".parquet", ".arrow"]))
def test_the_doctor_reports_any_table_in_plain_lines(rows: list[tuple[str, str]], suffix: str) -> None:
    asked, said = ([pair[at].encode("utf-8", "replace").decode() for pair in rows] for at in (0, 1))
    examine(_bytes_of(pyarrow.table({"prompt": asked, "completion": said}), suffix), suffix)


@pytest.mark.timeout(120)
@examined
@given(NEARLY_JSON | NEARLY_CSV.map("".join), SUFFIXES)
def test_the_doctor_ends_whatever_a_file_holds(content: str, suffix: str) -> None:
    examine(content.encode(), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(st.binary(max_size=200), SUFFIXES)
def test_any_bytes(content: bytes, suffix: str) -> None:
    check(content, suffix)


@pytest.mark.timeout(60)
@fuzz
@given(NEARLY_JSON, st.sampled_from([".json", ".jsonl"]))
def test_nearly_json(content: str, suffix: str) -> None:
    check(content.encode(), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(NEARLY_CSV.map("".join), st.sampled_from([".csv", ".tsv"]))
def test_nearly_csv(content: str, suffix: str) -> None:
    check(content.encode(), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=4), min_size=1, max_size=4), st.booleans())
def test_any_json_values_in_any_columns(rows: list[dict[str, object]], as_list: bool) -> None:
    content = json.dumps(rows) if as_list else "\n".join(json.dumps(row) for row in rows)
    check(content.encode(), ".json" if as_list else ".jsonl")


def _table_bytes(kind: str) -> bytes:
    """A small file of a kind, sound."""
    return _bytes_of(
        pyarrow.table({"messages": [[{"role": "user", "content": "hi"}]] * 5, "label": [1, 2, 3, None, 5]}), kind
    )


def _bytes_of(table: pyarrow.Table, kind: str) -> bytes:
    sink = pyarrow.BufferOutputStream()
    if kind == ".parquet":
        pyarrow.parquet.write_table(table, sink)
    else:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())


SOUND = {
    ".parquet": _table_bytes(".parquet"), ".arrow": _table_bytes(".arrow"),
    ".jsonl.gz": gzip.compress(b'{"prompt": "a", "completion": "b"}\n' * 20),
    ".jsonl.zst": bytes(pyarrow.Codec("zstd").compress(b'{"prompt": "a", "completion": "b"}\n' * 20, asbytes=True)),
}  # fmt: skip


@pytest.mark.timeout(60)
@fuzz
@given(st.data(), st.sampled_from(sorted(SOUND)))
def test_sound_files_with_a_few_bytes_changed_or_cut_off(data: st.DataObject, suffix: str) -> None:
    content = bytearray(SOUND[suffix])
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    check(bytes(content[: data.draw(st.integers(0, len(content)))]), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(st.text(max_size=80), st.sampled_from(["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"]), SUFFIXES)
def test_any_text_in_other_encodings(content: str, encoding: str, suffix: str) -> None:
    check(content.encode(encoding, "surrogatepass"), suffix)


@pytest.mark.timeout(60)
@fuzz
@given(DESCRIPTIONS)
def test_any_description_beside_the_data(description: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dataset_info.json").write_text(json.dumps(description))
        (Path(folder) / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}')
        for place in (folder, f"{folder}#rows", f"{folder}/rows.jsonl"):
            error = refusal(lambda place=place: load(config(source(place))))  # type: ignore[misc]
            assert error is None or (folder in error.message and error.hint)
