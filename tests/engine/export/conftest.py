"""A home of its own for each test, and torch on one thread."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine.modeling.peft  # noqa: F401  before the tests load PEFT, and torch's compiler with it


@pytest.fixture(autouse=True)
def _own(home: Path, one_thread: None) -> None:
    """Hashes of weights are remembered in the home."""
