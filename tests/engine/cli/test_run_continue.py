"""`tunedeck run` with strategy continue: what the adapter fixes is written into the run's config, with its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app import preflight
from engine.config import toml
from engine.runs import directory
from engine.runs import events as ev
from tests.engine.cli.cli_calls import Shell, launches
from tests.engine.models.making import write_adapter

ENDED = [ev.RunStarted(total_steps=1), ev.Finished(outcome="finished", step=1, adapter="adapter", seconds=1.0)]


@pytest.fixture
def config(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config that continues the run "orders"; the model's and the rows' own checks have tests elsewhere."""
    monkeypatch.setattr(preflight._Look, "model", lambda look: iter(()))
    monkeypatch.setattr(preflight._Look, "data", lambda look: iter(()))
    write_adapter(directory.create("m", "", name="orders").adapter, use_rslora=True)
    path = tmp_path / "run.toml"
    path.write_text(
        '[model]\nname_or_path = "tiny"\n[strategy]\nkind = "continue"\nadapter = "orders"\n'
        '[[data]]\npath = "/rows.jsonl"\n'
    )
    return path


def test_the_runs_config_says_what_came_from_the_adapter(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: ENDED)
    answer = shell("run", config)
    assert answer.code == 0, answer.err
    [(run, _)] = calls
    written = run.config.read_text()
    old = next(each for each in directory.list_runs() if each.id != run.id)
    assert f"r = 4 # adapter {old.id}" in written
    assert "# a third of the rate of a fresh start" in written
    assert toml.load(run.config).config.strategy.adapter == old.id


def test_another_rank_is_refused_before_anything_is_created(
    shell: Shell, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = launches(monkeypatch, lambda runner: ENDED)
    answer = shell("run", config, "--set", "adapter.r=64")
    assert answer.code == 2
    assert "adapter.r: is 64, but the adapter to continue has 4" in answer.err
    assert (calls, len(directory.list_runs())) == ([], 1)


def test_an_adapter_that_does_not_fit_is_a_model_error(shell: Shell, config: Path) -> None:
    answer = shell("run", config, "--check", "--set", "strategy.adapter=nobody")
    assert answer.code == 4
    assert "Adapter not found" in answer.err
