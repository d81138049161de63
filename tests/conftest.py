"""Fixtures for all tests: a home of their own, so that nothing of the user's is ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TUNEDECK_HOME."""
    folder = tmp_path / "tunedeck-home"
    monkeypatch.setenv("TUNEDECK_HOME", str(folder))
    return folder
