"""On the screens too a run goes on from changed data only after a person has seen what changed."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.config import toml
from engine.messages.message import Message
from engine.models import origins
from engine.runs.directory import RunDir
from tests.tui import fake_runs
from tests.tui.looking import said, until, until_shows
from tests.tui.wizard.making import make_model
from tui.app import TunedeckApp
from tui.widgets.dialogs import ConfirmScreen
from tui.world import World

Spawned = list[tuple[bool, bool]]


@pytest.fixture
def run(root: Path, tmp_path: Path) -> RunDir:
    """A run that failed and can be resumed, made from three rows."""
    made = fake_runs.failed_run(root, "too-large")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text": "one"}\n' * 3)
    model = make_model(tmp_path / "model")
    made.config.write_text(f'[model]\nname_or_path = "{model}"\n[[data]]\npath = "{rows}"\n')
    origins.note(made, toml.load(made.config).config, model)
    origins.note_rows(made, {str(rows): 3})
    return made


@pytest.fixture
def asked() -> Spawned:
    """(resume, accept_changes) of what was started."""
    return []


@pytest.fixture
def world(make_world: Callable[..., World], asked: Spawned) -> World:
    def spawn(run: RunDir, resume: bool = False, accept_changes: bool = False) -> int:
        asked.append((resume, accept_changes))
        return 1

    return dataclasses.replace(make_world(), spawn=spawn)


@pytest.mark.parametrize("place", ["home", "monitor"])
async def test_changed_rows_are_shown_and_the_run_goes_on_only_when_told(
    world: World, run: RunDir, tmp_path: Path, asked: Spawned, place: str
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "two"}\n' * 2)
    app = TunedeckApp(world, place, run if place == "monitor" else None)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shows(pilot, "too-large")
        await until(pilot, lambda: app.screen.check_action("resume", ()))
        await pilot.press("r")
        await until_shows(pilot, "3 rows at the start, 2 now")
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))
        assert asked == []
        await pilot.press("r")
        await until_shows(pilot, "3 rows at the start, 2 now")
        await pilot.press("y")
        await until(pilot, lambda: asked)
    assert asked == [(True, True)]


async def test_a_long_look_for_changes_is_told(
    world: World, run: RunDir, asked: Spawned, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = threading.Event()

    def slowly(run: RunDir) -> list[Message]:
        read.wait(60)
        return []

    monkeypatch.setattr("engine.app.resume.changes", slowly)
    app = TunedeckApp(world, "monitor", run)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: app.screen.check_action("resume", ()))
        await pilot.press("r")
        await until_shows(pilot, said("app.looking-for-changes"))
        assert asked == []
        read.set()
        await until(pilot, lambda: asked)


async def test_nothing_is_asked_where_all_is_as_it_was(world: World, run: RunDir, asked: Spawned) -> None:
    app = TunedeckApp(world, "monitor", run)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.screen.check_action("resume", ()))
        await pilot.press("r")
        await until(pilot, lambda: asked)
    assert asked == [(True, False)]


@pytest.mark.parametrize("place", ["home", "monitor"])
async def test_o_writes_the_report_and_says_where(
    make_world: Callable[..., World], root: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    made = fake_runs.finished_run(root, "orders")
    app = TunedeckApp(make_world(), place, made if place == "monitor" else None)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("o")
        await until_shows(pilot, "Report:")
        assert "<html" in made.report.read_text("utf-8")


async def test_a_report_that_would_overwrite_a_file_is_refused(make_world: Callable[..., World], root: Path) -> None:
    made = fake_runs.finished_run(root, "orders")
    made.report.write_text("mine")
    app = TunedeckApp(make_world(), "monitor", made)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("o")
        await until_shows(pilot, "The report would overwrite a file")
        assert made.report.read_text() == "mine"
