"""Run directories are private, found by what people call them, and made by nobody else's leave."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from engine.common import files, paths
from engine.common.errors import MachineError, RunError
from engine.runs import directory
from engine.runs.directory import RunDir
from tests.engine.runs.making import make_checkpoint


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_is_readable_by_its_owner_only(run: RunDir) -> None:
    assert mode_of(run.path) == 0o700
    assert mode_of(run.path.parent) == 0o700
    assert mode_of(run.config) == 0o600


def test_a_run_is_named_after_date_and_model(home: Path) -> None:
    run = directory.create("/models/Smol LM: 135M/", "x = 1\n")
    assert re.fullmatch(r"\d{8}-\d{6}-smol-lm-135m-[0-9a-f]{4}", run.id)
    assert run.path.parent == paths.runs_dir()
    assert run.config.read_text() == "x = 1\n"


@pytest.mark.parametrize("model", ["///", "..", "模型", "\x1b[31m"])
def test_an_odd_model_name_still_gives_a_folder(home: Path, model: str) -> None:
    assert re.fullmatch(r"[a-z0-9._-]+", directory.create(model, "").id)


def test_runs_are_listed_newest_first_even_within_one_second(home: Path) -> None:
    made = [directory.create(name, "") for name in ("c", "a", "b")]
    for age, run in enumerate(reversed(made)):
        os.utime(run.config, ns=(0, 10**18 - age))
    assert [run.id[16] for run in directory.list_runs()] == ["b", "a", "c"]
    assert directory.find("last") == made[-1]


def test_folders_that_are_no_runs_are_not_listed(run: RunDir) -> None:
    (paths.runs_dir() / "notes").mkdir()
    (paths.runs_dir() / "a file").touch()
    assert directory.list_runs() == [run]


def test_a_run_is_found_by_path_id_beginning_and_name(run: RunDir) -> None:
    for name in (str(run.path), run.id, run.id[:20], "my run", "last"):
        assert directory.find(name) == run


def test_an_unknown_run_says_what_there_is(run: RunDir) -> None:
    with pytest.raises(RunError) as caught:
        directory.find("nope")
    assert "nope" in str(caught.value)
    assert "tunedeck runs" in caught.value.hint


@pytest.mark.parametrize("name", ["last", "", "nope"])
def test_without_runs_the_error_says_how_to_get_one(home: Path, name: str) -> None:
    with pytest.raises(RunError) as caught:
        directory.find(name)
    assert "demo" in caught.value.hint


def test_a_name_that_several_runs_have_lists_them(home: Path) -> None:
    ids = [directory.create("tiny", "", name="twice").id for _ in range(2)]
    with pytest.raises(RunError) as caught:
        directory.find("twice")
    assert all(each in caught.value.message for each in ids)


def test_an_empty_name_means_no_run_even_when_there_is_one(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.path)
    with pytest.raises(RunError):
        directory.find("")


def test_a_root_that_is_not_writable_is_told_with_its_path(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(MachineError) as caught:
        directory.create("tiny", "")
    assert str(home) in caught.value.message
    assert "TUNEDECK_HOME" in caught.value.hint


def test_a_root_that_the_system_protects_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", "/sys/tunedeck")  # nobody may make a folder there, root included
    with pytest.raises(MachineError) as caught:
        directory.create("tiny", "")
    assert caught.value.code == "runs.cannot-create"
    assert "/sys/tunedeck" in caught.value.message


def test_only_checkpoints_with_their_marker_count_oldest_first(run: RunDir) -> None:
    for number in (100, 20, 3):
        make_checkpoint(run, number)
    make_checkpoint(run, 200, complete=False)
    (run.path / "checkpoint-best").mkdir()
    assert [path.name for path in run.complete_checkpoints()] == ["checkpoint-3", "checkpoint-20", "checkpoint-100"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", "null"])
def test_a_damaged_run_json_reads_as_nothing_known(run: RunDir, content: str) -> None:
    run.run_json.write_text(content)
    assert run.read_run_json() == {}


def test_an_interrupted_replacement_leaves_the_old_text(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        files.write_atomic(run.config, "new")
    assert run.config.read_text() == "[model]\n"
    assert not list(run.path.glob(".config*"))
