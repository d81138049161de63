"""Hostile files end every way of looking at them with a clear word, in time, and with nothing a terminal obeys."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.common.errors import DataError
from engine.data.files.lenient import tolerant_raw_rows
from engine.data.files.opened import check_name
from engine.data.files.preview import preview
from engine.data.files.sources import data_files, read_file
from engine.data.quality.check import check
from engine.data.quality.report import lines_of
from engine.data.reader import load
from tests.engine.cli.cli_calls import Shell
from tests.engine.data.conftest import config, source
from tests.engine.data.hostile import FILES, PAIR, Hostile

OBEYED = {chr(code) for code in (*range(32), *range(127, 160)) if code != 10}
"""Characters that a terminal obeys."""


def refusal(act: Callable[[], object]) -> DataError | None:
    """The error people would see; any other exception fails the test."""
    try:
        act()
    except DataError as error:
        return error
    return None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("hostile", FILES.values(), ids=FILES)
def test_data_check_ends_with_a_report_or_an_error(shell: Shell, tmp_path: Path, hostile: Hostile) -> None:
    path = hostile.make(tmp_path)
    answer = shell("data", "check", path)
    assert answer.code == hostile.code
    assert hostile.said in (answer.out + answer.err).lower() or hostile.said in answer.out + answer.err
    assert not OBEYED & {*answer.out, *answer.err}
    assert "Traceback" not in answer.err
    if hostile.is_large:
        return  # once is enough
    as_json = shell("data", "check", path, "--json")
    assert as_json.code == hostile.code
    assert not OBEYED & {*as_json.out, *as_json.err}
    if hostile.code < 2:
        assert as_json.json["fatal"] == (hostile.code == 1)
    else:
        assert as_json.json["error"]["error"] in ("DataError", "ColumnsUnclear")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("hostile", FILES.values(), ids=FILES)
def test_looking_and_loading_end_with_rows_or_an_error(tmp_path: Path, hostile: Hostile) -> None:
    path = hostile.make(tmp_path)
    for act in (lambda: preview(path), lambda: load(config(source(check_name(str(path)))))):
        error = refusal(act)
        assert error is None or (error.title and error.hint and str(tmp_path) in error.message)


def test_a_file_removed_while_it_is_read_is_read_on_or_missed_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(PAIR * 20_000)
    reading = read_file(path, "a")
    next(reading)
    path.unlink()
    assert sum(1 for _ in reading) == 19_999, "an open file stays"
    with pytest.raises(DataError, match="No such file"):
        load(config(source(path)))
    with pytest.raises(DataError, match="No such file"):
        check(config(source(path)))


def test_a_file_that_is_cut_while_it_is_read_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(PAIR * 20_000)
    faults: list[object] = []
    rows, _ = tolerant_raw_rows(data_files(source(path))[0], "a", faults.append)
    next(rows)
    os.truncate(path, 100)
    assert 100 <= sum(1 for _ in rows) < 20_000
    assert len(faults) <= 1


@pytest.mark.timeout(120)
def test_the_doctor_ends_while_a_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(PAIR * 2000)
    ended = threading.Event()

    def grow() -> None:
        with path.open("a") as file:
            while not ended.is_set():
                file.write(PAIR)
                file.flush()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        report = check(config(source(path)))
    finally:
        ended.set()
        writer.join()
    assert report.sources[0].rows >= 2000
    assert not [line for line in lines_of(report) if "can't be read" in line]


def test_a_file_without_the_right_to_read_it_is_named(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(PAIR)

    def denied(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("engine.data.files.opened.HashedFile", denied)
    answer = shell("data", "check", path)
    assert answer.code == 2
    assert f"{path}: Permission denied" in answer.err
