"""A fresh run directory for the tests of the run contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import directory
from engine.runs.directory import RunDir


@pytest.fixture
def run(home: Path) -> RunDir:
    """A run that was created and never launched."""
    return directory.create("models/tiny", "[model]\n", name="my run")
