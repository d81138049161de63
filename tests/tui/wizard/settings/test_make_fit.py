"""The panel that makes a run fit: what it offers, what it changes, and that all of it can be taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.config import provenance
from engine.config.presets import Layer, Resolved, resolve
from engine.config.provenance import DEFAULT, YOU
from tests.tui.looking import said, until
from tests.tui.machines import gpu, process, used_by, with_gpus
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.large_models import LLAMA_70B, make_large
from tests.tui.wizard.making import WizardApp, text_of
from tests.tui.wizard.steering import LOOKS, press
from tui.draft import changes
from tui.draft.draft import Draft
from tui.terminal import Terminal
from tui.widgets.dialogs import ConfirmScreen
from tui.wizard.settings.make_fit import MakeFitScreen

SMALL = with_gpus(gpu(total_gib=16))


@pytest.fixture
def prefill(tmp_path: Path, rows: Path) -> Resolved:
    return prefilled(make_large(tmp_path / "llama-8b"), rows)


def prefilled(folder: Path, rows: Path, **values: Any) -> Resolved:
    layers = {"model": {"name_or_path": str(folder), "quantization": "none"}, "data": [{"path": str(rows)}], **values}
    return resolve([Layer("file", layers)])


def level(app: WizardApp) -> str:
    fit = app.wizard.facts.fit
    return fit.verdict.level if fit else "unknown"


async def to_settings(app: WizardApp, pilot: Pilot[None]) -> None:
    await press(app, pilot, "enter", "enter", "enter")
    assert app.wizard.step_name == "settings"


@LOOKS
async def test_the_key_opens_ranked_changes_with_what_each_saves_and_costs(
    open_wizard: Opener, prefill: Resolved, size: tuple[int, int], terminal: Terminal
) -> None:
    async with open_wizard(prefill, size=size, machine=SMALL, terminal=terminal) as (app, pilot):
        await to_settings(app, pilot)
        assert "F7 Make fit" in text_of(app)
        await press(app, pilot, "f7")
        text = text_of(app)
        for words in ("does not fit", "4-bit base model (NF4, QLoRA)", "GiB", "time  result", "computed"):
            assert words in text, words
        assert "Batch size and data stay" in text
        assert "k: keep" in text
        assert "> 1 * " in text
        if not terminal.unicode:
            panel = [line for line in text.splitlines() if "Make it fit" in line or "1 * " in line]
            assert all(line.isascii() for line in panel)


async def test_one_key_applies_one_change_and_the_bar_follows_at_once(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await to_settings(app, pilot)
        assert level(app) == "too much"
        await press(app, pilot, "f7", "1")
        assert app.wizard.draft.get("model.quantization") == "nf4"
        assert level(app) == "fits"
        assert "applied: 4-bit base model" in text_of(app)
        await press(app, pilot, "k")
        assert not isinstance(app.screen, MakeFitScreen)
        assert "[nf4]" in text_of(app)  # the step shows it, so that its own commit does not undo it
        await press(app, pilot, "ctrl+n")
        assert app.wizard.draft.get("model.quantization") == "nf4"
        assert app.wizard.draft.source("model.quantization") == YOU


async def test_enter_applies_the_best_and_enter_again_keeps_it(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await to_settings(app, pilot)
        await press(app, pilot, "f7", "enter")
        assert level(app) == "fits"
        assert "> k Keep" in text_of(app)
        await press(app, pilot, "enter")
        assert not isinstance(app.screen, MakeFitScreen)
        assert level(app) == "fits"


async def test_u_takes_the_last_change_back_even_on_a_later_visit(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await to_settings(app, pilot)
        await press(app, pilot, "f7", "1", "u")
        assert app.wizard.draft.get("model.quantization") == "none"
        assert level(app) == "too much"
        await press(app, pilot, "1", "k", "f7", "u", "k")
        assert app.wizard.draft.get("model.quantization") == "none"
        assert level(app) == "too much"
        assert "[none]" in text_of(app)


async def test_escape_leaves_everything_as_it_was(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await to_settings(app, pilot)
        before = dict(app.wizard.draft.values), dict(app.wizard.draft.sources)
        await press(app, pilot, "f7", "1", "escape")
        assert (app.wizard.draft.values, app.wizard.draft.sources) == before
        assert level(app) == "too much"
        assert "[none]" in text_of(app)


async def test_changes_that_are_only_together_enough_come_first(
    open_wizard: Opener, tmp_path: Path, rows: Path
) -> None:
    train = {"gradient_checkpointing": False, "micro_batch_tokens": 8192}
    prefill = prefilled(make_large(tmp_path / "llama-8b"), rows, train=train)
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=9.5))) as (app, pilot):
        await to_settings(app, pilot)
        await press(app, pilot, "f7")
        assert "changes together" in text_of(app)
        await press(app, pilot, "enter")
        assert level(app) != "too much"
        await press(app, pilot, "u")
        assert level(app) == "too much"


async def test_when_nothing_helps_it_says_so_and_who_holds_the_memory(
    open_wizard: Opener, tmp_path: Path, rows: Path
) -> None:
    folder = make_large(tmp_path / "llama-70b", LLAMA_70B)
    settings = {"adapter": {"r": 8}, "train": {"optim": "adamw_8bit"}}
    prefill = prefilled(folder, rows, model={"name_or_path": str(folder), "quantization": "nf4"}, **settings)
    machine = with_gpus(used_by(gpu(total_gib=24), process(11.2)))
    async with open_wizard(prefill, machine=machine) as (app, pilot):
        await to_settings(app, pilot)
        await press(app, pilot, "f7")
        assert "take a smaller model or a larger" in text_of(app)
        assert "python u17 11.2" in text_of(app)
        await press(app, pilot, "k")
        assert not isinstance(app.screen, MakeFitScreen)


async def test_the_key_is_not_offered_where_the_run_fits(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=80))) as (app, pilot):
        await to_settings(app, pilot)
        assert "Make fit" not in text_of(app)
        await press(app, pilot, "f7")
        assert not isinstance(app.screen, MakeFitScreen)


async def test_it_works_from_the_model_step_on(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        for name in ("model", "data", "settings", "review"):
            await press(app, pilot, "ctrl+n")
            assert app.wizard.step_name == name
            await press(app, pilot, "f7")
            assert isinstance(app.screen, MakeFitScreen), name
            await press(app, pilot, "1", "escape")
            assert level(app) == "too much"


async def test_batch_size_and_data_stay(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, machine=with_gpus(gpu(total_gib=7))) as (app, pilot):
        await to_settings(app, pilot)
        before = {name: value for name, value in app.wizard.draft.values.items() if name.startswith("data")}
        await press(app, pilot, "f7", "1", "1", "1", "1", "k")
        after = {name: value for name, value in app.wizard.draft.values.items() if name.startswith("data")}
        assert before == after
        assert app.wizard.draft.get("train.batch_size") == 16


def test_what_was_answered_anew_is_not_taken_back() -> None:
    draft = Draft({"adapter.r": 32}, {"adapter.r": provenance.preset("first-steps")})
    done = changes.apply(draft, "Rank 16", {"adapter.r": 16, "train.optim": "adamw_8bit"})
    draft.set("adapter.r", 64)
    changes.take_back(draft, done)
    assert draft.get("adapter.r") == 64
    assert draft.source("train.optim") == DEFAULT
    assert draft.get("train.optim") == "auto"


async def test_dialogs_grow_with_the_window_and_the_columns_stay_below_their_heads(
    open_wizard: Opener, prefill: Resolved
) -> None:
    async with open_wizard(prefill, machine=SMALL) as (app, pilot):
        await to_settings(app, pilot)
        await press(app, pilot, "f7")
        widths: dict[str, list[int]] = {"fit": [], "question": []}
        for size in ((80, 24), (120, 40), (200, 60)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: app.screen.size.width == size[0])  # type: ignore[misc]
            await pilot.pause()
            widths["fit"].append(app.screen.query_one(".dialog").outer_size.width)
            lines = text_of(app).splitlines()
            heads = f"{said('settings.fit-time')}  {said('settings.fit-result')}"
            head = next(each for each in lines if heads in each)
            line = next(each for each in lines if "1 * " in each)
            end = head.index("GiB") + 3
            assert line[end - 1].isdigit(), f"{head}\n{line}"
            assert line[end] == " "
            app.push_screen(ConfirmScreen("Delete this?", "It is gone then."))
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            widths["question"].append(app.screen.query_one(".dialog").outer_size.width)
            await press(app, pilot, "escape")
        for found in widths.values():
            assert found[0] <= 80 < found[1] < found[2] <= 120
