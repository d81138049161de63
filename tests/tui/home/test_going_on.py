"""From a run on the home screen: go on from its adapter, and look into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import provenance
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.wizard.making import make_rows
from tests.tui.wizard.old_adapters import make_run, make_whole_model
from tui.app import TunedeckApp
from tui.wizard.flow import WizardScreen

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def base(home: Path) -> Path:
    return make_whole_model(home / "models" / "tiny-chat")


def words(app: TunedeckApp) -> str:
    return " ".join(screen_text(app).split())


@pytest.mark.parametrize("size", SIZES)
async def test_g_opens_the_wizard_with_the_runs_model_its_adapter_and_its_rows(
    make_world: MakeWorld,
    root: Path,
    base: Path,
    tmp_path: Path,
    size: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(root, base, make_rows(tmp_path / "orders.jsonl"))
    app = TunedeckApp(make_world())
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, said("keys.continue"))
        await pilot.press("g")
        await until_shows(pilot, "merge, then LoRA")
        await until(pilot, lambda: "16-bit" in words(app) or "10% of each pass is replay" in words(app))
        assert isinstance(app.screen, WizardScreen)
        draft = app.screen.draft
        assert draft.get("model.name_or_path") == str(base)
        assert draft.source("model.name_or_path") == provenance.run(run.id)
        assert (draft.get("strategy.kind"), draft.get("strategy.adapter")) == ("continue", run.id)
        assert (draft.get("adapter.r"), draft.task) == (4, "instructions")
        assert [item["path"] for item in draft.data_sources()] == [f"run:{run.id}"]
        await pilot.press("enter")
        await until_shows(pilot, said("wizard.data-question"))


async def test_a_run_without_an_adapter_offers_neither(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        assert said("keys.continue") not in screen_text(app)
        await pilot.press("g", "a")
        await pilot.pause()
        assert said("home.count", runs=1, running=0) in screen_text(app)


async def test_a_kept_draft_is_set_aside_and_what_g_began_is_kept(
    make_world: MakeWorld, root: Path, base: Path, tmp_path: Path
) -> None:
    from tui.draft import draft as drafts

    drafts.save(drafts.Draft({"train.batch_size": 7}, {"train.batch_size": provenance.YOU}, "instructions"))
    run = make_run(root, base, make_rows(tmp_path / "orders.jsonl"))
    before = drafts.load()
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("keys.continue"))
        await pilot.press("g")
        await until_shows(pilot, "merge, then LoRA")
        await pilot.press("enter")
        await until_shows(pilot, said("wizard.data-question"))
        await pilot.press("ctrl+q")
    (earlier,) = drafts.set_aside()
    assert drafts.load(earlier) == before
    kept = drafts.load()
    assert kept is not None
    assert kept.get("strategy.adapter") == run.id, "what g began is kept as well"


async def test_a_run_whose_adapter_cannot_be_read_says_so(make_world: MakeWorld, root: Path, base: Path) -> None:
    run = make_run(root, base, None)
    (run.adapter / "adapter_model.safetensors").write_bytes(b"half")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("keys.continue"))
        await pilot.press("g")
        await until(pilot, lambda: "truncated" in " ".join(note.message for note in app._notifications))


@pytest.mark.parametrize("size", SIZES)
async def test_a_shows_what_the_adapter_is_its_match_and_its_family(
    make_world: MakeWorld, root: Path, base: Path, tmp_path: Path, size: tuple[int, int]
) -> None:
    run = make_run(root, base, make_rows(tmp_path / "orders.jsonl"))
    app = TunedeckApp(make_world())
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, said("keys.adapter"))
        await pilot.press("a")
        await until_shows(pilot, "LoRA, scaled by alpha / rank")
        assert run.id in screen_text(app)
        assert "all finite" in words(app)
        for _ in range(30):
            await pilot.press("down")
        await until_shows(pilot, said("home.family"))
        assert "fits" in words(app)
        match = " ".join(str(app.screen.query_one("#match Drawn").render()).split())
        assert "All 4 layers it changes exist in the model" in match
        await pilot.press("escape")
        await until_shows(pilot, said("home.count", runs=1, running=0))
