"""From a file of rows to a training that starts, by Enter alone, on a machine where nothing was done before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.app.opening import opened
from engine.models.card import ModelCard, read_card
from tests.tui.machines import gpu, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import CONFIG, WizardApp, make_model, make_rows, text_of
from tests.tui.wizard.steering import enter, press, shown_words
from tui.draft import draft as drafts
from tui.draft.opened import draft_of


async def _walk(app: WizardApp, pilot: object) -> list[str]:
    """Press Enter until a run was started; the steps it came through."""
    steps = [app.wizard.step_name]
    for _ in range(9):
        await enter(app, pilot, 1)  # type: ignore[arg-type]
        if app.started:
            break
        if app.wizard.step_name != steps[-1]:
            steps.append(app.wizard.step_name)
    return steps


async def test_enter_leads_from_rows_to_the_start(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard(prefill=draft_of(opened([str(rows)]))) as (app, pilot):
        assert "Your data: orders.jsonl" in shown_words(app)
        assert await _walk(app, pilot) == ["task", "model", "data", "settings", "review"]
        assert [json.dumps(str(rows)) in run.config.read_text() for run in app.started] == [True]


async def test_a_step_and_the_answers_before_it_are_written_in_one_go(
    open_wizard: Opener, model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    save = drafts.save
    monkeypatch.setattr(drafts, "save", lambda draft: (written.append(draft.step), save(draft)))
    async with open_wizard(prefill=draft_of(opened([str(rows)]))) as (app, pilot):
        written.clear()
        await press(app, pilot, "down", "ctrl+n")
        assert app.wizard.draft.task == "text"
        assert written == ["model"]


async def test_a_machine_without_a_model_fetches_the_starter_on_the_way(
    open_wizard: Opener, home: Path, rows: Path
) -> None:
    def fetch(name: str, *_: object) -> ModelCard:
        return read_card(make_model(home / "models" / name))

    async with open_wizard(prefill=draft_of(opened([str(rows)])), get_model=fetch) as (app, pilot):
        await enter(app, pilot, 1)
        assert "there is no GPU here" in shown_words(app)
        await _walk(app, pilot)
        assert len(app.started) == 1


async def test_the_strategy_is_skipped_and_says_so_and_is_one_key_away(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard(prefill=draft_of(opened([str(rows)]))) as (app, pilot):
        await enter(app, pilot, 2)
        assert app.wizard.step_name == "data"
        assert "Strategy skipped" in shown_words(app)
        await press(app, pilot, "ctrl+k")
        assert app.wizard.step_name == "strategy"
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"


async def test_the_strategy_is_asked_where_an_earlier_run_left_an_adapter(
    open_wizard: Opener, model: Path, rows: Path, home: Path
) -> None:
    adapter = home / "runs" / "20260101-120000-earlier-0000" / "adapter"
    adapter.mkdir(parents=True)
    (adapter.parent / "config.toml").write_text("")
    (adapter / "adapter_config.json").write_text("{}")
    async with open_wizard(prefill=draft_of(opened([str(rows)]))) as (app, pilot):
        await enter(app, pilot, 2)
        assert app.wizard.step_name == "strategy"


@pytest.mark.parametrize("has_gpu", [True, False])
async def test_the_model_begun_with_is_one_that_this_machine_trains(
    open_wizard: Opener, tmp_path: Path, home: Path, rows: Path, has_gpu: bool
) -> None:
    small = make_model(home / "models" / "small")
    large = make_model(home / "models" / "a-large-one")
    (large / "config.json").write_text(json.dumps(CONFIG | {"hidden_size": 128}))
    machine = with_gpus(gpu()) if has_gpu else None
    async with open_wizard(prefill=draft_of(opened([str(rows)])), machine=machine) as (app, pilot):
        await enter(app, pilot, 1)
        assert "Suggested:" in text_of(app)
        current = app.wizard.query_one("#model-list").current  # type: ignore[attr-defined]
        assert Path(current.id) in (small, large)


async def test_files_of_a_folder_that_were_left_out_are_named(open_wizard: Opener, tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    make_rows(folder / "good.jsonl")
    (folder / "bad.jsonl").write_text("no JSON\n")
    async with open_wizard(prefill=draft_of(opened([str(folder)]))) as (app, pilot):
        assert "Left out: bad.jsonl" in shown_words(app)
        await enter(app, pilot, 2)
        assert "Left out: bad.jsonl" in shown_words(app)


async def test_a_config_opens_its_review_and_enter_starts_it(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    config = tmp_path / "orders.toml"
    config.write_text(f'[model]\nname_or_path = "{model}"\n[[data]]\npath = "{rows}"\n[train]\nbatch_size = 7\n')
    async with open_wizard(prefill=draft_of(opened([str(config)]))) as (app, pilot):
        assert app.wizard.step_name == "review"
        assert "Filled in from orders.toml" in shown_words(app)
        await enter(app, pilot, 1)
        assert ["batch_size = 7" in run.config.read_text() for run in app.started] == [True]
