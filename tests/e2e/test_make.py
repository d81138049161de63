"""The two set-up commands say plainly what is missing, before they do anything."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).resolve().parents[2]


def make(target: str, python: Path | str, venv: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", target, f"PYTHON={python}", f"VENV={venv}"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=os.environ | {"MAKEFLAGS": ""},
    )  # fmt: skip


def fake_python(folder: Path, says: str, fails_on: str) -> Path:
    """An interpreter that tells ``says`` as its version and fails on code that has ``fails_on`` in it."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\ncase "$*" in *--version*) echo "{says}";; *"{fails_on}"*) exit 1;; esac\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("target", ["demo", "test"])
def test_an_old_python_is_named_with_what_is_needed(tmp_path: Path, target: str) -> None:
    done = make(target, fake_python(tmp_path, "Python 3.9.2", "version_info"), tmp_path / "venv")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stdout
    assert "Python 3.9.2" in done.stdout
    assert not (tmp_path / "venv").exists()


def test_no_python_at_all_is_told(tmp_path: Path) -> None:
    done = make("demo", tmp_path / "nothing", tmp_path / "venv")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stdout
    assert "not there" in done.stdout or "not found" in done.stdout or "No such file" in done.stdout


def test_a_python_without_venv_is_told_how_to_get_it(tmp_path: Path) -> None:
    done = make("test", fake_python(tmp_path, "Python 3.12.1", "ensurepip"), tmp_path / "venv")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stdout
    assert not (tmp_path / "venv").exists()


def test_make_alone_explains_itself(tmp_path: Path) -> None:
    done = make("help", "python3", tmp_path / "venv")
    for command in ("make demo", "make test", "HEADLESS=1"):
        assert command in done.stdout
