"""By mouse alone in the wizard: the mix board, and the lines that name the key of a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from tests.tui.looking import click_on, said
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, WizardApp, make_child, make_rows, text_of
from tests.tui.wizard.mix.test_screen import drafted
from tests.tui.wizard.quality.making import LENGTHS, finding, found, remedy
from tests.tui.wizard.steering import add_file, press, settle
from tui.widgets.choosers import PickList
from tui.wizard.columns.screen import ColumnsScreen
from tui.wizard.mix.table import MixTable


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    return make_rows(tmp_path / "chat.jsonl", 20)


async def balance(app: WizardApp, pilot: Pilot[None]) -> None:
    """Open the mix of two sources, with half of it each."""
    await press(app, pilot, "f8")
    await click_on(pilot, f"2 {said('mix.preset-balanced')}")
    await settle(app, pilot)


async def test_a_slider_is_pulled_where_it_is_clicked_and_a_preset_is_taken(
    open_wizard: Opener, model: Path, rows: Path, chat: Path
) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await balance(app, pilot)
        assert text_of(app).count("50%") == 2
        await click_on(pilot, "B chat")
        assert app.screen.query_one(MixTable).at == 1
        slider = "[####----]"
        before, _, behind = next(line for line in text_of(app).splitlines() if "B chat" in line).partition(slider)
        assert behind, "both have half of it"
        await pilot.click(MixTable, offset=(len(before) + 2, 2))  # the second of its eight cells
        await settle(app, pilot)
        assert "25%" in next(line for line in text_of(app).splitlines() if "B chat" in line)


async def test_a_click_on_a_remedy_of_the_doctor_applies_it_and_one_on_a_length_takes_it(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    remedies = [remedy("leave those rows out", 12, 0, "drop_empty_answers")]
    report = found(rows, finding("empty_answers", "warning", "empty answers", remedies=remedies), lengths=LENGTHS)
    async with open_wizard(inspect_command=make_child(tmp_path, report)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        await click_on(pilot, "Press 1: leave those rows out")
        await settle(app, pilot)
        assert app.wizard.draft.get("dataset.fixes") == ["drop_empty_answers"]
        await pilot.click(".key-facts")
        await click_on(pilot, "50% of rows")
        await settle(app, pilot)
        assert app.wizard.draft.get("dataset.max_length") == min(LENGTHS["needed"].values())


async def test_a_click_on_a_warning_of_the_review_applies_its_remedy(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    long = GOOD | {"too_long": 9, "tokens_max": 1500}
    async with open_wizard(inspect_command=make_child(tmp_path, long)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        await click_on(pilot, "[1: set it to 2,048]")
        await settle(app, pilot)
        assert app.wizard.draft.get("dataset.max_length") == 2048


async def test_delete_takes_a_file_out_only_where_the_list_has_the_focus(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard(drafted(rows)) as (app, pilot):
        await settle(app, pilot)
        step = app.wizard.step
        assert step is not None
        assert step.query_one(PickList).has_focus
        await pilot.press("tab")
        assert not step.can("take_out")
        await pilot.press("shift+tab", "delete")
        await settle(app, pilot)
        assert app.wizard.draft.data_sources() == []


async def test_a_slider_follows_the_mouse_and_one_undo_takes_all_of_it_back(
    open_wizard: Opener, model: Path, rows: Path, chat: Path
) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await balance(app, pilot)
        line = next(line for line in text_of(app).splitlines() if "B chat" in line)
        at, row = line.index("[####----]") + 4, 2  # the last cell that is filled
        for event, x, y in (
            (events.MouseDown, at, row), (events.MouseMove, at - 1, row), (events.MouseMove, at - 2, row + 3),
            (events.MouseMove, 0, row - 1), (events.MouseMove, at + 20, row), (events.MouseMove, at + 3, row),
            (events.MouseUp, at + 3, row - 1),
        ):  # fmt: skip
            app.post_message(event(None, x, y + 1, 0, 0, 1, False, False, False, x, y + 1))
            await settle(app, pilot)
        shares = {name: next(each for each in text_of(app).splitlines() if name in each) for name in ("A ", "B chat")}
        assert "87.5%" in shares["B chat"]
        assert "12.5%" in shares["A "]
        await press(app, pilot, "u")
        assert text_of(app).count("50%") == 2


async def test_the_value_of_a_column_is_turned_by_its_arrows_and_by_the_bar(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("id,Frage,Antwort\n7,Was ist 1+1?,Zwei.\n")
    name, none = "prompt  (required)", f"< {said('columns.none')} >"
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, odd, "f2")

        def value() -> str:
            return next(line for line in text_of(app).splitlines() if name in line).partition(name)[2]

        def cell(word: str) -> tuple[int, int]:
            lines = text_of(app).splitlines()
            row = next(row for row, line in enumerate(lines) if name in line)
            return lines[row].index(word, lines[row].index(name)), row

        assert none in value()
        await pilot.click(offset=cell(" >"))
        await settle(app, pilot)
        await pilot.click(offset=cell("id"), times=2)
        await settle(app, pilot)
        assert "< Antwort >" in value()
        assert isinstance(app.screen, ColumnsScreen), "two clicks on an arrow keep nothing"
        for _ in range(3):
            await pilot.click(offset=cell("< "))
        await settle(app, pilot)
        assert none in value()
        await click_on(pilot, "Right")
        await settle(app, pilot)
        assert "< id >" in value()
        await click_on(pilot, "Left Right")
        await settle(app, pilot)
        assert none in value()
