"""All fields of the config: in groups, filtered as one types, with what is allowed and a way back to the default."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from engine.config.presets import Resolved
from tests.tui.looking import click_on
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import WizardApp
from tests.tui.wizard.steering import press, settle, shown_words, write
from tui.widgets.choosers import PickList
from tui.wizard.settings.all_fields import AllFields


async def to_table(app: WizardApp, pilot: Pilot[None]) -> PickList:
    await app.wizard._show(4)
    await settle(app, pilot)
    await press(app, pilot, "f2", "f2")
    return app.wizard.query_one("#field-list", PickList)


def fields_of(listed: PickList) -> list[str]:
    return [pick.id for pick in listed.picks if not pick.heading]


async def test_a_slash_filters_by_name_and_by_what_a_field_means(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill) as (app, pilot):
        listed = await to_table(app, pilot)
        await press(app, pilot, "slash")
        await write(pilot, "warmup")
        await settle(app, pilot)
        assert fields_of(listed) == ["train.warmup_ratio"]
        assert [pick.title for pick in listed.picks] == ["train", "warmup_ratio"]
        await press(app, pilot, "enter", "enter")
        assert "> warmup_ratio" in shown_words(app)
        await press(app, pilot, "escape", "escape")
        assert len(fields_of(listed)) > 40
        await press(app, pilot, "slash")
        await write(pilot, "zzz")
        await settle(app, pilot)
        assert "No field holds this." in shown_words(app)
        await press(app, pilot, "enter", "enter", "delete")
        assert app.wizard.step_name == "settings"


async def test_a_changed_field_stands_out_and_del_sets_it_back(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill) as (app, pilot):
        listed = await to_table(app, pilot)
        listed.choose("run.seed")
        listed.focus()
        await press(app, pilot, "enter", "ctrl+u")
        await write(pilot, "7")
        await press(app, pilot, "enter")
        assert (listed.current.detail, listed.current.shade) == ("7", "accent")  # type: ignore[union-attr]
        await press(app, pilot, "delete")
        assert (listed.current.detail, listed.current.shade) == ("42", "muted")  # type: ignore[union-attr]
        assert "run.seed" not in app.wizard.draft.values


async def test_another_field_is_opened_without_losing_what_was_typed(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill) as (app, pilot):
        listed = await to_table(app, pilot)
        listed.choose("run.seed")
        listed.focus()
        await press(app, pilot, "enter", "ctrl+u")
        await write(pilot, "7")
        await click_on(pilot, "split_seed", times=2)
        await settle(app, pilot)
        assert "> split_seed" in shown_words(app)
        assert app.wizard.draft.get("run.seed") == 7


async def test_what_is_allowed_is_said_of_the_field_under_the_cursor(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill) as (app, pilot):
        listed = await to_table(app, pilot)
        listed.focus()
        listed.choose("model.quantization")
        await press(app, pilot, "up", "down")
        assert "Allowed: auto, none, nf4" in shown_words(app)


async def test_what_is_heard_of_the_machine_while_the_table_comes_is_shown_with_it(
    open_wizard: Opener, prefill: Resolved, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose, heard = AllFields.compose, []

    def compose_meanwhile(table: AllFields) -> Any:
        wizard = table.screen
        wizard._weighed()  # type: ignore[attr-defined]
        heard.append(wizard.keep())  # type: ignore[attr-defined]
        return compose(table)

    async with open_wizard(prefill) as (app, pilot):
        monkeypatch.setattr(AllFields, "compose", compose_meanwhile)
        listed = await to_table(app, pilot)
        assert len(heard) == 1
        assert len(fields_of(listed)) > 40
