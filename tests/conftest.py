"""Fixtures for all tests: a home of their own, so that nothing of the user's is ever touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.messages import catalogue, language

# A shared machine is slow at times; how long an example takes says nothing about whether it is right.
settings.register_profile("tunedeck", deadline=None)
settings.load_profile("tunedeck")


# A text or an argument that is missing in the catalogues ends a test, also in the processes that it starts.
os.environ[catalogue.STRICT] = "1"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests read English, whatever the machine's locale is; those of other languages say so."""
    monkeypatch.setenv(language.VARIABLE, "en")
    language.use("")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TUNEDECK_HOME."""
    folder = tmp_path / "tunedeck-home"
    monkeypatch.setenv("TUNEDECK_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def gpus_as_before() -> Iterator[None]:
    """A run picks its GPU for its whole process; in tests that process is everybody's."""
    names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
