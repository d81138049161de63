"""The columns' screen: a file that nobody recognises is mapped, with its rows as they come out on every change."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.config.provenance import DETECTED
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import WizardApp, text_of, words_of
from tests.tui.wizard.steering import LOOKS, add_file, press, shown_words, to_data, write
from tui.terminal import Terminal
from tui.wizard.columns.screen import ColumnsScreen


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.csv"
    path.write_text('id,Frage,Antwort\n7,Was ist 1+1?,Zwei.\n8,"Wer, wie?",Niemand.\n')
    return path


async def at_columns(app: WizardApp, pilot: Pilot[None], path: Path) -> None:
    await add_file(app, pilot, path, "f2")
    assert isinstance(app.screen, ColumnsScreen)


async def test_an_unclear_file_offers_the_mapping_beside_it_with_the_focus_there(
    open_wizard: Opener, model: Path, odd: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, odd)
        assert "> odd.csv" in shown_words(app)
        assert "odd.csv has the columns: id, Frage, Antwort. F2: map the columns." in shown_words(app)


async def test_a_format_that_is_only_guessed_is_shown_with_its_confidence_and_the_key(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("text,label\n" + "good,1\nbad,0\n" * 5)
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, path)
        assert "60% sure; wrong? F2" in shown_words(app)
        assert "> numbers.csv" in shown_words(app)


@LOOKS
async def test_columns_are_shown_with_samples_and_rows_come_out_on_every_change(
    open_wizard: Opener, model: Path, odd: Path, size: tuple[int, int], terminal: Terminal
) -> None:
    async with open_wizard(size=size, terminal=terminal) as (app, pilot):
        await at_columns(app, pilot, odd)
        words = words_of(app)
        assert "Unknown format: map the columns." in words
        assert "No column for 'prompt' of prompt_completion" in words
        assert "3 columns in the file" in words
        assert "Antwort Zwei." in words
        assert "prompt (required) < none >" in words
        await press(app, pilot, "down", "right", "right")
        assert "prompt (required) < Frage > Was ist 1+1?" in words_of(app)
        assert "No column for 'completion'" in words_of(app)
        await press(app, pilot, "down", "a")
        words = words_of(app)
        assert "completion (required) < Antwort > Zwei." in words
        assert "user Was ist 1+1?" in words
        assert "assistant Zwei." in words
        await press(app, pilot, "pagedown")
        assert "user Wer, wie?" in words_of(app)
        assert "(2 of 2)" in words_of(app)
        await press(app, pilot, "pageup")
        assert "user Was ist 1+1?" in words_of(app)
        lines = text_of(app).splitlines()
        assert len(lines) == size[1]
        assert max(len(line.rstrip()) for line in lines) <= size[0]
        if not terminal.unicode:
            assert text_of(app).isascii()


async def test_what_is_kept_stands_in_the_draft_and_in_the_run(open_wizard: Opener, model: Path, odd: Path) -> None:
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, odd)
        await press(app, pilot, "down", "f", "down", "a", "end", "i", "enter")
        assert app.wizard.step_name == "data"
        assert "prompt_completion, 2 rows" in shown_words(app)
        assert app.wizard.draft.get("data.0.columns") == {"prompt": "Frage", "completion": "Antwort", "group": "id"}
        await press(app, pilot, "ctrl+n", "ctrl+k", "ctrl+n", "enter", "enter")
        (run,) = app.started
        kept = tomllib.loads(run.config.read_text())["data"][0]
        assert kept["format"] == "prompt_completion"
        assert kept["columns"] == {"prompt": "Frage", "completion": "Antwort", "group": "id"}
    assert odd.read_text().startswith("id,Frage,Antwort\n")


async def test_esc_leaves_all_as_it_was(open_wizard: Opener, model: Path, odd: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, odd)
        await press(app, pilot, "down", "f", "down", "a", "escape")
        assert "The columns are not known" in shown_words(app)
        assert app.wizard.draft.get("data.0.columns") in (None, {})


async def test_looking_without_a_change_keeps_a_file_recognised_by_itself(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, rows)
        assert "Detected as alpaca (95% sure)." in words_of(app)
        assert "instruction (required) < instruction > Add 0 and 1." in words_of(app)
        await press(app, pilot, "enter", "ctrl+n")
        assert app.wizard.draft.source("data.0.format") == DETECTED


async def test_a_mapping_that_cannot_be_read_is_not_kept(open_wizard: Opener, model: Path, odd: Path) -> None:
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, odd)
        await press(app, pilot, "enter")
        assert isinstance(app.screen, ColumnsScreen)
        assert "Not saved" in words_of(app)


async def test_a_column_known_by_its_name_can_be_left_out(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a question", "completion": "an answer", "system": "a log line"}\n' * 3)
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, path)
        assert "system a log line" in words_of(app)
        await press(app, pilot, *["down"] * 5, "left", "left", "left")
        assert "system a log line user" not in words_of(app)
        await press(app, pilot, "enter")
        assert app.wizard.draft.get("data.0.columns") == {"prompt": "prompt", "completion": "completion", "system": ""}
        assert "system a log line" not in shown_words(app)


async def test_another_format_takes_along_what_is_known(open_wizard: Opener, model: Path, odd: Path) -> None:
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, odd)
        await press(app, pilot, "down", "f", "down", "a", "home", "left")
        assert "instruction (required) < Frage >" in words_of(app)
        assert "output (required) < Antwort >" in words_of(app)
        assert "assistant Zwei." in words_of(app)
        await press(app, pilot, *["left"] * 6)
        assert "< auto >" in words_of(app)
        assert "The columns are not known" in words_of(app)


async def test_numbers_as_labels_are_given_names(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("text,label\n" + "fine,1\nawful,0\n" * 5)
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, path)
        await press(app, pilot, "end", "up", *"bad", "down", *"goof", "backspace", "d")
        assert "assistant good" in words_of(app)
        await press(app, pilot, "pagedown")
        assert "assistant bad" in words_of(app)
        await press(app, pilot, "enter")
        assert app.wizard.draft.get("data.0.labels") == {"0": "bad", "1": "good"}
        assert app.wizard.draft.data_sources()[0]["labels"] == {"0": "bad", "1": "good"}
        assert "assistant good" in shown_words(app)


async def test_turns_with_names_of_their_own_are_read(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    turns = [{"who": "kunde", "says": "Hallo?"}, {"who": "berater", "says": "Guten Tag."}]
    path.write_text((json.dumps({"gespraech": turns}) + "\n") * 3)
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, path)
        assert "< sharegpt >" in words_of(app)
        assert "what the turns are" not in words_of(app)
        await press(app, pilot, "down", "g")  # the column of turns
        await press(app, pilot, *["down"] * 5, "w", "down", "s", "down", "k", "down", "b")
        assert "user Hallo?" in words_of(app)
        assert "assistant Guten Tag." in words_of(app)
        await press(app, pilot, "enter", "ctrl+n")
        item = app.wizard.draft.data_sources()[0]
        assert item["tags"] == {"role": "who", "content": "says", "user": "kunde", "assistant": "berater"}
        assert item["columns"] == {"conversations": "gespraech"}


async def test_a_row_that_would_be_left_out_says_so(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "a question", "completion": ""}\n{"prompt": "another", "completion": "an answer"}\n')
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, path)
        assert "Left out: no assistant text" in words_of(app)


async def test_ten_thousand_columns_and_hostile_names_are_no_trouble(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wide.jsonl"
    row = {f"column {number}": "x" for number in range(10_000)} | {"\x1b]0;owned\x07[red]\x9b31m": "\x1b[31mred"}
    path.write_text((json.dumps(row) + "\n") * 2)
    async with open_wizard() as (app, pilot):
        await at_columns(app, pilot, path)
        assert "10,001 columns in the file" in words_of(app)
        await press(app, pilot, "tab", "end")
        assert "[red]" in text_of(app)
        assert "\x1b" not in text_of(app)


async def test_a_run_as_a_source_has_no_columns_to_map(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await write(pilot, "run:gone")
        await press(app, pilot, "enter", "f2")
        assert app.wizard.step_name == "data"
        assert not isinstance(app.screen, ColumnsScreen)
