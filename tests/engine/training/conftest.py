"""The tiny model, made once, and torch on one thread: its tensors are too small to share out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.engine.training.making import write_rows
from tests.tiny import make_tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny chat model; not to be written to."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny model without a chat template."""
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny-base", chat_template=False)


@pytest.fixture
def rows(tmp_path: Path, home: Path) -> Path:
    """A file of 24 orders with their answers."""
    return write_rows(tmp_path / "rows.jsonl")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
