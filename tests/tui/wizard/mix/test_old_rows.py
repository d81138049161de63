"""Old rows mixed in whatever the strategy: by a key of the strategy step, and by one of the board."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.common import paths
from engine.config.provenance import YOU
from engine.runs.directory import RunDir
from tests.tui.looking import said, until
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import make_rows, text_of
from tests.tui.wizard.mix.test_screen import strike
from tests.tui.wizard.old_adapters import make_run, make_whole_model
from tests.tui.wizard.steering import enter, press, shown_words
from tui.draft.draft import Draft
from tui.wizard.mix.screen import MixScreen


@pytest.fixture
def run(home: Path, tmp_path: Path) -> RunDir:
    base = make_whole_model(paths.models_dir() / "tiny-chat")
    return make_run(paths.runs_dir(), base, make_rows(tmp_path / "old.jsonl", 50))


async def test_merge_mixes_old_rows_in_by_a_key_and_takes_them_out(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await enter(app, pilot, 2)
        await until(pilot, lambda: "Looking for adapters" not in text_of(app))
        await press(app, pilot, "down", "enter", "down")
        assert "F8 mixes in 10% old rows." in shown_words(app)
        await press(app, pilot, "f8")
        draft = app.wizard.draft
        assert (draft.get("strategy.kind"), draft.get("data.0.path")) == ("merge", f"run:{run.id}")
        assert (draft.get("data.0.role"), draft.get("data.0.share")) == ("replay", 0.1)
        assert draft.source("data.0.path") == YOU
        assert "F8 removes them." in shown_words(app)
        await press(app, pilot, "enter", "ctrl+k")
        assert len(draft.data_sources()) == 1, "it stays when one passes by again"
        await press(app, pilot, "f8")
        assert draft.data_sources() == []


@pytest.mark.parametrize("kind", ["merge", "fresh"])
async def test_the_board_adds_the_old_rows_of_any_strategy(
    open_wizard: Opener, run: RunDir, rows: Path, kind: str
) -> None:
    draft = Draft(
        {"model.name_or_path": "tiny-chat", "strategy.kind": kind, "strategy.adapter": run.id, "data.0.path": str(rows)}
    )
    draft.step = "data"
    async with open_wizard(draft) as (app, pilot):
        await strike(app, pilot, "f8")
        assert isinstance(app.screen, MixScreen)
        await until(pilot, lambda: f"o {said('keys.mix-replay')}" in text_of(app))
        await strike(app, pilot, "o")
        assert "replay" in text_of(app)
        assert "10%" in text_of(app)
        assert f"o {said('keys.mix-replay')}" not in text_of(app)
        await strike(app, pilot, "enter")
        kept = app.wizard.draft
        assert (kept.get("data.1.path"), kept.get("data.1.role")) == (f"run:{run.id}", "replay")
        assert kept.get("data.1.share") == 0.1
        assert "replay 10%" in shown_words(app)
        assert "mix: orders 90%" in shown_words(app)
