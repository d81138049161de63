"""y copies the thing under the cursor, F12 takes a picture: on every screen, and told where it went."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from engine.models.chat_request import of_run
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import clipboard, messages
from tui.app import TunedeckApp
from tui.chat.screen import ChatScreen
from tui.compare.screen import CompareScreen
from tui.evaluation.screen import EvaluateScreen
from tui.evaluation.strength import StrengthScreen
from tui.export.screen import ExportScreen
from tui.home.screen import HomeScreen
from tui.widgets.help import HelpScreen


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the terminal is asked to keep."""
    monkeypatch.delenv("TMUX", raising=False)
    texts: list[str] = []

    def take(app: TunedeckApp, made: str) -> None:
        if made.startswith("\x1b]52;c;"):
            texts.append(base64.b64decode(made[7:-1]).decode())

    monkeypatch.setattr(TunedeckApp, "send_to_terminal", take)
    return texts


def kept(home: Path) -> str:
    return (home / clipboard.FILE).read_text("utf-8")


async def test_on_home_the_chosen_runs_folder_is_copied_and_it_is_said_where_it_went(
    make_world: MakeWorld, root: Path, home: Path, sent: list[str]
) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until_shows(pilot, "orders-json")
        await pilot.press("y")
        await until_shows(pilot, clipboard.FILE)
        assert "Sent to the terminal's clipboard" in screen_text(app)
    assert sent == [str(run.path)]
    assert kept(home) == f"{run.path}\n"
    assert (home / clipboard.FILE).stat().st_mode & 0o077 == 0


async def test_on_the_monitor_it_is_the_command_the_answer_or_the_line_of_the_log(
    make_world: MakeWorld, sent: list[str], live: Live
) -> None:
    run, _ = live(50)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "50 of 900")
        await pilot.press("y")
        await until(pilot, lambda: sent)
        assert sent == [f"tunedeck attach {run.id}"]


async def test_where_there_is_nothing_to_copy_it_says_so(make_world: MakeWorld, sent: list[str]) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("y")
        await until_shows(pilot, said("clipboard.nothing"))
    assert not sent


async def test_a_text_too_long_for_a_terminal_is_in_the_file_all_the_same(
    make_world: MakeWorld, home: Path, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "x" * (clipboard.MOST_BYTES + 1)
    monkeypatch.setattr(HomeScreen, "copied", lambda self: long)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("y")
        await until_shows(pilot, "Too long for a terminal's clipboard.")
    assert not sent
    assert kept(home) == f"{long}\n"


async def test_what_is_copied_steers_no_terminal_where_it_is_pasted(
    make_world: MakeWorld, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HomeScreen, "copied", lambda self: "a\x1b]52;c;AAAA\x07b\nc")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("y")
        await until(pilot, lambda: sent)
    assert sent == ["ab\nc"]


async def test_a_comparison_is_copied_as_the_command_that_prints_it(
    make_world: MakeWorld, root: Path, sent: list[str]
) -> None:
    runs = [fake_runs.finished_run(root), fake_runs.finished_run(root, "second")]
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "second")
        await pilot.press("home", "space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        await pilot.press("y")
        await until(pilot, lambda: sent)
    assert sent[0].startswith("tunedeck compare ")
    assert {run.id for run in runs} == set(sent[0].split()[2:])


def test_a_clipboard_behind_tmux_is_reached_and_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "/tmp/x,1,0")
    assert clipboard.sequence("海").startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert clipboard.sequence("x" * (clipboard.MOST_BYTES + 1)) == ""


async def test_a_picture_of_the_monitor_lies_in_the_runs_folder_and_loads_nothing(
    make_world: MakeWorld, root: Path
) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until_shows(pilot, "exact match 0% -> 97%")
        await pilot.press("f12", "f12")
        await until(pilot, lambda: len(list(run.path.glob("screenshot-*.svg"))) == 2)
        assert any("screenshot-" in each.message for each in app._notifications)
    pictures = sorted(run.path.glob("screenshot-*.svg"))
    svg = pictures[0].read_text("utf-8")
    assert "exact" in svg
    assert "url(http" not in svg
    assert "@import" not in svg


async def test_so_does_one_of_any_screen_about_the_run_and_of_a_dialog_over_it(
    make_world: MakeWorld, root: Path
) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        for screen in (EvaluateScreen(run), StrengthScreen(run), ExportScreen(run), ChatScreen(of_run(run))):
            before = len(list(run.path.glob("screenshot-*.svg")))
            await app.push_screen(screen)
            await pilot.press("f12", "f1")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
            await pilot.press("f12", "escape", "escape")
            await until(pilot, lambda before=before: len(list(run.path.glob("screenshot-*.svg"))) == before + 2)
            await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_elsewhere_and_over_a_dialog_a_picture_goes_to_the_home(make_world: MakeWorld, home: Path) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("f12")
        await until(pilot, lambda: list(home.glob("screenshots/*.svg")))


async def test_the_key_of_the_bar_helps_by_mouse_too(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.click(".key-help")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))


async def test_a_run_that_is_opened_is_told_by_its_id(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        assert app.screen.subjects == (run.id,)  # type: ignore[attr-defined]
        app.post_message(messages.RunOpened(run))
        await until_shows(pilot, "exact match 0% -> 97%")
        assert app.screen.subjects == (run.id,)  # type: ignore[attr-defined]
