"""A file is read as far as it goes, with no more memory than that, and refused when it is larger than it may be."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from engine.common.regular_files import read_regular


@pytest.mark.parametrize("size", [0, 1, 1 << 16, (1 << 16) + 1, 200_000])
def test_all_of_a_file_comes_back(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (size // 256 + 1))
    with path.open("r+b") as file:
        file.truncate(size)
    assert read_regular(path, 1 << 20) == path.read_bytes()
    assert read_regular(path, size) == path.read_bytes()


def test_a_small_file_takes_little_memory_whatever_the_limit(tmp_path: Path) -> None:
    """Where memory is short a run could not end, for want of room for what was not there."""
    (tmp_path / "file").write_bytes(b"small")
    tracemalloc.start()
    assert read_regular(tmp_path / "file", 64 << 20) == b"small"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_one_whose_size_the_system_does_not_know_is_read_up_to_the_limit() -> None:
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("only Linux has such files")
    assert b"VmData" in read_regular(status, 1 << 20)
    with pytest.raises(OSError, match="has more than 100 bytes"):
        read_regular(status, 100)
