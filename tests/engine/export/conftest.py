"""The tiny model, tied and untied, made once; torch on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.tiny import make_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose head is its input table; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a head of its own; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "untied", tie=False)


@pytest.fixture(autouse=True)
def own_home(home: Path) -> None:
    """Hashes of weights are remembered there."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
