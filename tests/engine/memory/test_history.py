"""What past runs measured makes the next estimate better, and can't break it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.memory.history import Observation, calibrate, history_file, read_history, record
from engine.messages.catalogue import text


def seen(run: str, ratio: float, phase: str = "backward", **changes: object) -> Observation:
    values = {"gpu": "A100", "model": "m", "method": "qlora", **changes}
    return Observation(run=run, phase=phase, predicted_bytes=1e10, measured_bytes=1e10 * ratio, **values)  # type: ignore[arg-type]


def test_observations_come_back_from_the_homes_history(home: Path) -> None:
    record([seen("a", 1.02), seen("a", 0.9, "loss")])
    record([seen("b", 1.04)])
    assert history_file().parent == home
    assert read_history() == [seen("a", 1.02), seen("a", 0.9, "loss"), seen("b", 1.04)]


def test_a_broken_history_loses_only_its_broken_lines(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    record([seen("a", 1.02)], file)
    with file.open("a") as stream:
        stream.write('{"run": "x"}\nnot json\n[1]\n{"half": ')
    assert read_history(file) == [seen("a", 1.02)]
    assert read_history(tmp_path / "none.jsonl") == []


def test_senseless_figures_are_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    record([seen("a", 0.0), seen("b", 100.0), seen("c", 1.0)], file)
    assert [found.run for found in read_history(file)] == ["c"]


def test_a_history_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    record([seen("a", 1.0)], tmp_path)  # a folder
    assert read_history(tmp_path) == []


def test_the_factor_is_the_median_of_runs_by_their_peak() -> None:
    history = [seen("a", 1.00), seen("a", 0.5, "loss"), seen("b", 1.02), seen("c", 1.10)]
    found = calibrate(history, "A100", "m", "qlora")
    assert found is not None
    assert (found.factor, found.runs) == (pytest.approx(1.02), 3)
    assert found.apply(100.0) == pytest.approx(102.0)
    assert text(found.message) == "± 2% from 3 runs"


def test_runs_like_this_one_count_before_others() -> None:
    history = [seen("a", 1.0), seen("b", 1.2, model="other"), seen("c", 1.5, method="lora")]
    assert calibrate(history, "A100", "m", "qlora").runs == 1  # type: ignore[union-attr]
    assert calibrate(history, "A100", "new", "qlora").runs == 2  # type: ignore[union-attr]
    assert calibrate(history, "A100", "new", "dora").runs == 3  # type: ignore[union-attr]


def test_another_gpus_runs_say_nothing() -> None:
    assert calibrate([seen("a", 1.0)], "T4") is None
