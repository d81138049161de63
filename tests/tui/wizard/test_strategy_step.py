"""The strategy step: which adapter, which of three ways, and what each would mean here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from engine.common import paths
from engine.config import provenance
from engine.config.provenance import REPLAY, THIRD
from engine.runs.directory import RunDir
from tests.engine.models.making import lora_tensors
from tests.tui.looking import said, until
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import WizardApp, text_of
from tests.tui.wizard.old_adapters import make_adapter, make_run
from tests.tui.wizard.steering import enter, press, settle, shown_words, write

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def run(base: Path, rows: Path) -> RunDir:
    return make_run(paths.runs_dir(), base, rows)


async def to_strategy(app: WizardApp, pilot: Pilot[None]) -> None:
    await enter(app, pilot, 2)
    if app.wizard.step_name == "data":  # skipped, since there is no adapter
        await press(app, pilot, "ctrl+k")
    await until(pilot, lambda: "Looking for adapters" not in text_of(app))
    assert app.wizard.step_name == "strategy"


async def test_with_no_adapter_here_one_line_says_so_and_one_enter_goes_on(open_wizard: Opener, base: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        words = shown_words(app)
        assert "No run here has made an adapter yet: a new one is trained on the base model (fresh)." in words
        assert "merge" not in words
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("strategy.kind") == "fresh"


async def test_with_adapters_here_one_enter_still_goes_on_afresh(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        assert "> none" in text_of(app)
        assert "1 adapter from earlier runs, 1 for this model" in shown_words(app)
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("strategy.adapter") == ""


async def test_a_huge_window_tells_all_three_ways_at_once(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard(size=(200, 60)) as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter")
        words = shown_words(app)
        for risk in ("continue", "merge", "fresh"):
            assert said(f"strategy.risk-{risk}") in words


@pytest.mark.parametrize("size", SIZES)
async def test_three_ways_are_told_of_the_actual_adapter(
    open_wizard: Opener, run: RunDir, size: tuple[int, int]
) -> None:
    async with open_wizard(size=size) as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter")
        words = shown_words(app)
        assert "r 4, 2 kinds of layers" in words
        assert "trained on orders.jsonl" in words
        for title in ("continue", "merge, then LoRA", "fresh"):
            assert title in words
        assert "Not measured yet" in words
        assert "recommended" not in words
        assert "10% of each pass is replay" in words
        assert "GiB" in words, "what it costs in memory"
        await press(app, pilot, "down" if size == (80, 24) else "right")
        words = shown_words(app)
        assert "16-bit copy of the model" in words
        assert "of it for the merged model" in words


async def test_continuing_locks_the_adapters_shape_and_mixes_its_rows_in(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter", "enter")
        assert app.wizard.step_name == "data"
        draft = app.wizard.draft
        assert (draft.get("strategy.kind"), draft.get("strategy.adapter")) == ("continue", run.id)
        assert draft.get("adapter.r") == 4
        assert draft.source("adapter.r") == provenance.adapter(run.id)
        assert draft.get("adapter.target_modules") == ["q_proj", "v_proj"]
        assert draft.source("train.learning_rate") == THIRD
        assert draft.data_sources() == [{"path": f"run:{run.id}", "role": "replay", "share": 0.1}]


async def test_what_continuing_wrote_goes_when_another_way_is_chosen(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        rate, rank = app.wizard.draft.get("train.learning_rate"), app.wizard.draft.get("adapter.r")
        await press(app, pilot, "down", "enter", "enter", "ctrl+k", "down", "enter")
        draft = app.wizard.draft
        assert draft.get("strategy.kind") == "merge"
        assert (draft.get("train.learning_rate"), draft.get("adapter.r")) == (rate, rank)
        assert draft.data_sources() == []
        assert not [source for source in draft.sources.values() if source.code == "source.adapter"]


async def test_a_typed_path_of_an_adapter_trained_elsewhere_is_read(
    open_wizard: Opener, base: Path, tmp_path: Path
) -> None:
    folder = make_adapter(tmp_path / "elsewhere", base)
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await write(pilot, "elsewhere")
        await press(app, pilot, "enter")
        words = shown_words(app)
        assert "training data unknown" in words
        assert "The old rows are gone" in words
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("strategy.adapter") == str(folder)


async def test_an_adapter_of_another_model_is_dim_with_the_reason_and_only_fresh_is_left(
    open_wizard: Opener, base: Path, rows: Path
) -> None:
    other = make_run(paths.runs_dir(), "someone/else", rows, "others")
    assert other
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        assert "1 adapter from earlier runs, 0 for this model" in shown_words(app)
        await press(app, pilot, "down")
        words = shown_words(app)
        assert "Not possible here: It was trained on someone/else" in words
        assert "Trust base" in words, "only its identity stands against it"
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "strategy"
        assert "is not possible here" in shown_words(app)


async def test_vouching_for_the_base_makes_the_ways_possible(open_wizard: Opener, base: Path, rows: Path) -> None:
    make_run(paths.runs_dir(), "someone/else", rows, "others")
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "tab", "tab", "left")
        assert "Not possible" not in shown_words(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.draft.get("strategy.trust_base") is True
        assert app.wizard.step_name == "data"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("pickled", "The adapter weights are pickled"),
        ("nan", "NaN or infinite numbers"),
        ("layers", "at least 9 layers"),
    ],
)
async def test_what_cannot_be_gone_on_from_is_refused_with_the_reason(
    open_wizard: Opener, base: Path, tmp_path: Path, broken: str, told: str
) -> None:
    folder = tmp_path / "bad"
    if broken == "layers":
        moved = {name.replace("layers.1.", "layers.8."): tensor for name, tensor in lora_tensors(2, 4, 64, 32).items()}
        tensors = {name.replace("layers.0.", "layers.7."): tensor for name, tensor in moved.items()}
        make_adapter(folder, base, tensors=tensors)
    else:
        tensors = lora_tensors(2, 4, 64, 32)
        next(iter(tensors.values()))[0, 0] = np.nan
        make_adapter(folder, base, tensors=tensors)
    if broken == "pickled":
        (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await write(pilot, "bad")
        await press(app, pilot, "enter")
        assert told in shown_words(app)
        assert "not possible" in shown_words(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "strategy"


async def test_a_merge_the_disk_cannot_hold_is_not_offered(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard(free_bytes=lambda place: 1000) as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter", "down")
        assert "the disk is too small: this writes" in shown_words(app)


async def test_the_draft_keeps_adapter_and_way_over_a_disconnect(open_wizard: Opener, run: RunDir) -> None:
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter", "enter")
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "ctrl+k")
        assert app.wizard.step_name == "strategy"
        assert "> continue" in text_of(app)
        assert app.wizard.draft.source("data.0.path") == REPLAY
        await settle(app, pilot)


async def test_old_rows_that_are_gone_are_warned_of(open_wizard: Opener, base: Path) -> None:
    run = make_run(paths.runs_dir(), base, None)
    assert json.loads((run.adapter / "tunedeck.json").read_text())
    async with open_wizard() as (app, pilot):
        await to_strategy(app, pilot)
        await press(app, pilot, "down", "enter")
        assert "The old rows are gone, so none can be mixed in: the model may forget" in shown_words(app)
        await press(app, pilot, "enter")
        assert app.wizard.draft.data_sources() == []
