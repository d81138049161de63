"""Whatever is pressed, however fast and in a window of any size: nothing breaks, and Escape leads home."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size
from textual.screen import Screen

import tui
from tests.tui.looking import screen_text, until
from tests.tui.monkey import PLACES, MonkeyApp, harmless, storm, walk
from tui.home.family import FamilyScreen
from tui.home.screen import HomeScreen
from tui.widgets.whole import WholeScreen
from tui.wizard.flow import WizardScreen
from tui.wizard.footer import Foot

FRAMES_ARE_DRAWN = True
ALIKE = {"new", "task", "model", "strategy", "strategy+", "data", "data+", "review+", "finished", "relation", "options"}
"""Places on a screen that others stand for where the size of the window is changed."""
WITHOUT_A_THING = {"export", "chat", "palette", "quality", "xray", "make fit", "push"}
"""Places where nothing was said, found or offered yet: their own tests copy. ``y`` is text in a field."""


@pytest.fixture
def here(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with the home and the hub's cache below it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return tmp_path


@pytest.mark.parametrize("seed", range(len(PLACES)), ids=PLACES)
async def test_random_keys_break_nothing_and_leave_nobody_stuck(here: Path, seed: int) -> None:
    await walk(here, seed, 16)


@pytest.mark.parametrize("place", [place for place in PLACES if place not in WITHOUT_A_THING])
async def test_y_has_something_to_copy_wherever_there_is_a_cursor(here: Path, place: str) -> None:
    app = MonkeyApp(here, PLACES.index(place))
    try:
        with harmless():
            async with app.run_test(size=(80, 24)) as pilot:
                await app.begin(pilot)
                screen = app.screen
                assert isinstance(screen, WholeScreen)
                await until(pilot, screen.copied)
    finally:
        app.let_go()


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ALIKE])
async def test_a_window_that_is_pulled_at_breaks_nothing_and_changes_no_screen(here: Path, place: str) -> None:
    await storm(here, PLACES.index(place), 9)


async def test_next_and_back_pressed_at_once_find_no_step_without_its_fields(here: Path) -> None:
    app = MonkeyApp(here, PLACES.index("task"))
    async with app.run_test(size=(80, 24)) as pilot:
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        for key in ("ctrl+n", "ctrl+k") * 4:
            app.post_message(events.Key(key, None))
            for _ in range(20):  # the machine is read at any moment
                wizard.query_one(Foot).post_message(Foot.Weighed())
                await asyncio.sleep(0)
        await until(pilot, lambda: wizard.step is not None and wizard.step_name == "task")
        assert "What should the model learn" in screen_text(app)
    app.let_go()


async def test_the_second_of_two_keys_that_close_a_screen_closes_no_other_one(here: Path) -> None:
    app = MonkeyApp(here, PLACES.index("home"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "orders-json" in screen_text(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FamilyScreen))
        family = app.screen
        family.dismiss()
        family.dismiss()
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
    app.let_go()


async def test_of_two_sizes_that_come_while_a_screen_is_at_work_only_the_last_is_drawn(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Size] = []
    app = MonkeyApp(here, PLACES.index("home"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "orders-json" in screen_text(app))
        lay_out = app.screen._screen_resized
        monkeypatch.setattr(app.screen, "_screen_resized", lambda size: (drawn.append(size), lay_out(size)))
        app.screen.call_later(asyncio.sleep, 0.5)
        for size in (Size(200, 60), Size(81, 34)):
            app.post_message(events.Resize(size, size))
            await asyncio.sleep(0.1)  # the app tells of several at a time as of one
        await until(pilot, lambda: app.screen.size == (81, 34))
        await asyncio.sleep(0.2)
        assert set(drawn) == {Size(81, 34)}
    app.let_go()


async def test_keys_typed_ahead_meet_the_screen_they_were_meant_for(here: Path) -> None:
    app = MonkeyApp(here, PLACES.index("home"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "orders-json" in screen_text(app))
        for key in ("f", "escape", "f", "f1"):
            app.post_message(events.Key(key, None))
        await until(pilot, lambda: "Every adapter is listed under" in screen_text(app))
    app.let_go()


def test_every_screen_is_one_that_is_called_into_only_while_it_is_whole() -> None:
    for module in pkgutil.walk_packages(tui.__path__, "tui."):
        if module.name != "tui.__main__":
            importlib.import_module(module.name)
    screens = {kind for kind in all_below(Screen) if kind.__module__.startswith("tui.")} - {WholeScreen}
    assert len(screens) > 10
    assert [kind.__name__ for kind in screens if not issubclass(kind, WholeScreen)] == []


def all_below(kind: type) -> set[type]:
    return {kind}.union(*(all_below(child) for child in kind.__subclasses__()))
