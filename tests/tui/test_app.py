"""The app's places, and the ways between them."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events, work
from textual.screen import Screen
from textual.widgets import Input

from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tui import keys, messages
from tui.__main__ import SCREEN_FLAGS, _flags, open_screen
from tui.app import TunedeckApp
from tui.home.screen import HomeScreen
from tui.monitor.screen import MonitorScreen
from tui.terminal import Flags
from tui.widgets.chart import Chart
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.whole import WholeScreen


async def test_news_on_the_rule_above_the_keys_gives_way_to_what_comes_after_it(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        app.notify("The disk is full.", severity="error")
        app.notify(said("monitor.pause-asked"))
        app.notify(said("monitor.resume-asked"))
        await until_shows(pilot, said("monitor.resume-asked"))
        lines = screen_text(app).splitlines()
        assert said("monitor.resume-asked") in lines[-2]
        assert "The disk is full." in lines[-3]
        assert not any(said("monitor.pause-asked") in line for line in lines)


async def test_ctrl_c_names_the_key_that_leaves_on_one_line(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("ctrl+c")
        await until_shows(pilot, said("app.how-to-quit"))
        assert said("app.how-to-quit") in screen_text(app).splitlines()[-2]
        assert "Do you want to quit?" not in screen_text(app)


async def test_a_launched_run_is_watched_at_once_and_the_wizard_begins_anew(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")
        wizard = app.screen
        run = fake_runs.finished_run(root)
        wizard.post_message(messages.RunLaunched(run))
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")
        assert app.screen is not wizard


async def test_leaving_the_wizard_and_coming_back_finds_it_as_it_was(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")
        wizard: Screen[None] = app.screen
        wizard.post_message(messages.WizardLeft())
        await until(pilot, lambda: app.current_mode == "home")
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")
        assert app.screen is wizard


async def test_attach_opens_the_monitor_and_leaving_it_leads_home(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "exact match 0% -> 97%")
        await pilot.press("q")
        await until_shows(pilot, said("home.count", runs=1, running=0))


async def test_a_small_window_waits_for_a_larger_one_and_goes_on_where_it_was(
    make_world: MakeWorld, live: Live
) -> None:
    run, _ = live(50)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "50 of 900")
        await pilot.resize_terminal(50, 15)
        await until_shows(pilot, "This window is 50x15")
        await pilot.resize_terminal(80, 24)
        await until_shows(pilot, "50 of 900")


async def test_a_question_answered_over_a_small_window_leaves_no_cover_over_a_large_one(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(50, 15)) as pilot:
        await until_shows(pilot, "This window is 50x15")
        app.push_screen(ConfirmScreen("Resume?", "Rows changed."))  # a worker asks what it was told to find out
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.screen.size.width == 80)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_help_teaches_the_screen_and_lists_every_key(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(72, 64)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("question_mark")
        await until_shows(pilot, "A run is one fine-tuning")
        text = " ".join(screen_text(app).replace("│", " ").split())
        for key in (*keys.HOME, *keys.EVERYWHERE):
            assert key.tooltip in text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


@pytest.mark.parametrize(
    ("table", "screen"),
    [(keys.HOME, HomeScreen), (keys.MONITOR, MonitorScreen), (keys.CHART, Chart), (keys.EVERYWHERE, TunedeckApp)],
)
def test_every_key_of_the_table_does_something(table: tuple[keys.Key, ...], screen: type) -> None:
    for key in table:
        assert hasattr(screen, f"action_{key.id.split('(')[0]}"), key.id
    bound = [part for key in table for part in key.key.split(",")]
    assert len(bound) == len(set(bound)), "no key twice in a table"


def test_no_key_is_one_that_terminals_or_multiplexers_keep_for_themselves() -> None:
    taken = {"ctrl+a", "ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "ctrl+z", "ctrl+left_square_bracket"}
    for key in (*keys.EVERYWHERE, *keys.HOME, *keys.WIZARD, *keys.MONITOR, *keys.CHART):
        assert not taken & set(key.key.split(","))


async def test_a_question_starts_on_the_safe_answer(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    answers: list[bool | None] = []
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        app.push_screen(ConfirmScreen("Really?", "It is gone then.", ("[b]one[/b]",)), answers.append)
        await until_shows(pilot, "[b]one[/b]")
        await pilot.press("enter")
        await until(pilot, lambda: answers == [False])
        app.push_screen(ConfirmScreen("Really?", "It is gone then."), answers.append)
        await until_shows(pilot, "Really?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: answers == [False, True])


def test_flags_of_the_screen_are_read_from_the_command_line() -> None:
    assert _flags(["--ascii", "--no-mouse", "--colors=16"]) == Flags(True, "16", False)
    assert _flags(["--colors", "256"]) == Flags(False, "256", True)
    assert _flags(["--colors=pink"]) == Flags()
    assert "--ascii" in SCREEN_FLAGS


def test_without_a_terminal_every_route_is_refused_in_words(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.__main__._is_terminal", lambda stream: False)
    assert open_screen("home") == 5
    assert "There is no terminal to draw on" in capsys.readouterr().err


def test_attaching_to_a_run_that_is_not_there_is_told_in_words(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.__main__._is_terminal", lambda stream: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr("os.environ", dict(__import__("os").environ))  # the screen's switches stay in this test
    assert open_screen("attach", run="nothing-here") == 6
    assert "No such run" in capsys.readouterr().err


async def test_q_on_home_leaves_at_once_where_all_is_kept(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard")
        await pilot.press("escape")
        await until(pilot, lambda: app.current_mode == "home")
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_leaving_asks_first_where_answers_would_be_lost(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = TunedeckApp(make_world(), "wizard")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app._wizard() is not None and app._wizard().is_mounted)  # type: ignore[union-attr]
        monkeypatch.setattr("tui.wizard.flow.WizardScreen.keep", lambda self: False)
        await pilot.press("ctrl+q")
        await until_shows(pilot, said("app.unsaved"))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmScreen))
        assert not app._exit
        await pilot.press("ctrl+q")
        await until_shows(pilot, said("app.unsaved"))
        await pilot.press("y")
        await until(pilot, lambda: app._exit)


@pytest.mark.parametrize("opener", ["colon", "slash"], ids=["palette", "filter"])
async def test_what_is_pasted_steers_no_terminal(make_world: MakeWorld, root: Path, opener: str) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        await pilot.press(opener)
        await until(pilot, lambda: isinstance(app.focused, Input))
        steering = "\x1b]0;owned\x07\x1b[31mred\x9b32m\u202e\x00" * 2000
        app.post_message(events.Paste(f"order{steering}\n\x1b[2Jnext line"))
        await until(pilot, lambda: isinstance(app.focused, Input) and "red" in app.focused.value)
        assert app.focused.value.startswith("orderred\\x00red")  # type: ignore[union-attr]
        await pilot.pause()
        assert screen_text(app).replace("\n", "").isprintable()


class _Asks(WholeScreen, Screen[None]):
    """Is left, and asks something in the same breath."""

    @work
    async def ask(self) -> None:
        await self.app.push_screen_wait(ConfirmScreen("Sure?", "", ()))

    def leave_and_ask(self) -> None:
        self.dismiss()
        self.ask()


async def test_a_screen_that_is_left_while_it_asks_closes_and_asks_nothing(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(asks := _Asks())
        app.call_later(asks.leave_and_ask)
        await until(pilot, lambda: not asks.is_running)
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("question_mark")
        await until_shows(pilot, said("home.help"))


async def test_of_two_keys_at_once_that_ask_the_second_does_not(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(asks := _Asks())
        asks.ask()
        asks.ask()
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is asks)
