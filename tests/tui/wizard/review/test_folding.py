"""The review: the run in a sentence, what was chosen, the rest folded away, and a name."""

from __future__ import annotations

import tomllib

from engine.config.presets import Resolved
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.steering import press, settle, shown_words, write
from tui.widgets.choosers import PickList
from tui.widgets.form import FormField


async def test_the_run_is_told_in_a_sentence_and_enter_unfolds_what_nobody_chose(
    open_wizard: Opener, prefill: Resolved
) -> None:
    async with open_wizard(prefill, size=(120, 40)) as (app, pilot):
        await app.wizard._show(5)
        await settle(app, pilot)
        assert "tiny-chat learns 36 rows, " in shown_words(app)
        listed = app.wizard.query_one("#values", PickList)
        folded = [pick.title for pick in listed.picks]
        assert folded[0] == "You chose"
        assert "Defaults" not in folded
        listed.focus()
        await press(app, pilot, "end", "enter")
        assert len(listed.picks) > len(folded) + 30
        assert "Defaults" in [pick.title for pick in listed.picks]
        await press(app, pilot, "end", "enter")
        assert [pick.title for pick in listed.picks] == folded


async def test_a_slash_finds_a_value_that_is_folded_away(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill, size=(120, 40)) as (app, pilot):
        await app.wizard._show(5)
        await settle(app, pilot)
        listed = app.wizard.query_one("#values", PickList)
        assert "train.max_grad_norm" not in [pick.title for pick in listed.picks]
        listed.focus()
        await press(app, pilot, "slash", *"grad_norm")
        assert [pick.title for pick in listed.shown if not pick.heading] == ["train.max_grad_norm"]


async def test_a_name_given_on_the_review_is_that_of_the_run(open_wizard: Opener, prefill: Resolved) -> None:
    async with open_wizard(prefill) as (app, pilot):
        await app.wizard._show(5)
        await settle(app, pilot)
        next(form for form in app.wizard.query(FormField) if form.key == "run.name").focus_control()
        await write(pilot, "orders")
        await press(app, pilot, "enter")
        assert app.wizard.focused is app.wizard.query_one("#go-next")
        await press(app, pilot, "enter")
        (run,) = app.started
        assert tomllib.loads(run.config.read_text())["run"]["name"] == "orders"
