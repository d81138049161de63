"""Commands in hints read a file wherever it is, packed or not, and write beside nobody's files."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.files.jsonrows import read_json

PRINTED = ("{'prompt': 'a'}\n{'prompt': 'b'}\n", "utf-8")
WESTERN = ('{"prompt": "é"}\n{"prompt": "ê"}\n', "cp1252")


@pytest.mark.parametrize("name", ["rows.jsonl", "two words.jsonl", "rows.jsonl.gz"])
@pytest.mark.parametrize(("text", "encoding"), [PRINTED, WESTERN])
def test_a_hint_is_followed_from_another_folder(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / name
    raw = text.encode(encoding)
    file.write_bytes(gzip.compress(raw) if file.suffix == ".gz" else raw)
    with pytest.raises(DataError) as caught:
        list(read_json(file, "a"))
    command = caught.value.hint.removeprefix("Convert it: ")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    (mended,) = tmp_path.glob("*.jsonl")
    assert len(list(read_json(mended, "a"))) == 2
