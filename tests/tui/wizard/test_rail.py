"""The rail: what was chosen in each step, and where a click leads."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import WizardApp, text_of
from tests.tui.wizard.steering import press, settle
from tui.wizard.rail import Rail


async def click(app: WizardApp, pilot: Pilot[None], title: str) -> None:
    """Click the step of that title in the rail."""
    rail = app.wizard.query_one(Rail).region
    row = next(row for row, line in enumerate(text_of(app).splitlines()) if title in line[: rail.right])
    await pilot.click(offset=(rail.x + 4, row))
    await settle(app, pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_answered_step_shows_its_tick_and_what_was_chosen(
    open_wizard: Opener, model: Path, size: tuple[int, int]
) -> None:
    async with open_wizard(size=size) as (app, pilot):
        await press(app, pilot, "enter", "enter")
        rail = app.wizard.query_one(Rail).region
        lines = [line[: rail.right].strip() for line in text_of(app).splitlines()]
        assert lines[lines.index("✓ 1 Task") + 1] == "instructions"
        assert lines[lines.index("✓ 2 Model") + 1] == "tiny-chat"
        assert not any("✓" in line for line in lines if "6 Review" in line)


async def test_a_click_leads_back_and_on_again_but_not_past_what_must_be_answered(
    open_wizard: Opener, model: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "enter")
        await click(app, pilot, "1 Task")
        assert app.wizard.step_name == "task"
        await click(app, pilot, "2 Model")
        assert app.wizard.step_name == "model"
        await click(app, pilot, "6 Review")
        assert app.wizard.step_name == "model"
