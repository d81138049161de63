"""After Tab a shell offers verbs, and runs where a verb wants one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tui import fake_runs


def offered(line: str, home: Path) -> list[str]:
    """What bash is told when Tab is pressed at the end of ``line``."""
    words = line.split(" ")
    made = subprocess.run(
        [sys.executable, "-m", "tui"], capture_output=True, text=True, timeout=60, check=True,
        env={"_TUNEDECK_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
             "TUNEDECK_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    return made.stdout.split()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    _, writer = fake_runs.new_run(tmp_path / "runs", "orders")
    writer.close()
    return tmp_path


def test_tab_completes_verbs_and_runs_by_name_and_id(home: Path) -> None:
    run = next((home / "runs").iterdir()).name
    assert {"report", "resume", "rollback", "run", "runs"} <= set(offered("tunedeck r", home))
    assert set(offered("tunedeck report ", home)) == {run, *named(home)}
    assert offered(f"tunedeck report {run[:4]}", home) == [run]


def named(home: Path) -> list[str]:
    from engine.runs.directory import list_runs

    return [run.name for run in list_runs(home / "runs")]


def test_without_a_terminal_tab_opens_no_screen(home: Path) -> None:
    assert "export" in offered("tunedeck ", home)
