"""Memory on the monitor: the machine's lines, memory over time with its prediction, predicted against measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.reducer import reduce
from engine.runs.state import RunState
from tests import memory_runs
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until_shows
from tui.app import TunedeckApp
from tui.monitor import memory
from tui.monitor.curves import MEMORY, CurveFeed
from tui.monitor.panes import MemoryPane

GIB = 2**30
PLAN = ev.MemoryPlan(device="cuda", needed_bytes=round(2.7 * GIB), shown_bytes=round(2.9 * GIB))


def gpu(used: float = 2.8, **more: object) -> ev.GpuUse:
    return ev.GpuUse(total=24 * GIB, used=round(used * GIB), **more)  # type: ignore[arg-type]


def lines(state: RunState, width: int = 78, most: int = 4, unicode: bool = True) -> list[str]:
    found = [line.plain for line in memory.machine_lines(state, width, unicode, most)]
    assert all(len(line) <= width for line in found)
    return found


def test_the_machine_line_has_used_total_a_bar_and_the_prediction() -> None:
    state = reduce([PLAN, ev.Device(gpus=[gpu(utilization=97, temperature=61)])])
    assert lines(state) == ["memory 2.8 of 24.0 GiB ━|────────── estimate 2.9   97% busy   61 C"]
    assert lines(state, unicode=False)[0].isascii()


def test_the_mark_of_the_prediction_stands_on_top_of_what_others_hold() -> None:
    state = reduce([PLAN, ev.Device(gpus=[gpu(14.0, others=[memory_runs.OTHER])])])
    bar, others = lines(state)
    assert "━━━━━━━|────" in bar
    assert others == "others: python, user u17, 11.2 GiB"


def test_what_does_not_fit_whole_is_left_out_or_takes_a_line_of_its_own() -> None:
    full = gpu(14.0, others=[memory_runs.OTHER], utilization=97, temperature=61, power=68.0)
    state = reduce([PLAN, ev.Device(gpus=[full]), fake_runs.step(5, 900)])
    for width in (57, 78, 118, 200):
        found = lines(state, width)
        assert found[0].startswith("memory 14.0 of 24.0 GiB")
        assert "..." not in "".join(found[:1])
    assert len(lines(state, 200)) < len(lines(state, 60))
    assert len(lines(state, 60, most=1)) == 1


def test_every_gpu_has_a_line_and_the_runs_own_comes_first() -> None:
    state = reduce([ev.Device(gpus=[gpu(9.0, index=0), gpu(3.0, index=1, reserved=GIB)])])
    assert lines(state)[0].startswith("memory GPU 1 3.0 of 24.0 GiB")
    assert lines(state)[1].startswith("memory GPU 0 9.0 of 24.0 GiB")


def test_on_the_cpu_it_is_resident_memory_with_its_peak() -> None:
    plan = ev.MemoryPlan(device="cpu", needed_bytes=round(1.4 * GIB), shown_bytes=9 * GIB)
    state = reduce([plan, ev.Device(rss=GIB, peak_rss=2 * GIB, ram_total=16 * GIB, ram_available=9 * GIB)])
    assert lines(state) == ["RAM 1.0 of 16.0 GiB ━|────────── estimate 1.4   peak 2.0"]
    bare = reduce([ev.Device(rss=GIB, peak_rss=2 * GIB)])
    assert lines(bare) == ["RAM 1.0 GiB   peak 2.0"]


def test_before_anything_was_measured_nothing_is_made_up() -> None:
    assert lines(RunState()) == [""]
    assert memory.measured_table(RunState(), "") is None


def test_names_of_others_are_cleaned_and_what_is_not_known_is_left_out() -> None:
    evil = ev.ProcessUse(pid=7, program="\x1b[31mpython\nrm", user=None, memory=None)
    told = memory.who([evil, ev.ProcessUse(pid=9), *[memory_runs.OTHER] * 3])
    assert "\x1b" not in told
    assert "\n" not in told
    assert told.endswith("2 more")
    assert memory.who([ev.ProcessUse(pid=9)]) == "process 9"


def test_memory_over_time_is_in_the_cycle_where_a_run_gives_it() -> None:
    feed, state = CurveFeed(), reduce([ev.Device(rss=GIB), fake_runs.step(1, 9, sources=False)])
    seen = {feed.turn(state) for _ in range(9)}
    assert MEMORY in seen
    assert MEMORY not in CurveFeed().quantities(reduce([fake_runs.step(1, 9)]))


@pytest.fixture
def live(root: Path, tmp_path: Path, running: Callable[[RunDir], None]) -> RunDir:
    run = memory_runs.live(root, memory_runs.model(tmp_path / "m"))
    running(run)
    return run


@pytest.mark.parametrize(
    ("size", "colours", "unicode"), [((80, 24), "truecolor", True), ((120, 40), "256", True), ((80, 24), "16", False)]
)
async def test_memory_over_time_with_prediction_total_and_the_pause(
    make_world: MakeWorld, live: RunDir, size: tuple[int, int], colours: str, unicode: bool
) -> None:
    app = TunedeckApp(make_world(colours, unicode), "monitor", live)
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "118 of 300")
        if size[0] < 110:
            await pilot.press("3")
        await until_shows(pilot, "0 GPU 0")
        text = screen_text(app)
        for part in ("memory, GiB", "0 GPU 0", "1 GPU 1", "r run", "estimate 27.7", "1 h", "others: python, user u17",
                     "memory GPU 0 29.3 of 48.0 GiB"):  # fmt: skip
            assert part in text, part
        assert ("══ total" if unicode else "== total") in text
        assert unicode or text.isascii()
        assert all(len(line) <= size[0] for line in text.splitlines())
        chart = app.screen.query_one(MemoryPane).chart
        ran = next(line for line in chart.lines[1:-2] if "r" in line)
        gap = ran[20:40]
        assert set(gap) <= {" ", "╌", "-"}, "nothing is drawn over the hour it was paused"


async def test_a_zoom_into_seconds_does_not_become_one_into_steps(make_world: MakeWorld, live: RunDir) -> None:
    app = TunedeckApp(make_world(), "monitor", live)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "118 of 300")
        await pilot.press("3", "plus")
        chart = app.screen.query_one(MemoryPane).chart
        assert "zoomed" in chart.lines[0]
        await pilot.press("v")
        assert "zoomed" not in chart.lines[0]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_predicted_and_measured_stand_in_the_result_by_phase(
    make_world: MakeWorld, live: RunDir, size: tuple[int, int]
) -> None:
    app = TunedeckApp(make_world(), "monitor", live)
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "118 of 300")
        if size[0] < 110:
            await pilot.press("5", "1")
        await until_shows(pilot, said("monitor.measured-test"))
        text = screen_text(app)
        for part in (*(said(code) for code in memory.TABLE), said("widgets.evaluation"), "+2%"):
            assert part in text, part
        assert "…" not in text
