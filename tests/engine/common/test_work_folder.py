"""A folder to work in goes with its work, one of a killed process with the next; no other is touched."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.common import locks
from engine.common.work_folder import MARK, left_behind, remove_left_behind, work_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from engine.common.work_folder import work_folder
with work_folder(Path(sys.argv[1]), ["half.gguf", "../elsewhere"]) as work:
    (work / "inside").mkdir()
    (work / "inside" / "weights").write_text("x")
    (Path(sys.argv[1]) / "half.gguf").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(folder: Path) -> Path:
    """What a process leaves in ``folder`` that dies in the middle."""
    ended = subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert ended.returncode == -signal.SIGKILL
    (work,) = folder.glob(".work-*")
    return work


def test_it_goes_with_the_work(tmp_path: Path) -> None:
    with work_folder(tmp_path) as work:
        (work / "weights").write_text("x")
        assert left_behind(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), work_folder(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_of_a_killed_process_it_goes_with_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    work = killed(tmp_path / "exports")
    (tmp_path / "exports" / "mine.gguf").write_text("mine")
    assert set(left_behind(tmp_path / "exports")) == {work, tmp_path / "exports" / "half.gguf"}
    remove_left_behind(tmp_path / "exports")
    assert [path.name for path in (tmp_path / "exports").iterdir()] == ["mine.gguf"]
    assert (tmp_path / "elsewhere").exists()


def test_one_that_a_living_process_holds_stays(tmp_path: Path) -> None:
    with work_folder(tmp_path) as work:
        remove_left_behind(tmp_path)
        assert (work / MARK).is_file()


def test_what_has_no_mark_or_another_one_stays(tmp_path: Path) -> None:
    for name, mark in ((".work-mine", None), (".work-other", "{}"), (".work-cut", "")):
        (tmp_path / name).mkdir()
        if mark is not None:
            (tmp_path / name / MARK).write_text(mark)
    (tmp_path / ".work-file").write_text("x")
    (tmp_path / ".work-link").mkdir()
    (tmp_path / ".work-link" / MARK).symlink_to(tmp_path / "absent")
    before = sorted(tmp_path.rglob("*"))
    remove_left_behind(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_on_a_file_system_without_locks_nothing_is_taken_for_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(tmp_path)
    monkeypatch.setattr(locks, "taken", lambda fd, shared=False, waits=False: None)
    assert left_behind(tmp_path) == []
