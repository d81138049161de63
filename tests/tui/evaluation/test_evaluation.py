"""The screens of evaluate and strength: what is asked, how it goes, and the table; the child is stood in for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from engine.app import evaluate as afterwards
from engine.models.adapter import strength
from engine.runs import evaluations, strength_curve
from engine.runs.directory import RunDir
from engine.runs.evaluation_request import EvaluationRequest
from tests.engine.cli.test_evaluate import CURVE, answers, evaluation, made_run
from tests.tui.looking import opened, said, screen_text, until, until_shows
from tui import messages
from tui.app import TunedeckApp
from tui.evaluation.screen import EvaluateScreen
from tui.evaluation.strength import Course, StrengthScreen
from tui.widgets.beside import JobScreen
from tui.world import World

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def run(home: Path, tmp_path: Path) -> RunDir:
    return made_run(tmp_path, "orders")


def app_of(run: RunDir) -> TunedeckApp:
    return TunedeckApp(World(root=run.path.parent))


def stand_in(monkeypatch: pytest.MonkeyPatch, hold: threading.Event | None = None) -> list[EvaluationRequest]:
    asked: list[EvaluationRequest] = []

    def carry_out(request: EvaluationRequest, on_progress: Any, on_note: Any = None, on_silence: Any = None) -> Any:
        asked.append(request)
        target = RunDir(Path(request.run))
        answers(target, request.name)
        while hold is not None and not hold.wait(0.02):
            on_silence()
        found = evaluation(request.name)
        evaluations.keep(evaluations.folder(target, request.name), found)
        if request.scales:
            strength_curve.keep(evaluations.folder(target, request.name), CURVE)
        return found

    monkeypatch.setattr(afterwards, "run_request", carry_out)
    return asked


async def test_a_run_is_evaluated_and_the_table_is_shown(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch)
    async with opened(app_of(run), messages.EvaluateAsked(run), "Compare with") as (app, pilot):
        await pilot.press("tab", "right", "right", "enter")
        await until_shows(pilot, "Better than the base model.")
        assert asked[0].against == ("base", "few-shot")
        assert asked[0].data is None
        shown = screen_text(app)
        assert "85% to 95%" in shown
        assert "+50.0" in shown
        verdict, folder = app.screen.copied().splitlines()  # type: ignore[attr-defined]
        assert verdict.startswith("Better than the base model")
        assert Path(folder).parent == run.path / "evaluations"
        await pilot.press("escape")
        await until_shows(pilot, "Evaluations so far")
        assert "held-out" in screen_text(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, EvaluateScreen))


async def test_escape_stops_it_and_says_what_is_kept(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, threading.Event())
    async with opened(app_of(run), messages.EvaluateAsked(run), "Compare with") as (app, pilot):
        await pilot.press("ctrl+n")
        await until_shows(pilot, "Esc stops it")
        assert "Esc Stop" in screen_text(app), "the bar says what the key does now"
        await pilot.press("escape")
        await until(pilot, lambda: any("40 answers are kept" in each.message for each in app._notifications))
        assert isinstance(app.screen, EvaluateScreen)
        assert "Compare with" in screen_text(app)
        assert "> Rows" in screen_text(app), "the form can be filled in again"


async def test_the_arrows_lead_through_the_form_into_the_kept_ones_and_back(run: RunDir) -> None:
    app = app_of(run)
    answers(run, "mine")
    evaluations.keep(evaluations.folder(run, "mine"), evaluation("mine"))
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(messages.EvaluateAsked(run))
        await until_shows(pilot, "Evaluations so far")
        await pilot.press("down")
        assert "> Compare with" in screen_text(app)
        await pilot.press("down", "down")
        assert "> mine" in screen_text(app)
        await pilot.press("up")
        assert "> How many" in screen_text(app)


async def test_a_file_is_asked_for_where_it_is_missing_and_wrong_counts_are_said(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = stand_in(monkeypatch)
    async with opened(app_of(run), messages.EvaluateAsked(run), "Compare with") as (_, pilot):
        await pilot.press("right", "enter")
        await until_shows(pilot, "Give the file's path.")
        await pilot.press(*str(tmp_path / "orders.jsonl"), "tab", "tab", "x", "enter")
        await until_shows(pilot, "A whole number.")
        assert asked == []
        await pilot.press("backspace", "5", "enter")
        await until(pilot, lambda: asked)
        assert asked[0].rows == 5
        assert asked[0].data is not None
        assert asked[0].data["path"] == str(tmp_path / "orders.jsonl")


async def test_another_run_can_be_compared_with(run: RunDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = made_run(tmp_path, "older")
    asked = stand_in(monkeypatch)
    async with opened(app_of(run), messages.EvaluateAsked(run), "older") as (_, pilot):
        await pilot.press("tab", "right", "right", "right", "enter")
        await until(pilot, lambda: asked)
        assert asked[0].against == ("base", str(other.path))


async def test_strength_shows_the_curve_and_one_key_keeps_a_scale(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    async with opened(app_of(run), messages.StrengthAsked(run), "Not measured yet") as (app, pilot):
        await pilot.press("e")
        await until_shows(pilot, "suggested")
        shown = screen_text(app)
        assert "accuracy" in shown
        assert "kept at 1" in shown
        assert max(len(line) for line in shown.splitlines()) <= 80
        await pilot.press("up", "enter")
        await until_shows(pilot, "Keep strength 0.5?")
        await pilot.press("y")
        await until_shows(pilot, "kept at 0.5")
        assert strength.kept(run.adapter) == 0.5
        assert (run.adapter / strength.FULL_FILE).is_file()


async def test_the_crosshair_of_a_curve_says_its_strength(run: RunDir, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    async with opened(app_of(run), messages.StrengthAsked(run), "Not measured yet") as (app, pilot):
        await pilot.press("e")
        await until_shows(pilot, "suggested")
        course = next(each for each in app.screen.query(Course) if each.region.height > 3)
        await pilot.click(course, offset=(course.size.width - 2, course.size.height // 2))
        await until_shows(pilot, said("widgets.at-strength", x="1.00"), 6)


async def test_an_adapter_without_a_scale_says_why(run: RunDir) -> None:
    path = run.adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use_dora": True}))
    async with opened(app_of(run), messages.StrengthAsked(run), "DoRA") as (app, pilot):
        await pilot.press("e", "enter", "escape")
        await until(pilot, lambda: not isinstance(app.screen, StrengthScreen))


Asked = Callable[[RunDir], messages.EvaluateAsked]
BOTH = pytest.mark.parametrize(
    ("asked", "shows", "key"),
    [(messages.StrengthAsked, "Not measured yet", "e"), (messages.EvaluateAsked, "Compare with", "ctrl+n")],
)


@BOTH
async def test_what_takes_long_to_end_is_left_at_once(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, asked: Asked, shows: str, key: str
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def carry_out(*_: Any, on_silence: Callable[[], None], **__: Any) -> Any:
        begun.set()
        ended.wait(60)  # the libraries are being loaded: it hears no signal
        on_silence()

    monkeypatch.setattr(afterwards, "run_request", carry_out)
    async with opened(app_of(run), asked(run), shows) as (app, pilot):
        try:
            await pilot.press(key)
            await until(pilot, begun.is_set)
            assert "Esc Stop" in screen_text(app)
            await pilot.press("escape")
            await until_shows(pilot, "stopping")
            assert "Esc Back" in screen_text(app)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(app.screen, JobScreen))
        finally:
            ended.set()


@BOTH
async def test_what_is_stopped_before_it_begins_is_over(
    run: RunDir, monkeypatch: pytest.MonkeyPatch, asked: Asked, shows: str, key: str
) -> None:
    begun = stand_in(monkeypatch)
    async with opened(app_of(run), asked(run), shows) as (app, pilot):
        screen = cast("JobScreen", app.screen)
        await screen.press("measure" if isinstance(screen, StrengthScreen) else "start")
        screen.stop()
        await until(pilot, lambda: not screen.is_stopping)
        assert begun == []
        assert "Esc Back" in screen_text(app)
        await pilot.press(key)
        await until(pilot, lambda: begun)
