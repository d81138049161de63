"""A log is searched with /, n and N go on, and Esc ends the search before it leaves."""

from __future__ import annotations

from pathlib import Path

from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import clipboard
from tui.app import TunedeckApp
from tui.monitor.screen import MonitorScreen
from tui.widgets.find import FindLine, LogSearch


async def test_the_log_of_a_run_is_searched(make_world: MakeWorld, home: Path, live: Live) -> None:
    run, _ = live(350)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "350 of 900")
        screen = app.screen
        assert isinstance(screen, LogSearch)
        await pilot.press("slash", *"CHECKPOINT-", "enter")
        await until(pilot, lambda: not screen.query(FindLine))
        found = screen._log.copied()
        assert "checkpoint-" in found
        assert any(line.strip().startswith(found[:8]) and "> " in line for line in screen_text(app).splitlines())
        await pilot.press("n")
        await until(pilot, lambda: screen._log.copied() != found)
        await until(pilot, lambda: any(said("widgets.place", at=at, all=3) in screen_text(app) for at in (1, 2, 3)))
        await pilot.press("y")
        await until(pilot, lambda: (home / clipboard.FILE).is_file())
        assert (home / clipboard.FILE).read_text().strip() == screen._log.copied()
        await pilot.press("N")
        await until(pilot, lambda: screen._log.copied() == found)
        await pilot.press("escape")
        await until(pilot, lambda: not screen.wanted)
        assert isinstance(app.screen, MonitorScreen), "Esc first ends the search"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, MonitorScreen))


async def test_what_is_not_there_is_said_and_no_letter_of_it_steers_the_run(make_world: MakeWorld, live: Live) -> None:
    run, _ = live(50)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, "50 of 900")
        await pilot.press("slash", *"xpsx", "enter")
        await until_shows(pilot, said("widgets.no-match", wanted="xpsx"))
        assert isinstance(app.screen, MonitorScreen)
        assert not run.control.exists()
