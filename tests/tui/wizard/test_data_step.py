"""The data step: files typed or picked, read as they will be, and looked at through the tokenizer on request."""

from __future__ import annotations

from pathlib import Path

from engine.config.provenance import REPLAY, YOU
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import make_rows, text_of
from tests.tui.wizard.steering import add_file, press, shown_words, to_data, write
from tui.draft.draft import Draft
from tui.draft.mix_sources import inspection_of
from tui.wizard.data.beside import RowsBeside


async def test_a_file_is_previewed_with_format_evidence_and_first_rows(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard(size=(120, 40)) as (app, pilot):
        await add_file(app, pilot, rows)
        assert "alpaca, 40 rows" in text_of(app)
        assert "columns instruction, input, output" in shown_words(app)
        assert "assistant 1" in text_of(app)
        assert "38 steps" not in text_of(app)
        assert "40 rows" in text_of(app).splitlines()[-4]


async def test_in_a_very_large_window_the_first_rows_stand_beside_settings_and_review(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard(size=(200, 60)) as (app, pilot):
        await add_file(app, pilot, rows)
        assert not app.wizard.query_one(RowsBeside).display, "the step shows them itself"
        for _ in range(2):
            await press(app, pilot, "ctrl+n")
            assert app.wizard.query_one(RowsBeside).display
            assert "assistant 1" in text_of(app)


async def test_columns_that_are_not_used_are_named_beside_the_file(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("review,stars,url\n" + "".join(f"The film {n} was long.,{n % 5},u{n}\n" for n in range(20)))
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, path)
        assert "classification, 20 rows" in text_of(app)
        assert "columns review as text, stars as label; not used: url" in shown_words(app)


async def test_a_path_is_completed_with_the_right_arrow(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await write(pilot, f"{rows.parent}/ord")
        while "Right: orders.jsonl" not in text_of(app):
            await pilot.pause(0.02)
        await press(app, pilot, "right", "enter", "ctrl+n")
        assert app.wizard.draft.get("data.0.path") == str(rows)


async def test_several_files_can_be_used_and_one_removed(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    more = make_rows(tmp_path / "more.jsonl", 10)
    async with open_wizard(size=(120, 40)) as (app, pilot):
        await to_data(app, pilot)
        for path in (rows, more):
            await write(pilot, str(path))
            await press(app, pilot, "enter")
        assert "50 rows" in text_of(app)
        await press(app, pilot, "tab", "up", "delete", "ctrl+n")
        assert [item["path"] for item in app.wizard.draft.data_sources()] == [str(more)]


async def test_the_picker_finds_a_file_by_keyboard(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    inner = tmp_path / "a-folder"
    inner.mkdir()
    path = make_rows(inner / "inner.jsonl", 3)
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await press(app, pilot, "f3")
        assert "a-folder/" in text_of(app)
        await press(app, pilot, "enter", "enter")
        assert "inner.jsonl" in text_of(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.draft.get("data.0.path") == str(path)


async def test_the_picker_goes_up_and_closes_without_a_choice(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await press(app, pilot, "f3", "left")
        assert f"> {tmp_path.name}/" in text_of(app)
        await press(app, pilot, "escape")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.data_sources() == []


async def test_another_format_is_tried_at_once(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "tab", "tab", "right", "right")
        assert "No column for" in shown_words(app)
        await press(app, pilot, "left")
        assert "assistant 1" in text_of(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.draft.source("data.0.format") == YOU


async def test_the_step_says_that_rows_were_not_examined_and_then_what_was_found(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        assert "F5" not in shown_words(app)
        await write(pilot, str(rows))
        await press(app, pilot, "enter")
        assert "not checked yet; F5" in shown_words(app)
        await press(app, pilot, "f5", "escape")
        assert "40 rows: no faults found" in shown_words(app)
        assert str(rows) in (tmp_path / "asked").read_text()


async def test_a_long_question_does_not_hide_the_answer(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_text('{"prompt": "' + "why " * 400 + '", "completion": "because"}\n')
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, path)
        assert "assistant because" in text_of(app)


async def test_an_older_check_does_not_speak_for_other_rows(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "f5", "escape")
        assert inspection_of(app.wizard.draft, app.wizard.facts) is not None
        await press(app, pilot, "tab", "delete")
        assert inspection_of(app.wizard.draft, app.wizard.facts) is None
        assert "rows" not in text_of(app).splitlines()[-3]


async def test_a_name_yields_to_the_number_of_rows(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = make_rows(tmp_path / "all-orders-of-the-year-2026.jsonl", 1234)
    values = {"model.name_or_path": "tiny", "data.0.path": str(path), "data.0.role": "replay", "data.0.share": 0.1}
    draft = Draft(values, {"data.0.path": REPLAY})
    draft.step = "data"
    async with open_wizard(draft) as (app, _):
        line = next(line for line in text_of(app).splitlines() if " all-orders" in line)
        assert "alpaca, 1,234 rows" in line
        assert line.rstrip().endswith("replay 10%")
