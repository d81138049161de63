"""Checks that the tests of the verbs leave out: they have tests of their own."""

from __future__ import annotations

import pytest

from engine.app import preflight
from engine.app.examine import Examined


@pytest.fixture
def unexamined(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is read: the model has no tokenizer that could."""
    monkeypatch.setattr("engine.app.examine.examine", lambda config, on_progress: Examined())


@pytest.fixture
def unchecked(unexamined: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor are the model and the files of a config looked at."""
    monkeypatch.setattr(preflight._Look, "model", lambda look: iter(()))
    monkeypatch.setattr(preflight._Look, "data", lambda look: iter(()))
