"""The highest memory of a phase is its own, and the highest of all is never lost."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
import torch

from engine.modeling import memory_peaks
from engine.modeling.memory_peaks import Peaks

MIB = 2**20


def use(mib: int) -> None:
    """Take memory for a moment, past the heap, which may have kept some of other tests."""
    with mmap.mmap(-1, mib * MIB) as block:
        for page in range(0, mib * MIB, mmap.PAGESIZE):
            block[page] = 1


def test_each_phase_has_its_own_peak_and_keeps_the_highest() -> None:
    peaks = Peaks(torch.device("cpu"))
    peaks.restart()
    use(300)
    peaks.take("backward")
    peaks.take("step")
    first = dict(peaks.measured)
    assert first["backward"] > first["step"] + 200 * MIB
    use(100)
    peaks.take("backward")
    assert peaks.measured["backward"] == first["backward"]
    use(600)
    peaks.take("backward")
    assert peaks.measured["backward"] > first["backward"] + 200 * MIB


def test_the_highest_of_all_outlives_a_new_beginning() -> None:
    use(400)
    highest = memory_peaks.highest_bytes()
    memory_peaks.restart_peak()
    memory_peaks.restart_peak()
    assert memory_peaks.highest_bytes() == highest
    assert memory_peaks.restart_peak() < highest


def test_where_the_peak_can_not_begin_anew_it_is_that_of_all_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_peaks, "_STATUS", tmp_path / "nowhere")
    monkeypatch.setattr(memory_peaks, "_CLEAR", tmp_path / "nowhere" / "either")
    assert memory_peaks.restart_peak() > 20 * MIB


def test_a_gpu_that_nobody_uses_yet_has_no_peak() -> None:
    peaks = Peaks(torch.device("cuda", 0))
    peaks.take("load")
    assert peaks.measured == {"load": 0}
    assert peaks.of == "allocated"
