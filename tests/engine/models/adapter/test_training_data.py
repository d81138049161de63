"""Replay: which of an old adapter's rows can be mixed into a new run."""

from __future__ import annotations

from pathlib import Path

from engine.common import paths
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.models.adapter.training_data import replay_of
from tests.tui.wizard.making import make_rows
from tests.tui.wizard.old_adapters import make_adapter, make_run, make_sample


def test_a_runs_rows_are_named_by_the_run_at_a_tenth(home: Path, tmp_path: Path) -> None:
    run = make_run(paths.runs_dir(), "org/model", make_rows(tmp_path / "rows.jsonl"))
    found = replay_of(read_adapter(run.path))
    assert found.level == "files"
    assert found.sources == ({"path": f"run:{run.id}", "role": "replay", "share": 0.1},)


def test_the_recorded_sample_stands_for_files_that_are_gone(home: Path) -> None:
    run = make_run(paths.runs_dir(), "org/model", None)
    assert replay_of(read_adapter(run.path)).level == "gone"
    make_sample(run)
    found = replay_of(read_adapter(run.path))
    assert (found.level, len(found.sources)) == ("sample", 1)


def test_of_an_adapter_trained_elsewhere_nothing_is_known(home: Path, tmp_path: Path) -> None:
    found = replay_of(read_adapter(make_adapter(tmp_path / "foreign", "org/model")))
    assert (found.level, found.sources) == ("gone", ())
    assert found.message == Message("adapter.data-unknown")
