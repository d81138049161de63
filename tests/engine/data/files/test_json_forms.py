"""JSON that is not quite JSONL: read where nothing is lost by it, else named with the command that mends it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.data.files.jsonrows import read_json
from engine.data.files.lenient import in_blocks
from engine.data.quality.check import check

ROWS = [{"prompt": f"Say {n}?", "completion": f"It is {n}, 'quoted' {{n}}."} for n in range(3)]


def values(path: Path) -> list[dict[str, Any]]:
    return [row.values for row in read_json(path, "a")]


def config(path: Path) -> RunConfig:
    return RunConfig.model_validate({"model": {"name_or_path": "m"}, "data": [{"path": str(path)}]})


FORMS = {
    "over several lines": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "over several lines, with commas": ",\n".join(json.dumps(row, indent=2) for row in ROWS),
    "a comma after each line": "".join(json.dumps(row) + ",\n" for row in ROWS),
    "all on one line": " ".join(json.dumps(row) for row in ROWS),
    "lines that end with CR": "\r".join(json.dumps(row) for row in ROWS),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".ndjson"])
def test_objects_one_after_another_are_rows(tmp_path: Path, form: str, suffix: str) -> None:
    file = tmp_path / f"rows{suffix}"
    file.write_text(FORMS[form])
    assert values(file) == ROWS
    assert not in_blocks(file)
    found = check(config(file))
    assert [source.rows for source in found.sources] == [len(ROWS)]


def test_one_object_over_several_lines_is_still_one_row_or_a_wrapper(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps({"data": ROWS}, indent=2))
    assert values(file) == ROWS


def test_a_fault_behind_pretty_printed_objects_is_told_by_its_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(FORMS["over several lines"] + '\n{\n  "prompt": oh\n}')
    with pytest.raises(DataError, match=r"row 4, line 14, column 13") as caught:
        values(file)
    assert "without trouble" not in caught.value.hint


CURED = {
    "a comma after a later line": (json.dumps(ROWS[0]) + "\n" + "".join(json.dumps(row) + ",\n" for row in ROWS[1:])),
    "Python's notation": "".join(f"{row!r}\n" for row in ROWS),
    "Python's notation, later": json.dumps(ROWS[0]).replace("'", "") + "\n" + "".join(f"{row!r}\n" for row in ROWS),
}


@pytest.mark.parametrize("fault", ["a comma after a later line", "Python's notation"])
def test_the_command_in_the_hint_mends_the_file(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "my rows.jsonl"
    file.write_text(CURED[fault])
    with pytest.raises(DataError) as caught:
        values(file)
    subprocess.run(caught.value.hint.partition(": ")[2], shell=True, check=True, cwd=tmp_path)
    assert values(tmp_path / "mended-my rows.jsonl") == ROWS


def test_a_list_in_pythons_notation_is_named_and_mended(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(repr({"data": ROWS}))
    with pytest.raises(DataError, match="Python's notation") as caught:
        values(file)
    subprocess.run(caught.value.hint.partition(": ")[2], shell=True, check=True, cwd=tmp_path)
    assert values(tmp_path / "mended-rows.json") == ROWS


def test_an_object_that_goes_on_in_the_next_line_is_said_to(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROWS[0]) + '\n{"prompt":\n"A"}')
    with pytest.raises(DataError, match=r"row 2.*does not end in this line"):
        values(file)


@pytest.mark.parametrize("names", [("train", "test"), ("train", "validation", "test"), ("Train", "Dev")])
def test_parts_of_a_data_set_in_one_file_are_written_apart_by_the_command_in_the_hint(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    file = tmp_path / "all of it.json"
    file.write_text(json.dumps({name: ROWS[: at + 1] for at, name in enumerate(names)}))
    with pytest.raises(DataError, match="several parts") as caught:
        values(file)
    assert ", ".join(names) in caught.value.message
    subprocess.run(caught.value.hint.partition(": ")[2], shell=True, check=True, cwd=tmp_path)
    assert [values(tmp_path / f"{name}.json") for name in names] == [ROWS[: at + 1] for at in range(len(names))]


def test_one_part_alone_is_read(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text(json.dumps({"train": ROWS, "version": "1"}))
    assert values(file) == ROWS
