"""Runs side by side on the screen: opened from home, read in a thread, drawn in every size."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.compare.targets import Target, of_group, of_run
from engine.runs.directory import RunDir
from tests.engine.app.compare.test_compare import make, right, unlike
from tests.engine.runs.making import make_group, measure
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.compare.screen import CompareScreen
from tui.home.runlist import RunList
from tui.widgets.chart import Chart


def pair(root: Path) -> tuple[RunDir, RunDir]:
    first, second = fake_runs.finished_run(root, "first"), fake_runs.finished_run(root, "second")
    measure(first, right(60))
    measure(second, right(90, seed=1))
    return first, second


async def test_two_marked_runs_are_compared_in_the_order_of_their_marks(make_world: MakeWorld, root: Path) -> None:
    pair(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "second")
        await pilot.press("c")
        await until(pilot, lambda: said("home.mark-first") in [note.message for note in app._notifications])
        await pilot.press("down", "space", "up", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await until_shows(pilot, "A first   B second")
        await pilot.press("c")
        await until_shows(pilot, "exact match, B against A: better, +30.0 points")
        await pilot.press("escape")
        await until(pilot, lambda: bool(app.screen.query(RunList)))


async def test_c_on_a_group_compares_its_runs(make_world: MakeWorld, root: Path) -> None:
    _, runs = make_group(root)
    for run in runs:
        measure(run, right(60))
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "orders x3")
        await pilot.press("c")
        await until_shows(pilot, "C orders seed 44")


async def test_one_marked_run_is_compared_with_the_chosen_one(make_world: MakeWorld, root: Path) -> None:
    pair(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "second")
        await pilot.press("space", "c")
        await until_shows(pilot, "A second   B first")


async def test_a_marked_run_alone_says_what_else_is_needed(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "only")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "only")
        await pilot.press("space", "c")
        await until(pilot, lambda: any(said("compare.too-few") in note.message for note in app._notifications))


async def opened(app: TunedeckApp, pilot: object, targets: list[Target]) -> CompareScreen:
    screen = CompareScreen(targets)
    await app.push_screen(screen)
    await until(pilot, lambda: screen._found is not None)  # type: ignore[arg-type]
    return screen


async def test_curves_lie_over_one_another_over_steps_tokens_and_time(make_world: MakeWorld, root: Path) -> None:
    targets = [of_run(run) for run in pair(root)]
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, pilot, targets)
        chart = screen.query_one(Chart)
        for over in ("compare.over-steps", "compare.over-tokens", "compare.over-time", "compare.over-steps"):
            await until_shows(pilot, said(over, curve=said("compare.loss")))
            assert list(chart._curves) == ["A", "B"]
            await pilot.press("i")
        await pilot.press("v")
        await until_shows(pilot, said("compare.eval-loss"))
        await pilot.press("i")
        await pilot.press("space")
        await until_shows(pilot, said("widgets.at-tokens", x=0).split()[-1][:5])


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40), (200, 60)])
async def test_runs_of_every_kind_fit_on_the_screen(make_world: MakeWorld, root: Path, size: tuple[int, int]) -> None:
    runs = list(unlike(root).values())
    group, _ = make_group(root)
    app = TunedeckApp(make_world("16", unicode=False))
    async with app.run_test(size=size) as pilot:
        for some in (runs[:2], runs[2:7], runs[5:13]):
            await opened(app, pilot, [of_run(run) for run in some])
            for _ in range(3):
                await pilot.press("c", "pagedown")
                assert all(len(line) <= size[0] for line in screen_text(app).splitlines())
            await pilot.press("escape")
        await opened(app, pilot, [of_group(group), of_run(runs[0])])


async def test_names_are_shown_without_their_control_characters(make_world: MakeWorld, root: Path) -> None:
    first, second = make(root, "\x1b[31mred[/b]"), make(root, "[bold]x")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot, [of_run(first), of_run(second)])
        await until_shows(pilot, "[bold]x")
        assert "\x1b" not in screen_text(app)


async def test_runs_that_are_gone_meanwhile_are_no_fault(make_world: MakeWorld, root: Path) -> None:
    import shutil

    first, second = pair(root)
    targets = [of_run(first), of_run(second)]
    shutil.rmtree(second.path)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, targets)
        await pilot.press("c")
        await until_shows(pilot, said("compare.no-adapter", side="B"))
