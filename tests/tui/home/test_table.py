"""The table of runs: its columns in every width, and what the mouse does there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.runs import events as ev
from engine.runs.summary import summarise
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.home.columns import GAP, LEAD, columns
from tui.home.curve import Curve, known_of
from tui.home.runlist import RunList

WIDTHS = (58, 72, 73, 78, 99, 100, 116, 128, 196)


@pytest.mark.parametrize("width", WIDTHS)
def test_columns_fill_the_width_and_no_more(width: int) -> None:
    shown = columns(width, len("212/900"))
    assert LEAD + sum(column.cells for column in shown) + GAP * (len(shown) - 1) == width
    assert {"name", "state", "progress", "loss", "age"} <= {column.name for column in shown}


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_figures_stand_below_their_heads(
    make_world: MakeWorld, root: Path, live: Live, size: tuple[int, int], unicode: bool
) -> None:
    fake_runs.finished_run(root, "orders")
    fake_runs.failed_run(root, "a-name-that-is-longer-than-any-column-has-room-for-at-eighty")
    live(20, "世界" * 30, total=12_000)
    app = TunedeckApp(make_world("truecolor" if unicode else "16", unicode))
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "20/12,000")
        listing = app.screen.query_one(RunList)
        ends = {cell_len(line.rstrip()) for line in listing.visible_lines}
        head = listing._rows[0].plain
        assert ends == {cell_len(head.rstrip())} == {listing.size.width}


async def test_a_click_chooses_and_a_second_one_opens(make_world: MakeWorld, root: Path) -> None:
    for name in ("one", "two"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "one")
        await pilot.click(RunList, offset=(8, 2))
        assert app.screen.query_one(RunList).chosen == 1
        await pilot.click(RunList, offset=(8, 2), times=2)
        await until(pilot, lambda: app.current_mode == "monitor")


async def test_a_click_on_a_head_sorts_and_the_head_is_marked(make_world: MakeWorld, root: Path) -> None:
    for name in ("apple", "zebra"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, f"{said('home.column-age')} ▾")
        listing = app.screen.query_one(RunList)
        assert [run.name for run in listing.runs] == ["zebra", "apple"]
        await pilot.click(RunList, offset=(6, 0))
        await until(pilot, lambda: [run.name for run in listing.runs] == ["apple", "zebra"])
        assert f"{said('home.column-name')} ▾" in screen_text(app)


async def test_the_wheel_moves_and_stays_in_the_list(make_world: MakeWorld, root: Path) -> None:
    for name in ("one", "two"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "one")
        listing = app.screen.query_one(RunList)
        for _ in range(3):
            listing.roll(1)
        await pilot.pause()
        assert listing.chosen == 1
        assert app.focused is listing


async def test_the_curve_of_the_chosen_run_grows_with_it(make_world: MakeWorld, live: Live) -> None:
    _, writer = live(20, "orders")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.query("Curve") and app.screen.query_one(Curve)._courses)
        curve = app.screen.query_one(Curve)
        assert curve._courses[0].x[-1] == 20
        fake_runs.train(writer, 21, 30, 900)
        await until(pilot, lambda: curve._courses[0].x[-1] == 30)


async def test_what_an_evaluation_found_comes_to_the_curve_and_the_answer_while_one_looks(
    make_world: MakeWorld, live: Live
) -> None:
    _, writer = live(20, "orders")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(200, 60)) as pilot:
        await until(pilot, lambda: app.screen.query("Curve") and app.screen.query_one(Curve)._courses)
        curve = app.screen.query_one(Curve)
        before = curve._curves["eval"].length
        writer.emit(ev.Eval(step=25, loss=1.5, n=100))
        writer.emit(ev.Sample(step=25, index=0, prompt="the newest prompt", answer="the newest answer"))
        await until(pilot, lambda: curve._curves["eval"].length == before + 1)
        await until_shows(pilot, "the newest answer")


async def test_a_window_made_larger_shows_the_newest_answer(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.query("Curve") and app.screen.query_one(Curve)._courses)
        assert said("home.expected") not in screen_text(app)
        await pilot.resize_terminal(200, 60)
        await until_shows(pilot, said("home.expected"))


def test_a_loss_that_is_no_number_does_not_have_the_log_read_for_ever(root: Path) -> None:
    first, second = (replace(summarise(fake_runs.finished_run(root)), eval_loss=float("nan")) for _ in range(2))
    assert known_of(replace(first, run=second.run)) == known_of(second)


async def test_the_curve_of_a_run_fills_its_width(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, total=46)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "46/46")
        await until(pilot, lambda: app.screen.query("Curve") and app.screen.query_one(Curve)._courses)
        curve = app.screen.query_one(Curve)
        assert curve.view.window(1, 46, curve.limit) == (0.0, 46)
