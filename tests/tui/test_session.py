"""The place one left comes back at the next start as it looked; what is gone or broken leads quietly home."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.common import paths, settings
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.pty_session import PtySession
from tui.__main__ import _come_back
from tui.app import TunedeckApp
from tui.draft import draft as drafts
from tui.draft.draft import Draft
from tui.home.runlist import RunList
from tui.monitor.panes import CurvePane
from tui.monitor.screen import MonitorScreen
from tui.session import Session
from tui.widgets.chart import Chart
from tui.widgets.filter import Filter


def back(make_world: MakeWorld) -> TunedeckApp:
    """The app as the next start opens it."""
    session = Session()
    place, run, draft = _come_back(session)
    return TunedeckApp(make_world(), place, run, draft, session=session)


async def test_home_comes_back_with_order_words_and_the_chosen_run(make_world: MakeWorld, root: Path) -> None:
    for name in ("apples", "pears-1", "pears-2"):
        fake_runs.finished_run(root, name, 4)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "apples")
        await pilot.press("s", "slash", *"pears", "enter", "down")
        chosen = app.screen.query_one(RunList).current
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert chosen is not None
    assert chosen.name == "pears-2"
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "pears-1")
        assert "apples" not in screen_text(app)
        assert said("runs.order-name") in screen_text(app)
        assert app.screen.query_one(Filter).value == "pears"
        assert app.screen.query_one(RunList).current.name == "pears-2"  # type: ignore[union-attr]


async def test_what_finished_meanwhile_is_named_until_it_was_looked_at(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "known", 4)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "known")
        assert not app.screen.query_one("#attention").display
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    fake_runs.finished_run(root, "overnight", 4)
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.finished-since", run="overnight"))
        assert said("home.finished-since", run="known") not in screen_text(app)
        await pilot.press("exclamation_mark", "enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await pilot.press("q")
        await until_shows(pilot, said("home.column-progress"))
        await until(pilot, lambda: said("home.finished-since", run="overnight") not in screen_text(app))


async def test_the_monitor_comes_back_to_its_run_curve_scale_and_zoom(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run, session=Session())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "97%")
        screen = app.screen
        assert isinstance(screen, MonitorScreen)
        await pilot.press("1", "5", "v", "l", "plus", "plus", "left")
        chart, pane = screen.query_one(Chart), screen.query_one(CurvePane)
        quantity, zoom, log_y = pane.feed.quantity, chart.view, chart.log_y
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert quantity != "loss"
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.state.ended)
        screen = app.screen
        assert isinstance(screen, MonitorScreen)
        chart = screen.query_one(Chart)
        shown = screen.shown, screen.query_one(CurvePane).feed.quantity, chart.view, chart.log_y
        assert shown == (("loss",), quantity, zoom, log_y)
        await pilot.press("q")
        await until_shows(pilot, said("home.column-progress"))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    assert Session().place == "home"


async def test_so_does_the_curve_that_lay_below_it(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "before").path.rename(root / "20000101-000000-smollm2-135m-0000")
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run, session=Session())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "97%")
        await pilot.press("c")
        await until_shows(pilot, "before")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    app = back(make_world)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.earlier.startswith("2000"))


async def test_what_one_run_looked_like_is_not_put_on_another(make_world: MakeWorld, root: Path) -> None:
    session = Session()
    session.looks["monitor"] = {
        "run": str(fake_runs.finished_run(root, "one", 4).path),
        "panes": ["log"],
        "curve": "rss",
    }
    app = TunedeckApp(make_world(), "monitor", fake_runs.finished_run(root, "two", 4), session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.state.ended)
        assert app.screen.shown == ("samples",)  # type: ignore[attr-defined]


async def test_unfinished_answers_are_open_again_at_their_step(make_world: MakeWorld, root: Path) -> None:
    draft = Draft()
    draft.task, draft.step = "instruct", "model"
    drafts.save(draft)
    session = Session()
    session.place = "wizard"
    session.save()
    app = back(make_world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app._wizard() is not None and app._wizard().step is not None)  # type: ignore[union-attr]
        assert app._wizard().step_name == "model"  # type: ignore[union-attr]


GONE: dict[str, Any] = {"version": 1, "place": "monitor", "run": "/no/such/run", "looks": {}}


@pytest.mark.parametrize("kept", [
    json.dumps(GONE), json.dumps(GONE | {"run": 7}), json.dumps(GONE | {"run": "a\0b"}), "", "[]", '{"version": 1',
    json.dumps(GONE | {"place": "wizard"}), json.dumps(GONE | {"version": 0, "place": "wizard"}), '{"version": 1}',
    json.dumps(GONE | {"place": ["monitor"], "looks": []}), "[" * 100_000,
    json.dumps({"version": 1, "looks": {"home": {"order": 3, "wanted": [], "unfolded": {}, "chosen": None}}}),
])  # fmt: skip
async def test_what_is_gone_or_broken_leads_quietly_home(kept: str, make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "apples", 4)
    (paths.home() / "session.json").write_text(kept)
    app = back(make_world)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "apples")
        assert not app._notifications


async def test_looks_that_make_no_sense_are_passed_over(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root, "apples", 4)
    session = Session()
    session.looks["monitor"] = {"run": str(run.path), "panes": [3, "x"], "curve": ["loss"], "zoom": [9, "x", None]}
    app = TunedeckApp(make_world(), "monitor", run, session=session)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.state.ended)
        assert app.screen.query_one(Chart).view.start is None


async def test_broken_settings_are_told_of(make_world: MakeWorld, root: Path) -> None:
    settings.file().write_text("{")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until_shows(pilot, "settings.json")


@pytest.mark.e2e
def test_a_closed_terminal_keeps_it_too(root: Path) -> None:
    fake_runs.finished_run(root)
    with PtySession(env={"TUNEDECK_HOME": os.environ["TUNEDECK_HOME"]}) as session:
        session.wait_for("orders-json")
        session.send("\r")
        session.wait_for("after training")
        session.process.send_signal(signal.SIGHUP)
        session.wait_for_end(seconds=60)
    with PtySession(env={"TUNEDECK_HOME": os.environ["TUNEDECK_HOME"]}) as session:
        session.wait_for("after training")
