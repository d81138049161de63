"""What is done by a quicker way comes out as by the plain one."""

from __future__ import annotations

import json
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given
from hypothesis import strategies as st

from engine.common.errors import DataError
from engine.data.dedup import exact, near
from engine.data.files.jsonrows import line_values
from engine.data.files.lenient import Unreadable, blocks, in_blocks, rows_of, tolerant_raw_rows
from engine.data.files.sources import data_files
from tests.engine.data.conftest import source

NEARLY_JSON = st.lists(
    st.sampled_from(
        ['{"a":', '"b"', "}", "{", "[", "]", ",", "NaN", "-0", "1e999", "0.1", "9" * 25, "true", "null", '"\\ud800"',
         '"\\u12"', '"\t"', '"\x7f"', " ", "x", ":", '"a"', "\u2028", "é"]
    ),
    max_size=8,
).map("".join)  # fmt: skip
PAIR = '{"prompt": "a", "completion": "b"}'
LINES = st.lists(
    st.sampled_from(
        [PAIR, PAIR, f" {PAIR}\r", "", "  ", "{broken", "[1]", "null", '{"prompt": NaN, "completion": "é"}']
    ),
    max_size=12,
)


@given(NEARLY_JSON)
def test_a_line_is_decoded_as_the_standard_library_does_it(text: str) -> None:
    expected: Any = None
    try:
        expected = json.loads(text, parse_constant=lambda _: None)
    except ValueError:
        pass
    for line in (text, text.encode()):
        if isinstance(expected, dict):
            assert repr(line_values(line, line, Path("a.jsonl"), 1)) == repr(expected)
        else:
            with pytest.raises(DataError, match="row 1"):
                line_values(line, line, Path("a.jsonl"), 1)


@given(LINES, st.sampled_from(["", "\n"]), st.sampled_from(["", "\ufeff"]), st.booleans())
def test_lines_in_blocks_are_the_rows_and_faults_of_plain_reading(
    lines: list[str], end: str, mark: str, ends_foreign: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.jsonl")
        content = (mark + "\n".join([PAIR, *lines]) + end).encode()
        path.write_bytes(content + (b"\n\xff\n" + PAIR.encode() if ends_foreign else b""))
        if ends_foreign:
            # Where that is in the first block the file is refused as a whole.
            assert not in_blocks(path)
            return
        plain: list[Unreadable] = []
        rows, _ = tolerant_raw_rows(data_files(source(path))[0], "a", plain.append)
        expected = [(raw.number, raw.values) for raw in rows]
        faults: list[Unreadable] = []
        found = [raw for block in blocks(path, faults.append) for raw in rows_of(block, "a", faults.append)]
        assert [(raw.number, raw.values) for raw in found] == expected
        assert [(each.row, each.ends) for each in faults] == [(each.row, each.ends) for each in plain]


def test_blocks_end_at_the_first_byte_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = (PAIR + "\n").encode()
    path.write_bytes(line * 20_000 + b'{"prompt": "\xff"}\n' + line * 10)
    assert in_blocks(path)
    faults: list[Unreadable] = []
    rows = [raw.number for block in blocks(path, faults.append) for raw in rows_of(block, "a", faults.append)]
    assert rows == list(range(1, 20_001))
    assert [(fault.row, fault.ends) for fault in faults] == [(20_001, True)]
    assert "UTF-8" in faults[0].error.title


@given(st.text(st.sampled_from("ab \n\t\r\x0b\x1c\xa0\u3000\u200b\u2028\U0001f600"), max_size=12))
def test_blank_space_is_evened_as_splitting_does_it(text: str) -> None:
    assert exact._even(text) == " ".join(text.split())


@given(st.lists(st.sampled_from(["a", "B", "red", "boat", "船", "é", "42"]), min_size=8, max_size=60))
def test_signatures_are_those_of_the_library(words: list[str]) -> None:
    phrases = np.array([zlib.crc32(word.encode()) for word in words], np.uint32)
    made = MinHash(num_perm=near.PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)
    made.update_batch(phrases.tolist())
    assert near._minima(phrases).tolist() == made.hashvalues.tolist()
