"""The mix screen: weights and methods with what they take, the verdict of a mix, and what becomes of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engine.app import mix as mixing
from engine.app.mix import Parents, Plan
from engine.common import paths
from engine.common.errors import ModelError, TunedeckError
from engine.runs import directory, mixes
from engine.runs.directory import RunDir
from engine.runs.mixes import Mix
from tests.engine.cli.test_evaluate import made_run
from tests.engine.export.planned import subject_of
from tests.engine.runs.mixing import waiting_mix
from tests.tui.looking import opened, screen_text, until, until_shows
from tui import messages
from tui.app import TunedeckApp
from tui.mixing.screen import MixScreen
from tui.world import World

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def runs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunDir]:
    """Two runs with adapters, on a base that is only pretended to be there."""
    made = [made_run(tmp_path, name) for name in ("orders", "tickets")]
    monkeypatch.setattr(mixing, "parents", parents_of)
    return made


def parents_of(names: list[str]) -> Parents:
    runs = [RunDir(Path(name)) for name in names]
    found = tuple(subject_of(run).found for run in runs)
    titles = tuple(str(run.read_run_json().get("name")) for run in runs)
    return Parents(found, titles, tuple(("0" * 64, "1" * 64) for _ in runs))


def stand_in(
    monkeypatch: pytest.MonkeyPatch, hold: threading.Event | None = None, fails: TunedeckError | None = None,
    given: list[object] | None = None,
) -> list[Plan]:  # fmt: skip
    """In the place of the child; what was planned. ``given`` gets the name of each mix and the rows it is asked."""
    asked: list[Plan] = []
    given = [] if given is None else given

    def measure(plan: Plan, run: RunDir, on_progress: Any, *, on_silence: Any, rows: int | None) -> Mix:
        asked.append(plan)
        given.append(rows)
        while hold is not None and not hold.wait(0.02):
            on_silence()
        if fails is not None:
            raise fails
        found = mixes.read(run)
        assert found is not None
        return found

    def candidate(plan: Plan, name: str) -> RunDir:
        given.append(name)
        return waiting_mix(mixes.candidates_dir())

    monkeypatch.setattr(mixing, "measure", measure)
    monkeypatch.setattr(mixing, "candidate", candidate)
    return asked


def app_of(runs: list[RunDir]) -> TunedeckApp:
    return TunedeckApp(World(root=runs[0].path.parent))


def told(app: TunedeckApp) -> str:
    return " ".join(note.message for note in app._notifications)


async def test_marked_runs_are_mixed_measured_and_kept(runs: list[RunDir], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch)
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "tickets")
        await pilot.press("home", "space", "space", "b")
        await until_shows(pilot, "on disk")
        assert isinstance(app.screen, MixScreen)
        shown = screen_text(app)
        assert max(len(line) for line in shown.splitlines()) <= 80
        await pilot.press("tab", "right", "tab", "down", "d", "enter")
        await until_shows(pilot, "loses 15 points")
        (plan,) = asked
        assert sorted(parent.weight for parent in plan.recipe.parents) == [0.5, 0.6]
        assert (plan.recipe.method, plan.recipe.density) == ("ties", 0.8)
        await pilot.press("k")
        await until(pilot, lambda: len(directory.list_runs()) == 3)
        assert mixes.candidates() == []


async def test_the_chosen_method_and_the_weight_that_changes_are_seen(runs: list[RunDir]) -> None:
    async with opened(app_of(runs), messages.MixAsked(runs), "on disk") as (app, pilot):
        assert "without training" in screen_text(app)
        assert "d Density" not in screen_text(app)  # linear keeps all of each update
        await pilot.press("down", "right")
        await until_shows(pilot, "> 0.6 ")
        assert "* ties " in screen_text(app)
        assert "d Density" in screen_text(app)


async def test_name_and_rows_are_asked_for_and_a_mix_that_is_not_kept_is_said_to_wait(
    runs: list[RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    stand_in(monkeypatch, given=given)
    async with opened(app_of(runs), messages.MixAsked(runs), "as many rows as its own run") as (app, pilot):
        await pilot.press("f4", *["backspace"] * 40, *"both", "tab", *"x", "enter")
        await until_shows(pilot, "A whole number.")
        await pilot.press("backspace", *"20", "enter")
        await until_shows(pilot, "up to 20 rows")
        assert 'Called "both"' in screen_text(app)
        await pilot.press("enter")
        await until_shows(pilot, "loses 15 points")
        assert given == ["both", 20]
        await pilot.press("escape")
        await until(pilot, lambda: "tunedeck mix lists it" in told(app))


async def test_what_is_thrown_away_is_asked_about_first(runs: list[RunDir], monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    async with opened(app_of(runs), messages.MixAsked(runs), "on disk") as (_, pilot):
        await pilot.press("enter")
        await until_shows(pilot, "loses 15 points")
        await pilot.press("delete")
        await until_shows(pilot, "Discard this mix?")
        await pilot.press("y")
        await until(pilot, lambda: mixes.candidates() == [])
        await until_shows(pilot, "Weighted sum")
    assert len(directory.list_runs(paths.runs_dir())) == 2


async def test_a_running_mix_is_stopped_once_a_person_agrees(
    runs: list[RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = threading.Event()
    stand_in(monkeypatch, hold)
    async with opened(app_of(runs), messages.MixAsked(runs), "on disk") as (app, pilot):
        await pilot.press("enter")
        await until_shows(pilot, "Esc stops it")
        assert "Esc Stop" in screen_text(app), "the bar says what the key does now"
        await pilot.press("escape")
        await until_shows(pilot, "Stop the mix?")
        await pilot.press("y")
        await until(pilot, lambda: "Stopped." in told(app))
        hold.set()


async def test_a_mix_that_takes_long_to_end_is_left_at_once(
    runs: list[RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(mixing, "candidate", lambda *_: ended.wait(60))
    async with opened(app_of(runs), messages.MixAsked(runs), "on disk") as (app, pilot):
        try:
            await pilot.press("enter", "escape")
            await until_shows(pilot, "Stop the mix?")
            await pilot.press("y")
            await until_shows(pilot, "stopping")
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, MixScreen))
        finally:
            ended.set()


async def test_what_speaks_against_a_mix_is_said_with_the_way_round(
    runs: list[RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: list[str]) -> Parents:
        raise ModelError("mixes.other-base", one="orders", base="/m/one", other="tickets", other_base="/m/two")

    monkeypatch.setattr(mixing, "parents", refuse)
    asked = stand_in(monkeypatch)
    async with opened(app_of(runs), messages.MixAsked(runs), "different base models") as (app, pilot):
        await pilot.press("enter")
        assert asked == []
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, MixScreen))


async def test_an_error_of_the_child_leads_back_to_the_settings(
    runs: list[RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, fails=ModelError("mixes.parent-changed", adapter="orders", path="/x"))
    async with opened(app_of(runs), messages.MixAsked(runs), "on disk") as (app, pilot):
        await pilot.press("enter")
        await until(pilot, lambda: "changed since" in told(app))
        assert app.screen.view == "choose"  # type: ignore[attr-defined]


async def test_without_marked_runs_home_says_how(runs: list[RunDir]) -> None:
    app = app_of(runs)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "tickets")
        await pilot.press("b")
        await until(pilot, lambda: "Mark two or more runs" in told(app))
