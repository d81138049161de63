"""From the first question to a started run, by keyboard alone."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.app.demo import demo_layers
from engine.common import paths
from engine.common.errors import MachineError
from engine.config.presets import Layer, Resolved, resolve
from engine.config.provenance import DETECTED, YOU
from engine.runs.directory import RunDir
from tests.tui.looking import said
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, WizardApp, make_child, text_of
from tests.tui.wizard.steering import LOOKS, add_file, enter, press, settle, shown_words, to_data, write
from tui import messages
from tui.draft import draft as drafts
from tui.terminal import Terminal
from tui.wizard.model.step import ModelStep

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def demo(model: Path) -> Resolved:
    """The demo, with a model that is on this machine."""
    return resolve([*demo_layers(), Layer("demo", {"model": {"name_or_path": str(model)}})])


@pytest.mark.parametrize("size", SIZES)
async def test_enter_alone_starts_the_demo(open_wizard: Opener, demo: Resolved, size: tuple[int, int]) -> None:
    async with open_wizard(demo, size=size) as (app, pilot):
        for question in (
            "What should the model learn",
            "Which model",
            "learn from",
            "train?",
        ):
            assert question in text_of(app)
            await press(app, pilot, "enter")
        assert "40 rows: 36 to train on, 4 held out" in text_of(app)
        await press(app, pilot, "enter")
        (run,) = app.started
        assert tomllib.loads(run.config.read_text())["dataset"]["eval_rows"] == 100
        assert "# preset demo" in run.config.read_text()


@LOOKS
async def test_every_step_shows_its_buttons_and_keys(
    open_wizard: Opener, demo: Resolved, size: tuple[int, int], terminal: Terminal
) -> None:
    async with open_wizard(demo, size=size, terminal=terminal) as (app, pilot):
        for index in range(5):
            text = text_of(app)
            for name in ("Task", "Model", "Strategy", "Data", "Settings", "Review", "Esc Leave", "F1 Why?"):
                assert name in text, (index, name)
            assert "Demo:" in text, "it says what stands there"
            assert ("ctrl+n" in text) == (index < 4), "the key that goes on starts nothing"
            assert ("Start" if index == 4 else "Next ]") in text
            assert max(len(line.rstrip()) for line in text.splitlines()) <= size[0]
            if terminal.unicode is False:
                assert text.isascii(), sorted({c for c in text if not c.isascii()})
            if index < 4:
                await press(app, pilot, "ctrl+n")


async def test_next_and_back_are_reached_by_tab_and_enter(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await _tab_to(app, pilot, "[>Next<]")
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "model"
        await _tab_to(app, pilot, "[>Back<]")
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "task"


async def test_going_back_and_forth_keeps_every_answer(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "f2")
        await pilot.press("end", "backspace", *"7")
        await press(app, pilot, "ctrl+k", "ctrl+k", "ctrl+k", "ctrl+k")
        assert app.wizard.step_name == "task"
        await press(app, pilot, "ctrl+n", "ctrl+n", "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert app.wizard.draft.get("train.num_train_epochs") == 7
        assert app.wizard.draft.source("train.num_train_epochs") == YOU
        assert app.wizard.draft.get("data.0.path") == str(rows)
        assert app.wizard.draft.source("data.0.format") == DETECTED


async def test_back_does_not_check_and_keeps_even_a_wrong_value(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "f2")
        await pilot.press("end", "backspace", *"many")
        await press(app, pilot, "ctrl+k")
        assert app.wizard.step_name == "data"
        await press(app, pilot, "ctrl+n", "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert "should be a number" in text_of(app)


async def test_a_run_that_cannot_be_started_says_why_and_leaves_nothing(open_wizard: Opener, demo: Resolved) -> None:
    def refuse(run: RunDir, resume: bool = False) -> int:
        raise MachineError("runs.runner-not-started", path="run", reason="no more processes")

    async with open_wizard(demo, spawn=refuse) as (app, pilot):
        await enter(app, pilot, 5)
        assert "no more processes" in " ".join(text_of(app).split())
        assert list(paths.runs_dir().iterdir()) == []
        assert app.wizard.step_name == "review"


async def test_a_run_made_of_a_copy_says_of_which(open_wizard: Opener, demo: Resolved) -> None:
    copied = drafts.Draft.from_resolved(demo)
    copied.duplicated_from = "20260101-000000-tiny-abcd"
    async with open_wizard(copied) as (app, pilot):
        await enter(app, pilot, 5)
        (run,) = app.started
        assert run.duplicated_from == copied.duplicated_from


async def test_a_run_folder_that_cannot_be_written_is_told_on_the_review(
    open_wizard: Opener, demo: Resolved, tmp_path: Path
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    async with open_wizard(demo, root=blocked / "runs") as (app, pilot):
        await enter(app, pilot, 5)
        assert "can't be written" in text_of(app)


async def test_start_waits_for_the_check_and_goes_on_by_itself(
    open_wizard: Opener, demo: Resolved, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    async with open_wizard(demo, inspect_command=make_child(tmp_path, GOOD, waits_for=go)) as (app, pilot):
        await enter(app, pilot, 3)
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert app.started == []
        assert "starts when the rows are checked" in text_of(app)
        go.touch()
        await settle(app, pilot)
        assert len(app.started) == 1


async def test_leaving_posts_a_message_and_keeps_the_answers(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        wizard = app.wizard
        await press(app, pilot, "escape")
        assert app.current_mode == "home"
        assert said("wizard.answers-kept") in [note.message for note in app._notifications]
        app.post_message(messages.WizardAsked())
        await settle(app, pilot)
        assert "Continue your answers?" in text_of(app)
        await press(app, pilot, "enter")
        assert app.wizard is wizard
        assert app.wizard.step_name == "data"


async def test_a_new_run_can_be_begun_while_answers_of_this_session_are_open(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await press(app, pilot, "escape")
        app.post_message(messages.WizardAsked())
        await settle(app, pilot)
        await press(app, pilot, "y")
        assert app.wizard.step_name == "task"
        assert (app.wizard.draft.values, app.wizard.facts.card) == ({}, None)
        assert drafts.load() is None
        await press(app, pilot, "escape")
        app.post_message(messages.WizardAsked())
        await settle(app, pilot)
        assert "Continue the draft     at the step Data" in text_of(app)


async def test_a_killed_app_offers_its_draft_and_a_started_run_removes_it(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n")
    async with open_wizard() as (app, pilot):
        assert "unfinished answers" in text_of(app)
        assert "orders.jsonl" in text_of(app)
        await press(app, pilot, "enter")
        assert app.wizard.step_name == "settings"
        assert app.wizard.draft.get("data.0.path") == str(rows)
        await enter(app, pilot, 2)
        assert len(app.started) == 1
        assert drafts.load() is None


async def test_starting_new_forgets_the_old_draft(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
    async with open_wizard() as (app, pilot):
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert app.wizard.step_name == "task"
        assert app.wizard.draft.values == {}


async def test_the_demo_leaves_an_unfinished_draft_alone(open_wizard: Opener, model: Path, demo: Resolved) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        kept = paths.draft_file().read_text()
    async with open_wizard(demo) as (app, pilot):
        await enter(app, pilot, 5)
        assert len(app.started) == 1
    async with open_wizard() as (app, pilot):
        assert "Continue the draft" in text_of(app)
    assert paths.draft_file().read_text() == kept


async def test_answers_the_demo_began_are_kept_beside_an_earlier_draft(
    open_wizard: Opener, model: Path, demo: Resolved
) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
    async with open_wizard(demo) as (app, pilot):
        await enter(app, pilot, 3)
        await press(app, pilot, "f2", "end", "backspace")
        await write(pilot, "7")
        await pilot.press("ctrl+q")
    async with open_wizard() as (app, pilot):
        assert "at the step Settings" in text_of(app)
        assert "An earlier draft" in text_of(app)
        await press(app, pilot, "enter")
        assert app.wizard.draft.get("train.num_train_epochs") == 7
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "down", "enter")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.data_sources() == []
    assert len(drafts.set_aside()) == 1


async def test_why_teaches_on_every_step(open_wizard: Opener, demo: Resolved) -> None:
    async with open_wizard(demo) as (app, pilot):
        for word in (
            "Instructions teach",
            "A base model only",
            "The rows decide",
            "A preset is",
            "whole run",
        ):
            await pilot.press("f1")
            await pilot.pause()
            assert word in text_of(app)
            shown = {key.id for key in app.screen._tables[0][1]}  # type: ignore[attr-defined]
            assert ("depth" in shown) == (app.wizard.step_name == "settings"), "no keys of other steps"
            await pilot.press("escape")
            await press(app, pilot, "ctrl+n")


async def test_the_key_that_goes_on_never_starts_the_run(open_wizard: Opener, demo: Resolved) -> None:
    async with open_wizard(demo) as (app, pilot):
        await press(app, pilot, *["ctrl+n"] * 8)
        assert app.wizard.step_name == "review"
        assert app.started == []
        assert app.wizard.why_not("next") == said("wizard.start-by-enter")
        await press(app, pilot, "enter")
        assert len(app.started) == 1


async def test_a_group_of_seeds_is_asked_for_in_the_settings_told_on_the_review_and_started(
    open_wizard: Opener, demo: Resolved
) -> None:
    async with open_wizard(demo) as (app, pilot):
        await press(app, pilot, *["ctrl+n"] * 3, "tab", "tab", "end", "backspace", "x", "ctrl+n")
        assert said("settings.seeds-wrong", most=100) in text_of(app)
        assert app.wizard.step_name == "settings"
        await press(app, pilot, "backspace", "3", "ctrl+n")
        assert f"[>{said('wizard.start-group', runs=3)}<]" in text_of(app)
        assert "3 runs in turn: about" in shown_words(app)
        await press(app, pilot, "ctrl+k", "ctrl+n", "enter")
        assert [len(group.runs) for group in app.groups] == [3]
        assert app.started == []


async def _tab_to(app: WizardApp, pilot: Pilot[None], shown: str) -> None:
    for _ in range(12):
        if shown in text_of(app):
            return
        await pilot.press("tab")
        await pilot.pause()
    raise AssertionError(f"{shown} is not reached by Tab")


async def test_enter_typed_ahead_of_a_step_leaves_nothing(
    open_wizard: Opener, model: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two steps the first one's fields are gone, and with them what had the focus."""
    made, focused = ModelStep.__init__, []
    async with open_wizard() as (app, pilot):

        def noted(self: ModelStep, *given: Any) -> None:
            focused.append(app.wizard.focused)
            made(self, *given)

        monkeypatch.setattr(ModelStep, "__init__", noted)
        assert app.wizard.focused is not None
        await enter(app, pilot, 1)
        assert focused == [None], "no key of the bar, which Enter would press"
        assert app.wizard.step_name == "model"
        assert app.wizard.focused is not None
