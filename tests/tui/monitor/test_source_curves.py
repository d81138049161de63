"""Which source stops learning is seen on the chart: letters, dashes and numbers, also without colour and braille."""

from __future__ import annotations

from array import array

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult

from engine.runs import events as ev
from engine.runs.curves import Series
from engine.runs.reducer import reduce
from engine.runs.state import RunState
from tests.tui import fake_runs
from tests.tui.looking import said
from tui.monitor.curves import MOST, CurveFeed, change, short_names
from tui.widgets.chart import Chart


def state_of(names: list[str], steps: int = 200) -> RunState:
    """Losses that fall for all but the second source."""
    events: list[ev.AnyEvent] = []
    for number in range(1, steps + 1):
        done = number / steps
        losses = {name: (1.0 + done if i == 1 else 3.0 - 2 * done + 0.1 * i) for i, name in enumerate(names)}
        made = fake_runs.step(number, steps, sources=False)
        events.append(ev.Step(**{f: getattr(made, f) for f in made.__struct_fields__} | {"loss_by_source": losses}))
        if number % 50 == 0:
            events.append(ev.Eval(step=number, loss=2.0 - done, n=9, loss_by_source=losses))
    return reduce(events)


class OnlyChart(App[None]):
    CSS = "Chart { height: 100%; }"

    def __init__(self, unicode: bool) -> None:
        super().__init__()
        self._unicode = unicode

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"muted": "white", "faint": "white", "chart-raw": "white", "chart-raw-style": "none"} | {
            f"chart-{i}": "white" for i in range(4)
        }

    def compose(self) -> ComposeResult:
        yield Chart(unicode=self._unicode)


async def shown(names: list[str], size: tuple[int, int] = (80, 20), unicode: bool = True, keys: str = "") -> list[str]:
    app = OnlyChart(unicode)
    async with app.run_test(size=size) as pilot:
        chart, feed, state = app.query_one(Chart), CurveFeed(), state_of(names)
        feed.quantity = "sources"
        feed.feed(chart, state, anew=True)
        chart.focus()
        if keys:
            await pilot.press(keys)
        await pilot.pause()
        return list(chart.lines)


async def test_each_source_has_a_letter_its_newest_loss_its_change_and_what_is_held_out() -> None:
    lines = await shown(["orders", "replay"])
    head = " ".join(lines[:2])
    assert "loss by source" in head
    assert "a orders 1.1" in head
    assert "b replay 1.9" in head
    assert " -0.4" in head, "what it has come down in the last quarter"
    assert " +0.2" in head, "and what the other one has gone up"
    assert "A 1.000" in head
    assert "B 2.000" in head
    plot = "\n".join(lines[2:-2])  # without the axis and its marks
    assert all(plot.count(letter) >= 2 for letter in "ab"), "the line can be followed by its letter"
    assert all(letter in plot for letter in "AB"), "held out"


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("size", [(60, 14), (80, 14), (120, 30)])
async def test_eight_sources_are_shown_and_the_others_counted(size: tuple[int, int], unicode: bool) -> None:
    names = [f"a-source-with-a-long-name-{i:02}" for i in range(MOST + 3)]
    lines = await shown(names, size, unicode)
    assert len(lines) == size[1]
    assert all(cell_len(line) == size[0] for line in lines)
    if unicode is False:
        assert all(line.isascii() for line in lines)
    if size[0] >= 120:
        text = "\n".join(lines)
        assert said("monitor.more-sources", more=3) in text
        assert all(f"-{i:02} " in text for i in range(MOST)), "what tells the names apart is their end"


async def test_lines_of_the_same_colour_are_dashed_differently() -> None:
    app = OnlyChart(True)
    async with app.run_test():
        chart = app.query_one(Chart)
        CurveFeed.feed(feed := CurveFeed(), chart, state_of(["x"]))
        feed.quantity = "sources"
        feed.feed(chart, state_of([f"s{i}" for i in range(MOST)]), anew=True)
        styles = [(i % 4, curve.dash) for i, curve in enumerate(c for c in chart._curves.values() if c.kind == "line")]
    assert len(set(styles)) == len(styles) == MOST


async def test_without_colour_and_braille_a_line_is_drawn_with_its_letter() -> None:
    lines = await shown(["orders", "replay"], unicode=False)
    plot = "\n".join(lines[2:-2])  # without the axis and its marks
    assert plot.count("a") > 20
    assert plot.count("b") > 20
    assert "*" not in plot


async def test_wide_letters_keep_their_place() -> None:
    lines = await shown(["会話データ集会話データ集会話", "replay"])
    assert "…" in lines[1]
    assert all(cell_len(line) == 80 for line in lines)


async def test_the_crosshair_reads_out_each_source() -> None:
    head = " ".join((await shown(["orders", "replay"], keys="space"))[:2])
    assert "step 200" in head
    assert "a orders 1.1" in head
    assert "A 1.000" in head


def test_the_change_is_that_of_the_last_quarter() -> None:
    x, y = array("d", range(1, 101)), array("d", [5.0] * 75 + [5.0 - 0.1 * i for i in range(1, 26)])
    assert change(Series(x, y, 100)) == pytest.approx(-2.5)
    assert change(Series(x, y, 5)) is None


def test_names_lose_their_middle() -> None:
    assert short_names(["orders", "customer-mail-german-2024", "a\x1b[31mb"], 16, True) == [
        "orders", "customer…an-2024", "ab",
    ]  # fmt: skip
    alike = ["customer-mail-german-2024", "customer-mail-french-2024"]
    assert short_names(alike, 12, False) == ["..german-202", "..french-202"], "what tells them apart stays"
    assert short_names(["customer-mail-german"], 10, False) == ["cust..rman"]
