"""Deleting a run takes what tunedeck made and nothing else."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from engine.common.errors import MachineError, RunError
from engine.runs import control, directory
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.writer import RESERVE_NAME
from tests.engine.runs.making import make_checkpoint, mark_exited, mark_launched, write


@pytest.fixture
def full_run(run: RunDir) -> RunDir:
    """A run with everything that tunedeck ever puts into one."""
    mark_launched(run)
    write(run, ev.RunStarted(), ev.Finished(outcome="finished", step=3))
    lock = RunLock(run.lock)
    lock.acquire()
    control.send(run, "save")
    lock.release()
    mark_exited(run, 0)
    run.log.write_text("words\n")
    make_checkpoint(run, 2)
    make_checkpoint(run, 3, complete=False)
    (run.path / "checkpoint-4.partial").mkdir()
    (run.path / ".run.json.123.tmp").touch()
    (run.path / RESERVE_NAME).touch()
    (run.path / ".exit.json.tmp").touch()
    run.adapter.mkdir()
    (run.adapter / "adapter_model.safetensors").write_bytes(b"weights")
    return run


def test_a_run_of_tunedecks_own_files_goes_altogether(full_run: RunDir) -> None:
    directory.delete(full_run)
    assert not full_run.path.exists()
    assert full_run.path.parent.is_dir()


@pytest.mark.parametrize("name", ["notes.md", "movie.partial", ".secret.tmp", "checkpoint-best", "adapter2", "x.json"])
def test_a_persons_own_file_stays_and_so_does_the_folder(full_run: RunDir, name: str) -> None:
    (full_run.path / name).write_text("mine")
    directory.delete(full_run)
    assert [path.name for path in full_run.path.iterdir()] == [name]
    assert (full_run.path / name).read_text() == "mine"


def test_what_is_shown_before_is_what_goes(full_run: RunDir) -> None:
    (full_run.path / "notes.md").touch()
    promised = set(directory.what_delete_removes(full_run))
    present = set(full_run.path.iterdir())
    directory.delete(full_run)
    assert promised == present - set(full_run.path.iterdir())


def test_a_link_goes_and_what_it_points_to_stays(full_run: RunDir, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("kept")
    shutil.rmtree(full_run.adapter)
    full_run.adapter.symlink_to(precious)
    (full_run.path / "checkpoint-9").symlink_to(tmp_path / "nowhere")
    directory.delete(full_run)
    assert not full_run.path.exists()
    assert (precious / "file").read_text() == "kept"


def test_a_running_run_is_refused(full_run: RunDir) -> None:
    lock = RunLock(full_run.lock)
    lock.acquire()
    with pytest.raises(RunError):
        directory.delete(full_run)
    lock.release()
    assert full_run.config.exists()


def test_a_run_launched_a_moment_ago_is_refused(run: RunDir) -> None:
    mark_launched(run, seconds_ago=0)
    with pytest.raises(RunError):
        directory.delete(run)


def test_what_cannot_be_removed_is_told(full_run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", os.fspath(path))  # type: ignore[call-overload]

    monkeypatch.setattr(directory.shutil, "rmtree", refuse)
    with pytest.raises(MachineError) as caught:
        directory.delete(full_run)
    assert "Permission denied" in caught.value.message
