"""The family tree: who stands under whom, what is gone, and two runs compared."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engine.models import lineage
from engine.runs import directory
from tests.engine.models.test_lineage import going_on, make_run
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import messages
from tui.app import TunedeckApp
from tui.home.family import FamilyScreen
from tui.widgets.choosers import PickList
from tui.widgets.dialogs import ConfirmScreen


@pytest.mark.parametrize(("size", "unicode"), [((80, 24), True), ((120, 40), True), ((80, 24), False)])
async def test_f_on_home_draws_the_tree(
    make_world: MakeWorld, root: Path, size: tuple[int, int], unicode: bool
) -> None:
    first = make_run("orders")
    make_run("orders-zh", strategy=going_on(first))
    gone = make_run("old")
    make_run("lonely", strategy=going_on(gone))
    directory.delete(gone)
    make_run("begun", adapter=False)
    app = TunedeckApp(make_world(unicode=unicode))
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "4 runs")
        await pilot.press("f")
        await until_shows(pilot, "orders-zh")
        text = screen_text(app)
        assert ("├ orders" if unicode else "|-orders") in text
        assert ("└ orders-zh" if unicode else "`-orders-zh") in text
        assert said("models.missing") in text
        assert said("home.adapters-missing", here=3, missing=2) in text
        assert said("models.no-adapter") in text
        assert said("home.base-model") in text
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, FamilyScreen))


async def test_two_runs_are_compared(make_world: MakeWorld, root: Path) -> None:
    make_run("first", train={"learning_rate": 1e-4})
    make_run("second", train={"learning_rate": 3e-4})
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "2 runs")
        await pilot.press("f")
        await until_shows(pilot, said("home.base-model"))
        await pilot.press("home", "down", "space")
        await until_shows(pilot, said("home.marked", run="first"))
        await pilot.press("down", "c")
        await until_shows(pilot, "train.learning_rate")
        line = next(line for line in screen_text(app).splitlines() if "train.learning_rate" in line)
        assert line.split() == ["train.learning_rate", "0.0001", "0.0003"]


async def test_a_slash_filters_the_tree_and_enter_opens_what_is_found(make_world: MakeWorld, root: Path) -> None:
    for name in ("orders", "tickets", "letters"):
        make_run(name)
    seen: list[Any] = []
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), message_hook=seen.append) as pilot:
        await until_shows(pilot, "3 runs")
        await pilot.press("f")
        await until_shows(pilot, said("home.base-model"))
        await pilot.press("slash", *"tick")
        listed = app.screen.query_one(PickList)
        await until(pilot, lambda: [pick.title.split()[-1] for pick in listed.shown] == ["tickets"])
        await pilot.press("enter", "enter")
        await until(pilot, lambda: any(isinstance(message, messages.RunOpened) for message in seen))
    (opened,) = [message.run_dir for message in seen if isinstance(message, messages.RunOpened)]
    assert opened.read_run_json()["name"] == "tickets"


async def test_enter_opens_the_run_under_the_cursor(make_world: MakeWorld, root: Path) -> None:
    make_run("done-before")
    seen: list[Any] = []
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), message_hook=seen.append) as pilot:
        await until_shows(pilot, "1 run")
        await pilot.press("f")
        await until_shows(pilot, said("home.base-model"))
        await pilot.press("end", "enter")
        await until(pilot, lambda: any(isinstance(message, messages.RunOpened) for message in seen))


async def test_deleting_a_parent_names_who_would_lose_it(make_world: MakeWorld, root: Path) -> None:
    first = make_run("orders")
    make_run("orders-zh", strategy=going_on(first))
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "2 runs")
        await pilot.press("down")
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        assert said("home.delete-parent", count=1, names=["orders-zh"]) in screen_text(app)
        await pilot.press("n")
    assert first.path.exists()


async def test_a_tree_that_comes_late_fits_the_window_and_has_the_focus(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run("orders")
    opened, read = threading.Event(), lineage.read_lineage

    def read_later(folder: Path) -> lineage.Lineage:
        opened.wait(60)
        return read(folder)

    monkeypatch.setattr(lineage, "read_lineage", read_later)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "1 run")
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FamilyScreen))
        for _ in range(3):  # laid out, and told so
            await pilot.pause(0.05)
        opened.set()
        await until_shows(pilot, said("home.column-result"))
        await until_shows(pilot, "> └ orders")
