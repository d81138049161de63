"""Home's list is sorted, filtered and folded, and stays fast with a thousand runs."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path

import pytest
from textual import events

from engine.app import groups as use_cases
from engine.runs import events as ev
from engine.runs.directory import RunDir, RunLock
from engine.runs.groups import Group
from engine.runs.summary import RunSummary, Score
from tests.engine.runs.making import make_checkpoint, make_group, measure, step, write
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.home.runlist import RunList
from tui.home.watch import RunWatch
from tui.widgets.filter import Filter


def names(app: TunedeckApp) -> list[str]:
    return [run.name for run in app.screen.query_one(RunList).runs]


def group_of(root: Path, name: str = "orders", done: bool = True) -> tuple[Group, list[RunDir]]:
    group, runs = make_group(root, name=name)
    for run in runs if done else ():
        write(run, ev.RunStarted(total_steps=4), step(4, 0.5), ev.Finished(outcome="finished", step=4))
        measure(run, [1.0] * 19 + [0.0], [0.0] * 19 + [1.0])
    return group, runs


def summary(root: Path, at: int) -> RunSummary:
    return RunSummary(
        run=RunDir(root / f"run-{at}"), name=f"run {at}", model="SmolLM2-135M", state="finished", reason=None, step=9,
        total_steps=9, loss=1.0, losses=(), eta_s=None, last_t=1.0, resumable=False, data=("/data/rows.jsonl",),
    )  # fmt: skip


async def test_s_goes_through_the_orders_and_says_which(make_world: MakeWorld, root: Path) -> None:
    measure(fake_runs.finished_run(root, "zebra"), [1.0, 0.0])
    measure(fake_runs.finished_run(root, "apple"), [0.0, 0.0])
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "zebra")
        shown = []
        for _ in range(5):
            await pilot.press("s")
            shown.append((names(app), [said(f"runs.order-{by}") in screen_text(app) for by in ("name", "metric")]))
        assert shown[0] == (["apple", "zebra"], [True, False])
        assert shown[2] == (["zebra", "apple"], [False, True])
        assert shown[4][1] == [False, False]  # newest first again, which needs no word


async def test_typing_a_filter_narrows_the_list_and_esc_widens_it(make_world: MakeWorld, root: Path) -> None:
    for name in ("orders", "tickets", "letters"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "letters")
        await pilot.press("slash", *"tick")
        await until(pilot, lambda: names(app) == ["tickets"])
        assert said("home.matching", wanted="tick", lines=1) in screen_text(app)
        await pilot.press("enter", "d")  # d is a key of home again
        await until(pilot, lambda: app.current_mode == "wizard")
        app.switch_mode("home")
        await pilot.pause()
        assert names(app) == ["tickets"]
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 3)


async def test_words_typed_behind_the_slash_before_the_list_is_there_are_the_filters(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_runs.finished_run(root, "orders-json")
    fake_runs.finished_run(root, "zebra")
    go, poll = threading.Event(), RunWatch.poll

    def slow(watch: RunWatch, most: int) -> object:
        go.wait(10)
        return poll(watch, most)

    monkeypatch.setattr(RunWatch, "poll", slow)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        for key in ("slash", "o", "r", "d"):  # in one piece, as a slow line brings them
            app.post_message(events.Key(key, "/" if key == "slash" else key))
        await until(pilot, lambda: app.screen.query("Filter") and app.screen.query_one(Filter).value == "ord")
        assert said("home.empty") not in screen_text(app), "nobody knows yet"
        go.set()
        await until(pilot, lambda: names(app) == ["orders-json"])
        assert isinstance(app.focused, Filter)
    assert not run.report.exists(), "o is a letter here, not the key for a report"


async def test_keys_for_a_run_say_that_the_list_is_still_being_read(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(RunWatch, "poll", lambda watch, most: go.wait(10) and ())
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("r")
        await until_shows(pilot, said("home.reading-runs-first"))
        go.set()
        await until_shows(pilot, said("home.empty"))


@pytest.mark.parametrize("width", [80, 99, 100, 110, 120, 200])
async def test_no_figure_of_a_run_is_cut_and_a_metric_is_named_whole_or_not_at_all(
    make_world: MakeWorld, root: Path, width: int
) -> None:
    measure(fake_runs.finished_run(root, "demo"), [1.0] * 124 + [0.0], [0.0] * 125, metric="json_values")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(width, 24)) as pilot:
        await until_shows(pilot, "demo")
        (line,) = app.screen.query_one(RunList).visible_lines
        assert "0.429  99.2% ▲" in line
        assert line.rstrip().endswith((" ago", "just now"))
        assert ("JSON" in line) == (said("metric-words.json-values") in line) == (width >= 104)
        assert said("metric-words.json-values") in screen_text(app), "of the chosen run it is told below"


async def test_a_filter_that_finds_nothing_says_how_to_see_all(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "orders")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("slash", *"[b]\\")
        await until_shows(pilot, said("home.nothing-found"))
        await pilot.press("escape")
        await until(pilot, lambda: names(app) == ["orders"])


async def test_from_a_filter_that_finds_nothing_enter_leads_to_the_keys_of_home(
    make_world: MakeWorld, root: Path
) -> None:
    fake_runs.finished_run(root, "orders")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("slash", *"zzz", "enter", "r")
        assert [note.message for note in app._notifications] == [said("home.nothing-found")]
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")


async def test_a_filtered_list_keeps_its_words_when_runs_come(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "orders")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders")
        await pilot.press("slash", *"ord", "enter")
        fake_runs.finished_run(root, "tickets")
        fake_runs.finished_run(root, "orders-2")
        await until(pilot, lambda: names(app) == ["orders-2", "orders"])
        assert said("home.count", runs=3, running=0) in screen_text(app)


async def test_a_group_is_one_line_with_mean_range_and_verdict(make_world: MakeWorld, root: Path) -> None:
    group_of(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "▸ orders x3")
        assert "95% ▲" in app.screen.query_one(RunList).visible_lines[0]
        assert said("runs.range", low="95%", high="95%") in screen_text(app)
        assert said("home.count", runs=3, running=0) in screen_text(app)
        await pilot.press("enter")
        await until_shows(pilot, "▾ orders x3")
        assert names(app) == ["orders", "orders seed 42", "orders seed 43", "orders seed 44"]
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.current_mode == "monitor")


async def test_in_ascii_a_group_and_its_verdict_are_told_too(make_world: MakeWorld, root: Path) -> None:
    group_of(root)
    app = TunedeckApp(make_world("16", unicode=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "+ orders x3")
        assert "95% +" in app.screen.query_one(RunList).visible_lines[0]
        assert screen_text(app).isascii()


async def test_what_is_meant_for_one_run_says_so_on_a_group(make_world: MakeWorld, root: Path) -> None:
    group_of(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders x3")
        for key in ("delete", "a", "g"):
            await pilot.press(key)
            told = [note.message for note in app._notifications]
            assert said("home.one-run-of-group", run="orders") in told
            app.clear_notifications()
        await pilot.press("r")
        assert said("home.group-complete", run="orders") in [note.message for note in app._notifications]


async def test_a_running_group_is_stopped_as_a_whole(make_world: MakeWorld, root: Path) -> None:
    group, _ = group_of(root, done=False)
    lock = RunLock(group.lock)
    lock.acquire()
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("runs.running"))
        await pilot.press("x")
        await until_shows(pilot, said("home.stop-group", run="orders"))
        await pilot.press("y")
        await until(pilot, group.stop_mark.exists)
    lock.release()


async def test_what_is_missing_of_a_group_is_resumed(make_world: MakeWorld, root: Path) -> None:
    group, runs = group_of(root, done=False)
    make_checkpoint(runs[0], 1)
    asked: list[tuple[Group, bool]] = []
    world = dataclasses.replace(make_world(), spawn_group=lambda group, accept: asked.append((group, accept)))
    app = TunedeckApp(world)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders x3")
        await pilot.press("r")
        await until(pilot, lambda: asked)
    assert asked == [(group, False)]
    assert len(use_cases.missing(group)) == 3


async def test_marked_runs_stay_marked_through_order_and_filter(make_world: MakeWorld, root: Path) -> None:
    for name in ("orders", "tickets"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "tickets")
        await pilot.press("space")
        await until_shows(pilot, "*○ tickets")
        await pilot.press("s", "s")
        assert "*○ tickets" in screen_text(app)
        await pilot.press("slash", *"orders", "enter")
        await until(pilot, lambda: names(app) == ["orders"])
        await pilot.press("escape")
        await until_shows(pilot, "*○ tickets")


def test_an_evaluation_that_comes_later_is_seen(root: Path) -> None:
    run = fake_runs.finished_run(root)
    watch = RunWatch(root)
    before = watch.poll()[0].score
    assert before == Score("exact_match", 0.97, 100)  # of its log
    measure(run, [1.0, 0.0])
    assert watch.poll()[0].score == Score("exact_match", 0.5, 2)


def test_a_thousand_runs_are_looked_at_and_put_in_order_within_a_blink(root: Path) -> None:
    from engine.runs.group_summary import fold
    from engine.runs.listing import matching, ordered

    runs = [
        dataclasses.replace(summary(root, at), loss=at / 7, score=Score("exact_match", at % 10 / 10, 100))
        for at in range(1000)
    ]
    taken = []
    for _ in range(3):
        began = time.process_time()
        ordered(matching(fold(runs), "smol row"), "metric")
        taken.append(time.process_time() - began)
    assert min(taken) < 0.1


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_of_a_thousand_runs_only_what_is_on_the_screen_is_drawn(
    make_world: MakeWorld, root: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tuple(summary(root, at) for at in range(1000))
    monkeypatch.setattr(RunWatch, "poll", lambda watch, most=0: runs)
    app = TunedeckApp(make_world())
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, said("home.count", runs=1000, running=0))
        await pilot.press("end")
        await until_shows(pilot, "> ○ run 999")
        assert 0 < len(app.screen.query_one(RunList).visible_lines) < size[1] - 8
        assert said("keys.family") in screen_text(app)
        assert said("keys.help") in screen_text(app)


async def test_a_result_too_long_for_its_line_is_cut_and_not_left_out(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root, "orders-with-a-name")
    measure(run, [1.0] * 19 + [0.0], [0.0] * 19 + [1.0], metric="json_values")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(60, 24)) as pilot:
        await until_shows(pilot, "JSON values right 95%, against")
