"""A loss spike opens a panel that takes no key from anybody; its actions ask first and then steer the run."""

from __future__ import annotations

import pytest

from engine.runs import control
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.writer import EventWriter
from tests.engine.runs.making import make_checkpoint
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.widgets.chart import Chart


@pytest.fixture
def live(live: Live) -> tuple[RunDir, EventWriter]:
    run, writer = live(212)
    for number in (100, 200):
        make_checkpoint(run, number)
    return run, writer


def spike(number: int) -> ev.Spike:
    row = ev.HeldRow(source="orders", row=17, tokens=310, loss=8.5, text="user: two \x1b[31mteas[/b]\nassistant: no")
    return ev.Spike(
        step=number, loss=9.25, expected=0.5, grad_norm=40.0, learning_rate=1e-4, rows=[row], row_count=4,
        keys=["aa", "bb", "cc", "dd"],
    )  # fmt: skip


@pytest.mark.parametrize(("size", "unicode"), [((80, 24), True), ((120, 40), True), ((80, 24), False)])
async def test_what_the_step_held_is_shown_and_the_focus_stays(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter], size: tuple[int, int], unicode: bool
) -> None:
    run, writer = live
    app = TunedeckApp(make_world("256", unicode), "monitor", run)
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "212 of 900")
        focused = app.focused
        writer.emit(spike(212))
        await until_shows(pilot, "spike at step 212")
        shown = screen_text(app)
        for part in ("9.250", "row 17 of orders", "4 rows", "two teas[/b]", said("steering.actions")):
            assert part in shown, part
        assert app.focused is focused
        assert unicode or shown.isascii()
        await pilot.press("exclamation_mark")
        await until(pilot, lambda: "row 17 of orders" not in screen_text(app))
        await pilot.press("exclamation_mark")
        await until_shows(pilot, "row 17 of orders")


@pytest.mark.parametrize(
    ("key", "command", "values"),
    [
        ("K", "rollback", {"to": 200, "rate": None, "skip_rows": True}), ("h", "set", {"rate": 0.5}),
        ("z", "rollback", {"to": 200, "rate": None, "skip_rows": False}),
    ],
)  # fmt: skip
async def test_an_action_asks_and_then_steers(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter], key: str, command: str, values: dict[str, object]
) -> None:
    run, writer = live
    writer.emit(spike(212))
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "spike at step 212")
        await pilot.press(key)
        await until(pilot, lambda: len(app.screen_stack) > 1)
        assert control.read(run) is None
        await pilot.press("y")
        await until(pilot, lambda: control.read(run) is not None)
        sent = control.read(run)
        assert sent is not None
        assert (sent.command, sent.values) == (command, values)


async def test_without_a_spike_there_is_no_panel_and_nothing_to_skip(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:
    app = TunedeckApp(make_world(), "monitor", live[0])
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "212 of 900")
        await pilot.press("K", "exclamation_mark")
        assert not app.screen.query_one("#spike").display
        assert len(app.screen_stack) == 1


async def test_the_ticks_of_the_chart_can_be_read_out(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:  # fmt: skip
    run, writer = live
    writer.emit(spike(212))
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "spike at step 212")
        chart = app.screen.query_one(Chart)
        assert any("S" in line for line in chart.lines[-3:])
        await pilot.press("space")
        await until(pilot, lambda: said("widgets.spike") in chart.lines[0])
        chart.cursor = 100
        chart.redraw()
        assert said("widgets.checkpoint") in chart.lines[0]
        chart.cursor = 150
        chart.redraw()
        assert said("widgets.checkpoint") not in chart.lines[0]


async def test_lines_of_steps_that_were_taken_back_say_so(
    make_world: MakeWorld, live: tuple[RunDir, EventWriter]
) -> None:  # fmt: skip
    run, writer = live
    writer.emit(spike(212))
    writer.emit(ev.RolledBack(step=200, from_step=212))
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "200 of 900")
        await until_shows(pilot, f"({said('steering.abandoned')}) loss spike at step 212")
        assert f"{said('steering.abandoned')}) rolled back" not in screen_text(app)
