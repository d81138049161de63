"""The report is written where it was asked for, and never over a file that is somebody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.app import report
from engine.common.errors import MachineError, RunError
from engine.runs import directory
from engine.runs.directory import RunDir
from tests.tui import fake_runs


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return fake_runs.finished_run(tmp_path / "runs")


def test_by_itself_it_lies_in_the_run_and_is_made_anew(run: RunDir) -> None:
    assert report.write(run) == run.path / "report.html"
    assert report.write(run).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in run.path.glob(".*.tmp")] == []


def test_a_file_of_somebody_is_kept_until_force_is_given(run: RunDir, tmp_path: Path) -> None:
    theirs = tmp_path / "notes.html"
    theirs.write_text("mine")
    with pytest.raises(RunError) as error:
        report.write(run, theirs)
    assert error.value.code == "report.exists"
    assert theirs.read_text() == "mine"
    assert "--force" in error.value.hint
    assert "<html" in report.write(run, theirs, force=True).read_text()


def test_the_report_of_another_run_is_not_overwritten(run: RunDir, tmp_path: Path) -> None:
    other = report.write(fake_runs.finished_run(tmp_path / "runs", "other"), tmp_path / "report.html")
    with pytest.raises(RunError):
        report.write(run, other)


def test_a_folder_gets_the_report_under_the_name_of_the_run(run: RunDir, tmp_path: Path) -> None:
    assert report.write(run, tmp_path) == tmp_path / f"{run.id}.html"


def test_links_and_pipes_are_left_alone_even_with_force(run: RunDir, tmp_path: Path) -> None:
    target, link, pipe = tmp_path / "target", tmp_path / "link.html", tmp_path / "pipe.html"
    target.write_text("mine")
    link.symlink_to(target)
    os.mkfifo(pipe)
    for path in (link, pipe):
        with pytest.raises(RunError) as error:
            report.write(run, path, force=True)
        assert error.value.code == "report.not-a-file"
    assert target.read_text() == "mine"


@pytest.mark.parametrize("to", ["nowhere/report.html", "file/report.html", "a" * 300 + ".html"])
def test_a_place_that_can_not_be_written_is_named(run: RunDir, tmp_path: Path, to: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(MachineError) as error:
        report.write(run, tmp_path / to)
    assert error.value.code == "report.unwritable"
    assert "--to" in error.value.hint


def test_deleting_a_run_deletes_its_report_and_no_other(run: RunDir, tmp_path: Path) -> None:
    report.write(run)
    assert run.report in directory.what_delete_removes(run)
    run.report.write_text("mine")
    assert run.report not in directory.what_delete_removes(run)


def test_no_browser_is_opened_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert not report.can_open()
