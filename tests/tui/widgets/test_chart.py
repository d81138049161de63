"""The chart widget: keys, a view that survives new data, and redraws of changed cells only."""

from __future__ import annotations

from array import array

from textual.app import App, ComposeResult
from textual.geometry import Region

from tui.theme import DARK
from tui.widgets.chart import Chart


class ChartApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name
        self.x, self.y = array("d"), array("d")

    def compose(self) -> ComposeResult:
        yield Chart("loss")

    @property
    def chart(self) -> Chart:
        return self.query_one(Chart)

    def grow(self, to: int) -> None:
        for step in range(len(self.x) + 1, to + 1):
            self.x.append(step)
            self.y.append(2.0 if step % 2 else 1.0)
        self.chart.set_series("loss", self.x, self.y, len(self.x), "raw")
        self.chart.redraw()


async def test_zoom_pan_reset_and_follow_by_keyboard() -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.limit = 400
        app.grow(400)
        app.chart.focus()
        await pilot.press("plus")
        assert "zoomed" in app.chart.lines[0]
        assert app.chart.view.window(1, 400, 400) == (200.0, 400.0)
        await pilot.press("left")
        panned = app.chart.view
        assert not panned.follow
        app.grow(400)
        assert app.chart.view == panned, "new data leaves a view of the past alone"
        await pilot.press("end")
        assert app.chart.view.follow
        await pilot.press("0")
        assert app.chart.view.start is None


async def test_the_crosshair_walks_and_reads_out() -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.grow(40)
        app.chart.focus()
        await pilot.press("space")
        assert "step 40" in app.chart.lines[0]
        await pilot.press("left", "left")
        assert app.chart.cursor is not None
        assert app.chart.cursor < 40
        assert f"step {app.chart.cursor:.0f}" in app.chart.lines[0]
        await pilot.press("space")
        assert "step" not in app.chart.lines[0]


async def test_one_new_step_redraws_a_few_cells_not_the_chart() -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)):
        app.chart.limit = 400
        app.grow(300)
        refreshed: list[Region] = []
        app.chart.refresh = lambda *regions, **_: refreshed.extend(regions)  # type: ignore[method-assign,assignment,misc]
        app.grow(302)
        assert refreshed
        assert sum(region.area for region in refreshed) < 60
        refreshed.clear()
        app.chart.redraw()
        assert refreshed == []


async def test_before_there_is_a_curve_words_stand_in_the_place_of_an_empty_axis() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 12)) as pilot:
        chart = app.query_one(Chart)
        chart.waiting = ("The curve begins with the first step.",)
        chart.set_series("eval_loss", [0], [2.3], kind="points")
        chart.redraw()
        assert chart.waiting[0] in "\n".join(chart.lines)
        assert "┤" not in "".join(chart.lines)
        assert {len(line) for line in chart.lines} == {60}
        chart.set_series("loss", [1.0], [2.0], kind="raw")
        chart.redraw()
        assert "┤" in "".join(chart.lines)
        await pilot.press("space", "plus")


async def test_a_shorter_curve_after_a_resume_takes_the_place_of_the_longer() -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 24)):
        app.grow(300)
        app.x, app.y = app.x[:100], app.y[:100]
        app.grow(100)
        end = app.chart.view.window(1, 100, None)[1]
        assert end == 100
