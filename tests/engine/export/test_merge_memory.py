"""Merging takes memory for a few blocks of rows, not for the model: measured on a process of its own."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.merge_memory import measure


def test_memory_stays_far_below_the_models_size(tmp_path: Path) -> None:
    got = measure(tmp_path, 400_000_000, shards=2, small=True)
    assert got.base_bytes > 380_000_000
    # Five blocks of 32 MiB in float32 at most, and what reading and hashing take.
    assert got.peak_bytes - got.libraries_bytes < 220_000_000 < got.base_bytes
