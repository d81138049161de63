"""After Tab a shell offers verbs, and runs where a verb wants one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import completing
from tests.tui import fake_runs
from tui.theme import THEMES


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


def test_tab_completes_the_values_of_options_that_have_few(home: Path) -> None:
    assert offered("tunedeck --theme c", home) == ["contrast", "color-blind"]
    assert offered("tunedeck --lang ", home) == ["en", "zh"]
    assert "first-steps" in offered("tunedeck run --preset ", home)
    assert {"gguf", "gguf-lora"} <= set(offered("tunedeck export orders --to g", home))
    assert "smollm2-135m" in offered("tunedeck model get ", home)
    assert set(completing.THEMES) == set(THEMES)


def test_tab_completes_paths_where_they_are_opened(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tables").mkdir()
    for name in ("rows.jsonl", ".hidden", "tables/rows-2.csv", "tables/rows-3.csv"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert {"rows.jsonl", "run", "runs", "runs/"} <= set(offered("tunedeck r", home))
    assert offered("tunedeck ta", home) == ["tables/rows-2.csv", "tables/rows-3.csv"], "the only folder is gone into"
    assert offered("tunedeck tables/rows-3", home) == ["tables/rows-3.csv"]
    assert {".hidden", "rows.jsonl"}.isdisjoint(offered("tunedeck ", home)), "before a letter commands alone"
    assert {"orders", "rows.jsonl"} <= set(offered("tunedeck adapter inspect ", home))


def test_without_a_terminal_tab_opens_no_screen(home: Path) -> None:
    assert "export" in offered("tunedeck ", home)
