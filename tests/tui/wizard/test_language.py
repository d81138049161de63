"""An open wizard speaks the language that is chosen at home, and keeps its answers."""

from __future__ import annotations

from pathlib import Path

from engine.messages import language
from tests.tui.looking import screen_text, until
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.steering import enter, settle


async def test_the_wizard_is_drawn_anew_at_its_step_with_its_answers(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await enter(app, pilot, 2)
        assert app.wizard.step_name == "data"
        answers = dict(app.wizard.draft.values)
        app.switch_mode("home")
        await until(pilot, lambda: app.current_mode == "home")
        await pilot.press("l")
        await until(pilot, lambda: language.current() == "zh" and app.current_mode == "home")
        await pilot.press("n")
        await until(pilot, lambda: app.current_mode == "wizard" and "用哪些数据训练" in screen_text(app))
        await settle(app, pilot)
        assert (app.wizard.step_name, dict(app.wizard.draft.values)) == ("data", answers)
