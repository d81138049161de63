"""The mix board by keyboard, from the data step and back to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine.config.provenance import YOU
from tests.tui.looking import said
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, WizardApp, make_child, make_rows, text_of
from tests.tui.wizard.steering import LOOKS, add_file, press, settle, shown_words, write
from tui.draft.draft import Draft
from tui.draft.mix_sources import inspection_of
from tui.terminal import Terminal
from tui.wizard.mix.screen import MixScreen


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    """Rows of the same length as the orders, half as many."""
    return make_rows(tmp_path / "chat.jsonl", 20)


def figures(name: str, rows: int, dropped: int = 0) -> dict[str, Any]:
    return {
        "name": name, "rows": rows, "held_out": 2, "examples": rows - dropped, "tokens_mean": 50.0,
        "trained_mean": 10.0, "too_long": dropped, "refused": 0, "not_trained": 0,
    }  # fmt: skip


def drafted(*paths: Path) -> Draft:
    """A draft that opens at the data step with these sources."""
    values = {f"data.{index}.path": str(path) for index, path in enumerate(paths)}
    draft = Draft({"model.name_or_path": "tiny", **values}, dict.fromkeys(values, YOU))
    draft.step = "data"
    return draft


async def strike(app: WizardApp, pilot: Pilot[None], *keys: str) -> None:
    """All keys at once, then wait for what they led to."""
    await pilot.press(*keys)
    await settle(app, pilot)


def line_of(app: WizardApp, name: str) -> str:
    return next(line for line in text_of(app).splitlines() if f" {name}" in line)


async def test_a_second_source_brings_the_mix_on_a_line_and_the_board_behind_it(
    open_wizard: Opener, model: Path, rows: Path, chat: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows)
        assert "mix:" not in shown_words(app)
        await write(pilot, str(chat))
        await press(app, pilot, "enter")
        assert "mix: orders 67%, chat 33% of tokens; F8" in shown_words(app)
        await press(app, pilot, "f8")
        assert isinstance(app.screen, MixScreen)
        text = text_of(app)
        for words in ("share of tokens", "orders", "all once", "67.1%", "1 all as they are", "estimated from bytes"):
            assert words in text, words


async def test_the_slider_moves_the_share_and_enter_keeps_it(
    open_wizard: Opener, model: Path, rows: Path, chat: Path
) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await strike(app, pilot, "f8", "down", "right")
        assert "34%" in line_of(app, "chat")
        assert "66%" in line_of(app, "orders")
        await strike(app, pilot, "pageup", "left")
        assert "43%" in line_of(app, "chat")
        await strike(app, pilot, "enter")
        assert app.wizard.draft.get("data.1.share") == 0.43
        assert app.wizard.draft.source("data.1.share") == YOU
        assert "mix: orders 57%, chat 43% of tokens; F8" in shown_words(app)
        await strike(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert app.wizard.draft.get("data.1.share") == 0.43


async def test_escape_leaves_the_mix_as_it_was(open_wizard: Opener, model: Path, rows: Path, chat: Path) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        before = dict(app.wizard.draft.values)
        await strike(app, pilot, "f8", "pageup", "r", "t", "escape")
        assert app.wizard.draft.values == before
        assert app.wizard.step_name == "data"


async def test_a_share_and_a_weight_are_typed(open_wizard: Opener, model: Path, rows: Path, chat: Path) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await strike(app, pilot, "f8", "equals_sign")
        assert "Share in percent" in text_of(app)
        await strike(app, pilot, "1", "2", ".", "5", "enter")
        assert "12.5%" in line_of(app, "orders")
        await strike(app, pilot, "equals_sign", *"12,500", "enter")
        assert "12,500 can mean 12500 or 12.500" in text_of(app)
        await strike(app, pilot, "escape", "equals_sign", *"12,5", "enter")
        assert "12.5%" in line_of(app, "orders")
        await strike(app, pilot, "w", "2", "enter")
        assert "counts 2 times in the loss" in " ".join(text_of(app).split())
        await strike(app, pilot, "equals_sign", "x", "enter")
        assert "Enter a number above 0, at most 100" in text_of(app)
        await strike(app, pilot, "escape", "enter")
        draft = app.wizard.draft
        assert (draft.get("data.0.share"), draft.get("data.0.weight")) == (0.125, 2.0)


async def test_minus_takes_all_of_a_source_once_and_u_takes_changes_back(
    open_wizard: Opener, model: Path, rows: Path, chat: Path
) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await strike(app, pilot, "f8", "2")
        assert "50%" in line_of(app, "orders")
        assert "all once" not in text_of(app)
        await strike(app, pilot, "minus")
        assert "all once" in line_of(app, "orders")
        await strike(app, pilot, "u")
        assert "all once" not in text_of(app)
        await strike(app, pilot, "u")
        assert "67.1%" in line_of(app, "orders")


async def test_presets_are_a_key_each(open_wizard: Opener, model: Path, rows: Path, chat: Path) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await strike(app, pilot, "f8", "3")
        assert "No source is replay: press r to change the role" in text_of(app)
        await strike(app, pilot, "down", "r", "3")
        assert "replay" in line_of(app, "chat")
        assert "10" in line_of(app, "chat")
        await strike(app, pilot, "r", "4")
        assert "general" in line_of(app, "chat")
        assert "58" in line_of(app, "orders"), "the square roots of two to one"
        await strike(app, pilot, "4")
        assert "temperature 3" in text_of(app)
        await strike(app, pilot, "1", "enter")
        assert app.wizard.draft.get("data.1.role") == "general"
        assert app.wizard.draft.get("data.1.share") is None


async def test_shares_can_count_rows(open_wizard: Opener, model: Path, rows: Path, chat: Path) -> None:
    async with open_wizard(drafted(rows, chat)) as (app, pilot):
        await strike(app, pilot, "f8", "t", "enter")
        assert app.wizard.draft.get("dataset.mix") == "rows"
        assert "of rows; F8" in shown_words(app)


async def test_examined_rows_give_exact_figures_and_any_mix_of_them_needs_no_new_examination(
    open_wizard: Opener, model: Path, rows: Path, chat: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "child"
    folder.mkdir()
    sources = [figures("orders", 38), figures("chat", 60, dropped=57)]
    command = make_child(folder, GOOD | {"sources": sources})
    async with open_wizard(drafted(rows, chat), inspect_command=command) as (app, pilot):
        await strike(app, pilot, "f5", "escape", "f8", "2")
        text = " ".join(text_of(app).split())
        assert "estimated" not in text
        assert "! chat: 95% of its rows are dropped." in text
        assert "! chat is repeated 6.7 times in the run. " in text
        assert "Lower its share, or press c to cap it." in text
        await strike(app, pilot, "c")
        text = " ".join(text_of(app).split())
        assert "At most 4 passes over any source." in text
        assert "! chat gets" in text
        await strike(app, pilot, "u")
        assert " 57" in line_of(app, "chat")
        await strike(app, pilot, "enter")
        seen = inspection_of(app.wizard.draft, app.wizard.facts)
        assert seen is not None
        assert seen.tokens_total == seen.train_rows * 50
        assert seen.train_rows == 40
        assert (folder / "asked").read_text().count("[model]") == 1


@LOOKS
async def test_nothing_is_cut_off(
    open_wizard: Opener, model: Path, rows: Path, chat: Path, tmp_path: Path, size: tuple[int, int], terminal: Terminal
) -> None:
    third = make_rows(tmp_path / "a-third-source-with-a-long-name.jsonl", 30)
    async with open_wizard(drafted(rows, chat, third), size=size, terminal=terminal) as (app, pilot):
        await strike(app, pilot, "f8", "down", "r", "equals_sign", "6", "0", "enter", "w", "3", "enter")
        text = text_of(app)
        assert all(len(line) <= size[0] for line in text.splitlines())
        for words in (
            f"Enter {said('keys.mix-keep')}",
            f"Esc {said('keys.cancel-leave')}",
            "4 temperature 2",
            "the run",
            "[AAA",
            "slows down learning the new data",
        ):
            assert words in " ".join(text.split()), words
        if not terminal.unicode:
            assert text.isascii()
        for line in app.screen.query("#mix-words Static"):
            inside = app.screen.query_one("#mix-words").region
            assert line.region.bottom <= inside.bottom, line.id


async def test_many_sources_scroll(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    paths = [make_rows(tmp_path / f"part-{number}.jsonl", 10) for number in range(9)]
    async with open_wizard(drafted(*paths)) as (app, pilot):
        await strike(app, pilot, "f8")
        assert "1 to 6 of 9 sources" in text_of(app)
        await strike(app, pilot, *["down"] * 8)
        assert "> I part-8" in text_of(app)
        assert f"Enter {said('keys.mix-keep')}" in text_of(app)


async def test_a_name_from_a_file_steers_nothing(open_wizard: Opener, model: Path, rows: Path, tmp_path: Path) -> None:
    bad = tmp_path / "x\x1b(0red.jsonl"
    bad.write_text(json.dumps({"prompt": "a", "completion": "b"}) + "\n")
    async with open_wizard(drafted(rows, bad)) as (app, pilot):
        await strike(app, pilot, "f8")
        assert "\x1b" not in text_of(app)
        assert "xred" in text_of(app)
