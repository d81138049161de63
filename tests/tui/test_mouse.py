"""By mouse alone: keys in the bar and in the help, dialogs, the words that name keys, the log, the mix."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from engine.messages import language
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import click_on, said, screen_text, until, until_shows
from tests.tui.test_snapshots import with_adapter
from tui import keys
from tui.app import TunedeckApp
from tui.chat.dialogs import MannerScreen
from tui.draft.manner import Manner
from tui.evaluation.screen import EvaluateScreen
from tui.home.runlist import RunList
from tui.home.screen import HomeScreen
from tui.mixing.options import Options, OptionsScreen
from tui.monitor.screen import MonitorScreen
from tui.palette.screen import PaletteScreen
from tui.themes.screen import ThemesScreen
from tui.widgets.choosers import Pick, PickList
from tui.widgets.clickable import hints
from tui.widgets.dialogs import ConfirmScreen
from tui.widgets.log import LogPane
from tui.widgets.whole import WholeScreen
from tui.wizard.picker import FilePicker

BESIDE = (2, 30)


class Around(WholeScreen, Screen[None]):
    """Shows one widget."""

    def __init__(self, shown: Widget) -> None:
        super().__init__()
        self._shown = shown

    def compose(self) -> ComposeResult:
        yield self._shown


async def test_a_click_on_a_key_of_the_bar_leaves_the_focus_on_what_it_acts_on(
    make_world: MakeWorld, root: Path
) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, "orders-json")
        assert isinstance(app.focused, RunList)
        await pilot.click(".key-sort")
        await until(pilot, lambda: app.screen.query_one(RunList).order != "newest")
        assert isinstance(app.focused, RunList)


async def test_a_click_on_a_key_in_the_help_does_what_the_key_does(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 60)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.click(".key-help")
        words = next(key.tooltip for key in keys.HOME if key.id == "themes")[:24]
        await until_shows(pilot, words)
        await click_on(pilot, words)
        await until(pilot, lambda: isinstance(app.screen, ThemesScreen))


async def test_the_keys_at_the_foot_of_the_help_are_clicked(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.click(".key-help")
        await until_shows(pilot, f"Tab {said('widgets.terms')}")
        await click_on(pilot, f"Tab {said('widgets.terms')}")
        await until_shows(pilot, f"Tab {said('widgets.keys')}")
        await click_on(pilot, f"Esc {said('widgets.close-help')}")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_key_in_the_help_that_can_not_be_used_now_says_why(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 60)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await app.screen.press("resume")  # type: ignore[attr-defined]
        await until(pilot, lambda: said("home.no-runs") in [told.message for told in app._notifications])


async def test_the_title_line_opens_the_palette_and_a_click_beside_it_closes_it(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.click("TopLine")
        await until(pilot, lambda: isinstance(app.screen, PaletteScreen))
        await pilot.click(offset=BESIDE)
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_click_beside_a_question_gives_the_safe_answer_and_one_inside_none(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    answers: list[bool | None] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        app.push_screen(ConfirmScreen("Really?", "It is gone then."), answers.append)
        await until_shows(pilot, "It is gone then.")
        await click_on(pilot, "It is gone then.")
        await pilot.pause()
        assert answers == []
        await pilot.click(offset=BESIDE)
        await until(pilot, lambda: answers == [False])


@pytest.mark.parametrize(
    "dialog", [lambda: OptionsScreen(Options(), "a+b"), lambda: MannerScreen(Manner(), True)], ids=["mix", "chat"]
)
async def test_a_click_beside_a_form_loses_nothing_and_its_button_closes_it(
    make_world: MakeWorld, dialog: Callable[[], ModalScreen[object]]
) -> None:
    app = TunedeckApp(make_world())
    answers: list[object] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        form: Screen[object] = dialog()
        app.push_screen(form, answers.append)
        await until_shows(pilot, said("keys.cancel-leave"))
        await pilot.click(offset=BESIDE)
        await pilot.pause()
        assert app.screen is form
        await pilot.click("#cancel")
        await until(pilot, lambda: answers == [None])


@pytest.mark.parametrize("spoken", ["en", "zh"])
def test_a_line_of_keys_has_a_part_for_each_of_its_actions(spoken: str) -> None:
    language.use(spoken)
    for code, count in {
        "wizard.picker-keys": 5, "wizard-model.verdict-keys": 4, "settings.fit-keys": 5, "strategy.relation-keys": 3,
    }.items():  # fmt: skip
        assert hints(said(code), ["x"] * count).plain == said(code)


async def test_the_words_below_the_file_picker_go_up_and_take_the_folder(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "above" / "below").mkdir(parents=True)
    app = TunedeckApp(make_world())
    taken: list[Path | None] = []
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        app.push_screen(FilePicker(tmp_path / "above" / "below"), taken.append)
        await until_shows(pilot, "Left goes up")
        await click_on(pilot, "Left goes up")
        await until_shows(pilot, "below/")
        await click_on(pilot, "takes the whole folder")
        await until(pilot, lambda: taken == [tmp_path / "above"])


async def test_the_wheel_turns_the_log_back(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 18)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen) and app.screen.state.ended)
        await pilot.click("#strip", offset=(screen_text(app).splitlines()[3].index("6 log") + 1, 0))
        await until(pilot, lambda: app.screen.query_one(LogPane).size.height > 3)
        log = app.screen.query_one(LogPane)
        newest = log.visible_lines
        assert len(log._rows) > log.size.height, "there is something to turn back to"
        x, y = log.region.x + 4, log.region.y + 1
        app.post_message(events.MouseScrollUp(None, x, y, 0, -1, 0, False, False, False, x, y))
        await until(pilot, lambda: log.visible_lines != newest)


def clicks(app: TunedeckApp, words: str) -> list[events.MouseEvent]:
    """What a terminal sends of a click on ``words``."""
    lines = screen_text(app).splitlines()
    row = next(row for row, line in enumerate(lines) if words in line)
    at = lines[row].index(words)
    return [kind(None, at, row, 0, 0, 1, False, False, False, at, row) for kind in (events.MouseDown, events.MouseUp)]


def send(app: TunedeckApp, *parts: list[events.MouseEvent]) -> None:
    for event in chain(*parts):
        app.post_message(event)


async def test_a_double_click_on_a_key_opens_its_screen_once(make_world: MakeWorld, root: Path) -> None:
    with_adapter(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "e Evaluate")
        send(app, clicks(app, "e Evaluate"), clicks(app, "e Evaluate"))
        await until(pilot, lambda: isinstance(app.screen, EvaluateScreen))
        await pilot.pause(0.2)
        assert [type(screen) for screen in app.screen_stack] == [HomeScreen, EvaluateScreen]


async def test_the_second_click_of_two_answers_no_question_below(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        for _ in range(2):
            app.push_screen(ConfirmScreen("Really?", "It is gone then."))
        await until_shows(pilot, "n  No")
        first, second = clicks(app, "n  No"), clicks(app, "n  No")
        send(app, first)
        await until(pilot, lambda: len(app.screen_stack) == 2)
        send(app, second)  # it was made right after the first, and comes late
        await pilot.pause(0.3)
        assert isinstance(app.screen, ConfirmScreen)
        await click_on(pilot, "n  No")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_key_that_is_clicked_twice_on_one_screen_acts_twice(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "s Sort")
        send(app, clicks(app, "s Sort"), clicks(app, "s Sort"))
        await until(pilot, lambda: app.screen.query_one(RunList).order == "state")


async def test_a_click_on_a_greyed_key_says_why_it_can_not_be_used(make_world: MakeWorld, root: Path) -> None:
    fake_runs.crashed_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(240, 40)) as pilot:
        await until_shows(pilot, "killed")
        await until_shows(pilot, "x Stop")
        await until(pilot, lambda: app.screen.query(".key-stop:disabled"))
        await click_on(pilot, "x Stop")
        why = said("home.not-running", run="killed")
        await until(pilot, lambda: why in [told.message for told in app._notifications])


async def test_at_the_end_of_a_list_the_wheel_goes_on_to_what_it_stands_in(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        listing = PickList([Pick("a", "first"), Pick("b", "second")])
        around = VerticalScroll(listing, Static("\n" * 60))
        await app.push_screen(Around(around))
        for _ in range(4):
            app.post_message(events.MouseScrollDown(None, 2, 0, 0, 1, 0, False, False, False, 2, 0))
            await pilot.pause()
        assert listing.cursor == 1
        await until(pilot, lambda: around.scroll_y > 0)
