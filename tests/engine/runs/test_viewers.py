"""Who has a run open is known to others at it; who was killed, or may not write there, does not count."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.common.who import who
from engine.runs import directory
from engine.runs.directory import RunDir
from engine.runs.viewers import Presence

KILLED = """
import os, sys
from pathlib import Path
from engine.runs.directory import RunDir
from engine.runs.viewers import Presence
Presence(RunDir(Path(sys.argv[1])), steers=True).enter()
os.kill(os.getpid(), 9)
"""


def test_each_sees_all_in_the_order_of_their_coming_until_they_leave(run: RunDir) -> None:
    first, second = Presence(run, steers=True), Presence(run, steers=False)
    assert first.viewers() == ()
    first.enter()
    second.enter()
    assert [(each.who, each.steers, each.is_self) for each in first.viewers()] == [
        (who(), True, True), (who(), False, False)
    ]  # fmt: skip
    assert [each.is_self for each in second.viewers()] == [False, True]
    second.leave()
    assert len(first.viewers()) == 1
    first.leave()
    assert not run.viewers.exists()


def test_one_that_was_killed_does_not_count_and_is_cleared_away(run: RunDir) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(run.path)], check=False, timeout=60)
    assert len(list(run.viewers.iterdir())) == 1
    here = Presence(run, steers=True)
    here.enter()
    assert [each.is_self for each in here.viewers()] == [True]
    assert len(list(run.viewers.iterdir())) == 1
    here.leave()


def test_odd_files_are_nobody(run: RunDir) -> None:
    here = Presence(run, steers=True)
    here.enter()
    os.mkfifo(run.viewers / "pipe")
    (run.viewers / "link").symlink_to("/etc/passwd")
    (run.viewers / "folder").mkdir()
    assert len(here.viewers()) == 1
    here.leave()


def test_a_folder_that_may_not_be_written_to_tells_of_nobody(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # whoever runs the tests: root may write anywhere
    here = Presence(run, steers=True)
    here.enter()
    assert here.viewers() == ()
    here.leave()


def test_what_cannot_be_entered_tells_of_nobody(tmp_path: Path) -> None:
    here = Presence(RunDir(tmp_path / "gone"), steers=True)
    here.enter()
    assert here.viewers() == ()
    here.leave()


def test_a_run_is_deleted_with_the_names_of_its_viewers(run: RunDir) -> None:
    here = Presence(run, steers=True)
    here.enter()
    directory.delete(run)
    assert not run.path.exists()
    here.leave()
