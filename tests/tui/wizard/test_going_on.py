"""Going on from an old adapter through the later steps: locked fields, replay, and the measured relation."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.common import paths
from engine.config.provenance import THIRD
from engine.runs.directory import RunDir
from tests.tui.looking import until
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import WizardApp, make_child, make_rows, text_of
from tests.tui.wizard.old_adapters import RELATED, make_run, make_sample
from tests.tui.wizard.steering import enter, press, shown_words, write


@pytest.fixture
def run(base: Path, tmp_path: Path) -> RunDir:
    return make_run(paths.runs_dir(), base, make_rows(tmp_path / "old.jsonl", 50))


async def to_data_continuing(app: WizardApp, pilot: Pilot[None]) -> None:
    await enter(app, pilot, 2)
    await until(pilot, lambda: "Looking for adapters" not in text_of(app))
    await press(app, pilot, "down", "enter", "enter")
    assert app.wizard.step_name == "data"


async def with_new_rows(app: WizardApp, pilot: Pilot[None], rows: Path) -> None:
    await to_data_continuing(app, pilot)
    await write(pilot, str(rows))
    await press(app, pilot, "enter")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_replay_stands_among_the_data_with_its_share_and_can_be_removed(
    open_wizard: Opener, run: RunDir, rows: Path, size: tuple[int, int]
) -> None:
    async with open_wizard(size=size) as (app, pilot):
        await with_new_rows(app, pilot, rows)
        assert "replay 10%" in shown_words(app)
        await press(app, pilot, "shift+tab", "tab", "tab")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "data-list")
        await press(app, pilot, "home", "delete")
        assert "No earlier data is mixed in: the model may forget." in shown_words(app)
        assert [Path(item["path"]).name for item in app.wizard.draft.data_sources()] == ["orders.jsonl"]
        await press(app, pilot, "ctrl+k", "ctrl+n")
        assert len(app.wizard.draft.data_sources()) == 1, "what was taken out stays out"


async def test_replay_alone_is_not_enough_to_go_on(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await to_data_continuing(app, pilot)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"
        assert "Name at least one file with new rows." in shown_words(app)


async def test_the_sample_stands_in_where_the_old_files_are_gone(open_wizard: Opener, base: Path, rows: Path) -> None:
    run = make_run(paths.runs_dir(), base, None)
    make_sample(run)
    async with open_wizard() as (app, pilot):
        await to_data_continuing(app, pilot)
        assert app.wizard.draft.data_sources()[0]["path"] == f"run:{run.id}"
        await press(app, pilot, "ctrl+k")
        assert "that the run recorded replace them" in shown_words(app)
        await press(app, pilot, "ctrl+n")
        await write(pilot, str(rows))
        await press(app, pilot, "enter", "ctrl+n")
        assert app.wizard.step_name == "settings", "the sample counts as rows in the data step too"


async def test_settings_show_what_the_adapter_fixes_as_locked(open_wizard: Opener, run: RunDir, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await with_new_rows(app, pilot, rows)
        await press(app, pilot, "ctrl+n", "f2")
        words = shown_words(app)
        assert "locked: from the adapter" in words
        assert "one third, for continuing" in words or "6.7e-5" in words
        await press(app, pilot, "f2")
        listed = app.wizard.query_one("#field-list")
        names = [pick.id for pick in listed.picks if not pick.heading]  # type: ignore[attr-defined]
        await press(app, pilot, *["down"] * names.index("adapter.r"), "enter")
        assert "Locked: set by the adapter" in shown_words(app)


async def test_another_preset_keeps_the_lock_and_takes_a_third_of_its_own_rate(
    open_wizard: Opener, run: RunDir, rows: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await with_new_rows(app, pilot, rows)
        await press(app, pilot, "ctrl+n", "down")
        draft = app.wizard.draft
        assert draft.get("adapter.r") == 4
        assert draft.source("train.learning_rate") == THIRD


async def test_the_started_run_says_what_it_continues_and_where_each_value_is_from(
    open_wizard: Opener, run: RunDir, rows: Path
) -> None:
    async with open_wizard(size=(120, 60)) as (app, pilot):
        await with_new_rows(app, pilot, rows)
        await press(app, pilot, "ctrl+n", "ctrl+n")
        assert app.wizard.step_name == "review"
        assert "adapter.r" in shown_words(app) or "strategy" in shown_words(app)
        await press(app, pilot, "enter")
        (started,) = app.started
        text = started.config.read_text()
        config = tomllib.loads(text)
        assert (config["strategy"]["kind"], config["strategy"]["adapter"]) == ("continue", run.id)
        assert config["adapter"]["r"] == 4
        assert f"# adapter {run.id}" in text
        assert {source.get("role", "new") for source in config["data"]} == {"new", "replay"}


async def test_comparing_shows_progress_a_verdict_and_the_figures(
    open_wizard: Opener, run: RunDir, rows: Path, tmp_path: Path
) -> None:
    go, folder = tmp_path / "go", tmp_path / "child"
    folder.mkdir()
    command = make_child(folder, RELATED, waits_for=go)
    async with open_wizard(relation_command=command) as (app, pilot):
        await with_new_rows(app, pilot, rows)
        assert "F9 compares your rows with the adapter's training data." in shown_words(app)
        await pilot.press("f9")
        await until(pilot, lambda: "reading: 1 of 4 Ctrl+X stops it" in shown_words(app))
        go.touch()
        await until(pilot, lambda: "merge, then LoRA is recommended, you chose continue" in shown_words(app))
        assert "replay" not in (folder / "asked").read_text(), "the old rows are not compared with themselves"
        await press(app, pilot, "f9")
        assert "On its own data the adapter lowers the loss by 73%" in " ".join(text_of(app).split())
        await press(app, pilot, "escape", "ctrl+k")
        words = shown_words(app)
        assert "* recommended" in words
        await press(app, pilot, "down")
        assert "recommended, fair confidence. Loss on the new data is 40% lower" in shown_words(app)


async def test_the_comparison_can_be_stopped(open_wizard: Opener, run: RunDir, rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "child"
    folder.mkdir()
    command = make_child(folder, RELATED, waits_for=tmp_path / "never")
    async with open_wizard(relation_command=command) as (app, pilot):
        await with_new_rows(app, pilot, rows)
        await pilot.press("f9")
        await until(pilot, lambda: "Ctrl+X stops it" in shown_words(app))
        await press(app, pilot, "ctrl+x")
        assert "Comparison cancelled; F9 compares again." in shown_words(app)


async def test_the_review_offers_the_recommended_way_by_one_key(
    open_wizard: Opener, run: RunDir, rows: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "child"
    folder.mkdir()
    async with open_wizard(relation_command=make_child(folder, RELATED)) as (app, pilot):
        await with_new_rows(app, pilot, rows)
        await press(app, pilot, "ctrl+n", "ctrl+n", "f9")
        await until(pilot, lambda: "[1: choose merge, then LoRA]" in shown_words(app))
        await press(app, pilot, "1")
        draft = app.wizard.draft
        assert draft.get("strategy.kind") == "merge"
        assert not any(item.get("role") == "replay" for item in draft.data_sources())
        assert draft.get("adapter.r") != 4
