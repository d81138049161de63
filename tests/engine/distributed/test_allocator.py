"""GPU memory is taken in blocks that can grow, unless somebody has said how it is to be taken."""

from __future__ import annotations

import os

import pytest

from engine.distributed.device import grow_segments

NAMES = ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")  # so that it is put back
        monkeypatch.delenv(name)


def test_blocks_grow_where_nobody_has_set_anything() -> None:
    grow_segments()
    assert os.environ["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["max_split_size_mb:128", ""])
def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    grow_segments()
    assert {known: os.environ.get(known) for known in NAMES} == dict.fromkeys(NAMES) | {name: value}
