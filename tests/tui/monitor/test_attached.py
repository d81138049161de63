"""Two terminals at one run say so; one that only watches steers nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.viewers import Presence
from tests import memory_runs
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import keys, messages
from tui.app import TunedeckApp
from tui.monitor.acting import ACTS
from tui.monitor.screen import MonitorScreen
from tui.monitor.trouble import Fix
from tui.widgets.bars import KeyButton
from tui.widgets.help import HelpScreen


async def test_who_else_is_attached_is_in_the_top_line_and_the_help(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root, total=4)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.viewers)
        assert said("viewers.attached", count=1) not in screen_text(app)
        other = Presence(run, steers=True)
        other.enter()
        name = other.viewers()[0].who
        await until_shows(pilot, said("viewers.attached", count=2))
        assert said("viewers.came", who=name) in screen_text(app)
        await pilot.press("question_mark")
        await until_shows(pilot, said("viewers.help", viewers=[])[:9])
        await pilot.press("escape")
        other.leave()
        await until(pilot, lambda: said("viewers.attached", count=2) not in screen_text(app))
        screen = app.screen
        assert isinstance(screen, MonitorScreen)
        screen._stop_following.set()
        await until(pilot, lambda: not run.viewers.exists())


async def test_one_that_only_watches_sees_all_and_steers_nothing(make_world: MakeWorld, live: Live) -> None:
    run, _ = live(50)
    app = TunedeckApp(make_world(), "monitor", run, only_watches=True)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "50 of 900")
        assert said("viewers.watching") in screen_text(app).splitlines()[0]
        shown = {button.key.id for button in app.screen.query(KeyButton) if button.display}
        assert not shown & {"pause", "sample", "stop", "resume"}
        for key in keys.MONITOR:
            if key.id.partition("(")[0] not in ACTS:
                continue
            app.clear_notifications()
            await pilot.press(key.key)
            await until_shows(pilot, said("viewers.refused"))
        assert isinstance(app.screen, MonitorScreen)
        await pilot.press("v", "5", "1")
        assert app.screen.shown == ("samples",)
        assert not run.control.exists()
        app.clear_notifications()
        app.post_message(messages.WizardAsked())
        await until_shows(pilot, said("viewers.refused"))
        assert app.current_mode == "monitor"
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_one_that_only_watches_is_told_of_no_key_that_is_refused(make_world: MakeWorld, root: Path) -> None:
    failed = fake_runs.failed_run(root)
    app = TunedeckApp(make_world(), "monitor", failed, only_watches=True)
    async with app.run_test(size=(80, 24)) as pilot:
        told = said("monitor.way-on-watched", checkpoint="checkpoint-100")
        await until(pilot, lambda: told in " ".join(screen_text(app).split()))
        assert said("monitor.way-on", checkpoint="checkpoint-100") not in " ".join(screen_text(app).split())
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = {key.id.partition("(")[0] for _, table in app.screen._tables for key in table}  # type: ignore[attr-defined]
        assert {"pane", "curve", "search", "copy"} <= shown
        assert not shown & set(ACTS)


async def test_one_that_only_watches_reads_what_would_help_and_is_offered_nothing(
    make_world: MakeWorld, root: Path, tmp_path: Path
) -> None:
    run = memory_runs.out_of_memory(root, memory_runs.model(tmp_path / "Llama-3-8B"))
    app = TunedeckApp(make_world(), "monitor", run, only_watches=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("monitor.remedies-watched"))
        assert said("monitor.apply-remedy") not in screen_text(app)
        assert app.screen.query(Fix)
        assert not any(fix.focusable for fix in app.screen.query(Fix))


async def test_what_another_asks_of_the_run_is_told_here_too(
    make_world: MakeWorld, root: Path, running: Callable[[RunDir], None]
) -> None:
    run, writer = fake_runs.new_run(root)
    fake_runs.begin(writer, 900)
    writer.emit(ev.ControlAck(control_seq=1, command="save", by="before@pts/1"))
    fake_runs.train(writer, 1, 50, 900)
    running(run)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "50 of 900")
        assert not app._notifications, "what was asked before is no news"
        writer.emit(ev.ControlAck(control_seq=2, command="pause", by="ana@pts/9"))
        await until(pilot, lambda: any("ana@pts/9" in each.message for each in app._notifications))


def test_every_key_of_the_monitor_either_looks_or_is_refused_to_those_who_watch() -> None:
    looks = {
        "spike", "overlay", "leave", "curve", "log_y", "talk", "scroll", "pane", "search", "next_hit", "previous_hit",
    }  # fmt: skip
    assert {key.id.partition("(")[0] for key in keys.MONITOR} == looks | set(ACTS)
