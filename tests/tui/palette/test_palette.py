"""The command palette finds what can be done now, and runs, models, settings and files by name."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.runs.directory import RunDir
from tests.tui import fake_runs
from tests.tui.conftest import Live, MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.pty_session import ROOT
from tui import clipboard, messages
from tui.app import TunedeckApp
from tui.draft.draft import Draft
from tui.home.adapter import AdapterScreen
from tui.home.family import FamilyScreen
from tui.monitor.screen import MonitorScreen
from tui.palette import offers
from tui.palette.offers import Offer
from tui.palette.screen import Hits, PaletteScreen
from tui.themes.screen import ThemesScreen
from tui.wizard.flow import WizardScreen


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with a data file; no models."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "tickets.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    monkeypatch.chdir(folder)
    monkeypatch.setattr("engine.models.local.find_models", list)
    return folder


async def opened(pilot: Pilot[None], key: str = "ctrl+p") -> PaletteScreen:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, PaletteScreen))
    assert isinstance(pilot.app.screen, PaletteScreen)
    return pilot.app.screen


async def test_both_keys_open_it_and_esc_or_the_same_key_closes_it(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        for key, closing in (("ctrl+p", "ctrl+p"), ("colon", "escape")):
            await opened(pilot, key)
            await pilot.press(closing)
            await until(pilot, lambda: not isinstance(app.screen, PaletteScreen))


async def test_an_action_is_found_by_a_few_letters_with_its_key_and_command_and_carried_out(
    make_world: MakeWorld, live: Live, home: Path
) -> None:
    run, _ = live(50)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "50 of 900")
        palette = await opened(pilot)
        names = {offer.title for offer in palette._offers}
        assert said("keys.pause") in names
        assert said("keys.resume-run") not in {offer.about for offer in palette._offers}, "only what works now"
        await pilot.press(*"stp")
        await until_shows(pilot, f"$ tunedeck stop {run.id}")
        line = next(line for line in screen_text(app).splitlines() if "> Stop" in line)
        assert " x" in line
        await pilot.press("ctrl+y")
        await until(pilot, lambda: (home / clipboard.FILE).is_file())
        assert (home / clipboard.FILE).read_text() == f"tunedeck stop {run.id}\n"
        await pilot.press("enter")
        await until_shows(pilot, said("monitor.stop"))


async def test_a_run_opens_by_its_name_and_an_adapter_by_its_runs(make_world: MakeWorld, root: Path) -> None:
    fake_runs.finished_run(root)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        palette = await opened(pilot)
        await until(pilot, lambda: any(offer.title == "orders-json" for offer in palette._offers))
        await pilot.press(*"ordjson", "enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))


async def test_a_data_file_begins_a_new_fine_tuning(make_world: MakeWorld, somewhere: Path) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        palette = await opened(pilot)
        await until(pilot, lambda: any(offer.title == "tickets.jsonl" for offer in palette._offers))
        await pilot.press(*"tickets")
        await until_shows(pilot, "> tickets.jsonl")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.draft.data_sources() == [{"path": str(somewhere / "tickets.jsonl")}]


async def test_a_setting_opens_in_the_wizard_once_its_step_was_reached(make_world: MakeWorld) -> None:
    draft = Draft({"data.0.path": "tickets.jsonl"})
    draft.step = "settings"
    app = TunedeckApp(make_world(), "wizard", prefill=draft)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WizardScreen) and app.screen.step is not None)
        wizard = app.screen
        assert isinstance(wizard, WizardScreen)
        await opened(pilot)
        await pilot.press(*"warmup")
        await until_shows(pilot, "> train.warmup")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is wizard and wizard.focused is not None)
        await until(pilot, lambda: "train.warmup" in str(wizard.copied()))


async def test_before_that_no_setting_is_offered(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world(), "wizard")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WizardScreen) and app.screen.step is not None)
        assert not list(offers.settings(app.screen))


async def test_every_setting_is_found_on_a_run_with_its_value_there_and_copied(
    make_world: MakeWorld, root: Path, home: Path
) -> None:
    run = fake_runs.finished_run(root)
    run.config.write_text(
        '[model]\nname_or_path = "tiny"\n[[data]]\npath = "a.jsonl"\n[train]\nlearning_rate = 0.003\n', "utf-8"
    )
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shows(pilot, "97%")
        palette = await opened(pilot)
        await until(pilot, lambda: any(offer.title == "train.learning_rate" for offer in palette._offers))
        await pilot.press(*"learning")
        await until_shows(pilot, "$ train.learning_rate=3e-3")
        assert said("palette.field-of-run", label="learning rate", value="3e-3")[:40] in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: (home / clipboard.FILE).is_file())
        assert (home / clipboard.FILE).read_text() == "train.learning_rate=3e-3\n"


async def test_what_home_leads_to_is_found_on_the_monitor_too(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "97%")
        await opened(pilot)
        await pilot.press(*"theme", "enter")
        await until(pilot, lambda: isinstance(app.screen, ThemesScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await until_shows(pilot, "97%")
        await opened(pilot)
        await pilot.press(*"history", "enter")
        await until(pilot, lambda: isinstance(app.screen, FamilyScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, MonitorScreen))
        await opened(pilot)
        await pilot.press(*said("keys.new"), "enter")
        await until(pilot, lambda: isinstance(app.screen, WizardScreen))


async def test_who_only_watches_is_led_nowhere(make_world: MakeWorld, root: Path) -> None:
    run = fake_runs.finished_run(root)
    app = TunedeckApp(make_world(), "monitor", run, only_watches=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "97%")
        assert not list(offers.places(app, app.screen))


async def test_the_data_step_names_the_commands_that_look_at_the_same_rows(make_world: MakeWorld) -> None:
    draft = Draft({"model.name_or_path": "tiny", "data.0.path": "my tickets.jsonl"})
    draft.step = "data"
    app = TunedeckApp(make_world(), "wizard", prefill=draft)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, WizardScreen) and app.screen.step is not None)
        made = [offer.shell for offer in offers.actions(app.screen)]
        assert {
            "tunedeck data check 'my tickets.jsonl' --model tiny",
            "tunedeck data show 'my tickets.jsonl' --model tiny",
        } <= {*made}


async def test_an_adapter_and_a_model_lead_to_their_screens(
    make_world: MakeWorld, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_runs.finished_run(root)
    monkeypatch.setattr(RunDir, "has_adapter", property(lambda self: True))
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        found = list(offers.runs(app, root))
        assert [offer.shell for offer in found] == [f"tunedeck attach {run.id}", f"tunedeck adapter inspect {run.id}"]
        found[1].act()
        await until(pilot, lambda: isinstance(app.screen, AdapterScreen))


def offer(title: str, about: str = "", words: str = "") -> Offer:
    return Offer(title, about, lambda: None, words=words)


def test_letters_may_be_left_out_words_come_in_any_order_and_the_best_stands_first() -> None:
    there = [
        offer("Stop"),
        offer("Sort"),
        offer("Strength", "How strong the adapter acts"),
        offer("停止", words="stop"),
    ]
    assert [each.title for each in offers.matching(there, "stop")] == ["Stop", "停止"]
    assert offers.matching(there, "adapter strong")[0].title == "Strength"
    assert offers.matching(there, "stre")[0].title == "Strength"
    assert offers.matching(there, "nothing like it") == []
    assert offers.matching(there, " ") == there


def test_a_long_name_of_few_letters_keeps_nobody_waiting() -> None:
    began = time.monotonic()
    offers.matching([offer("ab" * 60)] * 20, "abbaabbaabba")
    assert time.monotonic() - began < 2


async def test_a_hostile_name_steers_nothing(make_world: MakeWorld, somewhere: Path) -> None:
    (somewhere / "a\x1b[2Jb[red].jsonl").touch()
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        palette = await opened(pilot)
        await until(pilot, lambda: any("b[red]" in each.title for each in palette._offers))
        await pilot.press(*"red")
        await until_shows(pilot, "ab[red].jsonl")
        assert "\x1b[2J" not in screen_text(app)


async def test_over_a_dialog_and_in_a_line_of_text_a_colon_is_no_command(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        app.post_message(messages.WizardAsked())
        await until(pilot, lambda: isinstance(app.screen, WizardScreen) and app.screen.step is not None)
        await pilot.press("question_mark")
        await until(pilot, lambda: not isinstance(app.screen, WizardScreen))
        await pilot.press("colon")
        await pilot.pause()
        assert not isinstance(app.screen, PaletteScreen)


def test_it_is_loaded_when_it_is_first_asked_for() -> None:
    code = (
        "import sys; import tui.__main__, tui.app, tui.home.screen, tui.monitor.screen;"
        "print([name for name in ('tui.palette.screen', 'tui.clipboard', 'tui.screenshot')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_what_is_found_later_leaves_the_cursor_where_a_person_moved_it(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read = threading.Event()
    monkeypatch.setattr(offers, "runs", lambda app, root: may_read.wait(10) and [])
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        palette = await opened(pilot)
        await pilot.press("down", "down")
        here, offered = palette.chosen, len(palette._offers)
        may_read.set()
        await until(pilot, lambda: len(palette._offers) > offered)
        assert palette.chosen is here
        assert palette.query_one(Hits).cursor == 2
