"""Helpers for tests of data: files on the spot, sources, and errors that must say enough."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import DataSource, RunConfig
from engine.data.reader import load
from engine.data.rows.messages import Row

Write = Callable[[str, str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file into the test's folder and return its path."""

    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def source(path: Path | str, **fields: Any) -> DataSource:
    return DataSource.model_validate({"path": str(path), **fields})


def config(*sources: DataSource, **dataset: Any) -> RunConfig:
    values = {"model": {"name_or_path": "tiny"}, "data": [item.model_dump() for item in sources], "dataset": dataset}
    return RunConfig.model_validate(values)


def load_rows(config: RunConfig) -> list[Row]:
    """Only the rows of ``load``."""
    return load(config).rows
