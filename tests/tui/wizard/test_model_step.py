"""The model step: what was found, the starter fetched with progress, and a typed name looked up."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engine.app.demo import demo_layers
from engine.common import paths
from engine.config import provenance
from engine.config.presets import Layer, resolve
from engine.config.provenance import FILE
from engine.messages.message import Message
from engine.models.card import ModelCard, read_card
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import make_model, text_of
from tests.tui.wizard.steering import press, shown_words, write
from tui.widgets.choosers import PickList


async def test_the_models_on_this_machine_are_listed_with_size_and_kind(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter")
        assert "> tiny-chat" in text_of(app)
        assert "16.4k parameters" in shown_words(app)
        assert "chat model" in shown_words(app)
        assert "2 layers, width 64" in shown_words(app)


async def test_a_slash_filters_the_models_and_enter_takes_what_is_found(open_wizard: Opener, model: Path) -> None:
    for number in range(4):
        make_model(paths.models_dir() / f"other-{number}")
    async with open_wizard(size=(120, 40)) as (app, pilot):
        await press(app, pilot, "enter")
        assert "/ Filter" in text_of(app)
        await press(app, pilot, "slash", *"other-2")
        assert [pick.title for pick in app.screen.query_one(PickList).shown] == ["other-2"]
        await press(app, pilot, "enter", "enter")
        assert app.wizard.step_name != "model"
        assert str(app.wizard.draft.get("model.name_or_path")).endswith("other-2")


async def test_without_a_model_enter_fetches_the_starter_and_enter_again_goes_on(
    open_wizard: Opener, home: Path
) -> None:
    told: list[str] = []

    def fetch(name: str, revision: str, allow_pickle: bool, on_progress: Any) -> ModelCard:
        told.append(name)
        on_progress(2**20, 93 * 2**20, Message.literal("downloading"))
        return read_card(make_model(paths.models_dir() / name))

    async with open_wizard(get_model=fetch) as (app, pilot):
        await press(app, pilot, "enter")
        assert "No model on this machine yet" in shown_words(app)
        await press(app, pilot, "enter")
        assert told == ["smollm2-135m"]
        assert "Enter continues" in shown_words(app)
        assert app.wizard.step_name == "model"
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("model.name_or_path") == "smollm2-135m"


async def test_offline_is_said_once_and_is_no_trouble(
    open_wizard: Opener, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter")
        assert "1 model found. HF_HUB_OFFLINE is set: nothing is downloaded from the hub." in shown_words(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"


async def test_fetching_shows_how_far_it_is_and_can_be_stopped(open_wizard: Opener, home: Path) -> None:
    go = threading.Event()
    ended: list[str] = []

    def fetch(name: str, revision: str, allow_pickle: bool, on_progress: Any) -> ModelCard:
        try:
            for done in range(1, 1000):
                on_progress(done * 2**20, 93 * 2**20, Message.literal("downloading"))
                go.wait(0.02)
        except BaseException as stop:
            ended.append(type(stop).__name__)
            raise
        raise AssertionError("nobody stopped it")

    async with open_wizard(get_model=fetch) as (app, pilot):
        await press(app, pilot, "enter")
        await pilot.press("enter")
        while "of 98 MB" not in text_of(app):
            await pilot.pause(0.02)
        assert "Ctrl+X" in text_of(app)
        await press(app, pilot, "ctrl+x")
        while not ended:
            await pilot.pause(0.02)
        assert "Stopped" in shown_words(app)
        assert app.wizard.step_name == "model"


async def test_a_typed_folder_is_looked_up_shown_and_used_whole(
    open_wizard: Opener, home: Path, tmp_path: Path
) -> None:
    folder = make_model(tmp_path / "far" / "away")
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "tab")
        await write(pilot, "far/away")
        await press(app, pilot, "enter")
        assert "away" in shown_words(app)
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("model.name_or_path") == str(folder)  # a run has another working folder


async def test_the_demos_model_is_found_again_by_its_name(open_wizard: Opener, home: Path) -> None:
    make_model(paths.models_dir() / "smollm2-135m")
    make_model(paths.models_dir() / "another")
    async with open_wizard(resolve(demo_layers())) as (app, pilot):
        await press(app, pilot, "enter")
        assert "> smollm2-135m" in text_of(app)
        await press(app, pilot, "enter")
        assert app.wizard.draft.source("model.name_or_path") == provenance.preset("demo")


async def test_an_unnamed_source_in_a_config_stays_as_it_was(open_wizard: Opener, model: Path, rows: Path) -> None:
    values = {"model": {"name_or_path": str(model)}, "data": [{"path": str(rows)}], "train": {"learning_rate": 3e-4}}
    async with open_wizard(resolve([Layer("file", values)])) as (app, pilot):
        await press(app, pilot, "enter", "enter", "enter", "enter")
        assert app.wizard.step_name == "review"
        draft = app.wizard.draft
        assert draft.get("train.learning_rate") == 3e-4
        assert {draft.source(name) for name in ("train.learning_rate", "model.name_or_path", "data.0.path")} == {FILE}
