"""Home lists what there is and offers what can be done to it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, cast

import pytest
from textual.message import Message

from engine.app import deletion
from engine.runs import control
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import keys, messages
from tui.app import TunedeckApp
from tui.home.runlist import RunList
from tui.home.screen import HomeScreen
from tui.home.watch import RunWatch
from tui.widgets.bars import KeyButton
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.panel import Panel


async def test_an_empty_home_teaches_how_to_begin(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.empty"))
        assert f"> d   {said('keys.demo')}" in screen_text(app), "the first thing to do has the focus"
        assert f"  n   {said('keys.new')}" in screen_text(app)
        assert said("keys.resume") not in screen_text(app), "there is nothing to be done with a run"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_runs_are_listed_with_state_steps_loss_and_reason(
    make_world: MakeWorld, root: Path, live: Live, size: tuple[int, int]
) -> None:
    fake_runs.finished_run(root, "done-before")
    fake_runs.failed_run(root, "too-large")
    live(412)
    app = TunedeckApp(make_world())
    async with app.run_test(size=size) as pilot:
        await until_shows(pilot, "412/900")
        text = screen_text(app)
        assert said("home.count", runs=3, running=1) in text
        by_name = {line[1:].split()[1]: line for line in app.screen.query_one(RunList).visible_lines}
        assert "running" in by_name["orders-json"]
        assert "ETA" in by_name["orders-json"]
        assert "finished" in by_name["done-before"]
        assert "just now" in by_name["done-before"]
        assert "failed" in by_name["too-large"]
        assert said("home.broke", run="too-large", why="The GPU is out of memory") in text
        assert said("keys.attend") in text


async def test_ascii_and_sixteen_colours_show_the_same(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world("16", unicode=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        assert screen_text(app).isascii()


async def test_enter_opens_the_chosen_run_and_q_comes_back(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "older")
    seen: list[Message] = []
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), message_hook=seen.append) as pilot:
        await until_shows(pilot, "older")
        await pilot.press("enter")
        await until_shows(pilot, "exact match 0% -> 97%")
        await pilot.press("q")
        await until_shows(pilot, said("home.count", runs=1, running=0))
    ours = dict.fromkeys(m for m in seen if isinstance(m, (messages.RunOpened, messages.MonitorLeft)))
    assert [type(m) for m in ours] == [messages.RunOpened, messages.MonitorLeft]


async def test_delete_lists_what_it_removes_and_takes_only_that(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    notes = run.path / "my-notes.txt"
    notes.write_text("mine")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        await pilot.press("delete")
        await until_shows(pilot, "events.jsonl")
        assert "my-notes.txt" not in screen_text(app)
        await pilot.press("enter")  # the safe answer has the focus
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))
        assert run.events.exists()
        await pilot.press("delete")
        await until_shows(pilot, "events.jsonl")
        await pilot.press("y")
        await until(pilot, lambda: not run.events.exists())
        await until_shows(pilot, said("home.empty"))
    assert notes.read_text() == "mine"


async def test_a_run_whose_files_can_not_be_counted_is_told_of(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program took one away while they were being counted for the question."""
    fake_runs.finished_run(root)

    def gone(path: Path) -> int:
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr("tui.home.watch._size", gone)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        await pilot.press("delete")
        await until(pilot, lambda: any("No such file" in each.message for each in app._notifications))
        assert not isinstance(app.screen, ConfirmScreen)


async def test_the_report_is_that_of_the_run_that_was_chosen_when_the_key_was_pressed(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runs.finished_run(root, "first")
    fake_runs.finished_run(root, "second")
    written: list[str] = []
    monkeypatch.setattr("tui.run_actions.write_report", lambda run: written.append(run.name) or "written")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "second")
        home = app.screen
        assert isinstance(home, HomeScreen)
        chosen, tell = home.chosen, home.tell

        def moved_on(words: str, severity: str) -> None:
            app.call_from_thread(home.listing.action_move, 1)
            tell(words, severity)

        monkeypatch.setattr(home, "tell", moved_on)
        await pilot.press("o")
        await until(pilot, lambda: bool(written))
        assert chosen is not None
        assert written == [chosen.name]


async def test_the_screen_lives_while_what_a_deletion_takes_is_counted(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runs.finished_run(root, "other")
    fake_runs.finished_run(root)
    counted = threading.Event()
    removal_of = deletion.removal_of
    monkeypatch.setattr(deletion, "removal_of", lambda *of: (counted.wait(60), removal_of(*of))[1])
    app = TunedeckApp(make_world())
    try:
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            await until_shows(pilot, "orders-json")
            await pilot.press("delete")
            await until_shows(pilot, said("home.delete-counts", run="orders-json"))
            await pilot.press("down")
            assert app.screen.query_one(RunList).current.name == "other"  # type: ignore[union-attr]
            counted.set()
            await until_shows(pilot, said("home.delete", run="orders-json"))
    finally:
        counted.set()


async def test_stop_asks_first_and_then_tells_the_runner(make_world: MakeWorld, live: Live) -> None:
    run, _ = live(20)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "20/900")
        await pilot.press("x")
        await until_shows(pilot, said("home.stop", run="orders-json"))
        assert control.read(run) is None
        await pilot.press("y")
        await until(pilot, lambda: control.read(run) is not None)
    sent = control.read(run)
    assert sent is not None
    assert sent.command == "stop"


async def test_resume_starts_the_runner_again_and_shows_it(
    make_world: MakeWorld, root: Path, spawned: list[tuple[str, bool]]
) -> None:
    run = fake_runs.failed_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.broke", run="too-large", why="The GPU is out of memory"))
        await pilot.press("r")
        await until(pilot, lambda: app.current_mode == "monitor")
    assert spawned == [(run.id, True)]


async def test_what_can_not_be_done_now_is_greyed_out(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        disabled = {button.key.id: button.disabled for button in app.screen.query("KeyButton").results()}  # type: ignore[attr-defined]
        assert disabled["stop"]
        assert disabled["resume"]
        assert not disabled["open"]


async def test_the_bar_names_what_can_be_done_with_the_selected_run(make_world: MakeWorld, root: Path) -> None:
    failed, finished = fake_runs.failed_run(root), fake_runs.finished_run(root)
    finished.adapter.mkdir(exist_ok=True)
    (finished.adapter / "adapter_config.json").write_text("{}")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        shown = {}
        for run in (finished, failed):
            app.screen.query_one(RunList).choose(run.id)
            await pilot.pause()
            shown[run] = {button.key.id for button in app.screen.query(KeyButton) if button.display}
        assert {"talk", "evaluate", "export", "delete"} <= shown[finished]
        assert "resume" in shown[failed]
        assert "resume" not in shown[finished]
        assert len(screen_text(app).splitlines()[-1]) <= 80


async def test_tab_and_enter_reach_what_the_letters_do(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        for _ in range(12):
            focused: Any = app.focused
            if getattr(getattr(focused, "key", None), "id", "") == "delete":
                break
            await pilot.press("tab")
        await pilot.press("enter")
        await until_shows(pilot, said("home.delete", run="orders-json"))


async def test_names_from_files_can_neither_steer_the_terminal_nor_break_the_columns(
    make_world: MakeWorld, root: Path
) -> None:
    fake_runs.finished_run(root, "evil \x1b[31m[b]red[/b] 世界 " + "x" * 60)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(110, 24)) as pilot:
        await until_shows(pilot, "finished")
        assert "\x1b" not in screen_text(app)
        line = next(line for line in screen_text(app).splitlines() if "finished" in line)
        assert "[b]red" in line
        assert line.rstrip().endswith("just now")


async def test_only_changed_lines_are_drawn_again(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root, "one")
    fake_runs.finished_run(root, "two")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "two")
        listing = app.screen.query_one(RunList)
        refreshed: list[object] = []
        listing.refresh = lambda *regions, **_: refreshed.extend(regions)  # type: ignore[method-assign,assignment,misc]
        listing.show(RunWatch(root).poll())
        assert refreshed == []


def test_a_run_that_did_not_move_is_not_read_again(root: Path) -> None:
    fake_runs.finished_run(root)
    watch = RunWatch(root)
    first, second = watch.poll(), watch.poll()
    assert first[0] is second[0]


async def test_the_chosen_run_stands_out_without_colour(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world("16", unicode=False))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "> . orders-json")
        row = app.screen.query_one(RunList).render_line(1)
        assert all(segment.style is not None and segment.style.reverse for segment in row if segment.text.strip())


async def test_d_opens_the_wizard_filled_in_with_the_demo(make_world: MakeWorld, root: Path) -> None:
    seen: list[Message] = []
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), message_hook=seen.append) as pilot:
        await until_shows(pilot, said("home.empty"))
        await pilot.press("d")
        await until(pilot, lambda: app.current_mode == "wizard")
    asked = next(m for m in seen if isinstance(m, messages.WizardAsked))
    assert asked.prefill is not None
    assert asked.prefill.config.run.name == "demo"


async def test_the_arrows_walk_from_the_runs_to_what_can_be_done_with_them_and_back(
    make_world: MakeWorld, root: Path
) -> None:
    for name in ("one", "two"):
        fake_runs.finished_run(root, name)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "2 runs")
        await pilot.press("down", "down")
        assert f">o {said('keys.report')}" in screen_text(app)
        await pilot.press("down")
        assert f">f {said('keys.family')}" in screen_text(app)
        await pilot.press("up", "up")
        assert isinstance(app.focused, RunList)
        await pilot.press("up")
        assert app.focused.chosen == 0
        await pilot.press("down", "down", "home")
        assert isinstance(app.focused, RunList)
        assert app.focused.chosen == 0


async def test_a_key_that_cannot_be_used_says_why_wherever_the_focus_is(
    make_world: MakeWorld, root: Path, live: Live
) -> None:
    live(20, "live")
    fake_runs.finished_run(root, "done")
    app = TunedeckApp(make_world())

    def told() -> str:
        return " ".join(note.message for note in app._notifications)

    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "2 runs")
        for key, why in (("r", "home.nothing-to-resume"), ("x", "home.not-running"), ("g", "home.has-no-adapter")):
            await pilot.press(key, key)
            assert told() == said(why, run="done"), "one line tells it, in the place of the one before"
        await pilot.press("down", "down", "delete")
        assert f">o {said('keys.report')}" in screen_text(app)
        assert said("home.stop-first", run="live") in told()


async def test_without_a_run_its_keys_say_so(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.empty"))
        await pilot.press("r")
        assert said("home.no-runs") in " ".join(note.message for note in app._notifications)


async def test_of_hundreds_of_runs_the_newest_are_there_first(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        fake_runs.new_run(root, f"run-{number}")[1].close()
    monkeypatch.setattr("tui.home.watch._SEEN_FIRST", 3)
    seen: list[Message] = []
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), message_hook=seen.append) as pilot:
        await until_shows(pilot, "7 runs")
    counts = [len(m.runs) for m in seen if isinstance(m, messages.RunsSummarised)]
    assert counts[0] == 3
    assert 7 in counts


async def test_asking_which_keys_work_without_runs_loads_no_list(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked before the first frame; to load the list would have it wait for the thread that reads the runs."""
    app = TunedeckApp(make_world())
    async with app.run_test() as pilot:
        await until_shows(pilot, said("home.empty"))
        monkeypatch.setitem(sys.modules, "engine.runs.listing", None)  # an import of it fails from here on
        for key in keys.HOME:
            app.screen.check_action(key.id, ())


async def test_a_window_that_changes_while_the_panels_come_is_drawn_later(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runs.finished_run(root)
    compose, drawn = Panel.compose, []

    def compose_meanwhile(panel: Panel) -> Any:
        if panel.id in ("course", "machine"):
            cast("HomeScreen", panel.screen)._draw_beside()
            drawn.append(panel.id)
        return compose(panel)

    monkeypatch.setattr(Panel, "compose", compose_meanwhile)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "orders-json")
        assert drawn[:2] == ["course", "machine"]
