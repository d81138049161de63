"""Torch computes on one thread."""

from __future__ import annotations

import pytest

import engine.modeling.peft  # noqa: F401  before the tests load PEFT, and torch's compiler with it


@pytest.fixture(autouse=True)
def _one_thread(one_thread: None) -> None:
    pass
