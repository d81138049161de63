"""Everything a person can get wrong is said where it is, with what to do, and keeps one from going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common import paths
from engine.common.errors import ModelError
from engine.config import provenance
from engine.config.provenance import YOU
from engine.messages import language
from engine.messages.catalogue import text
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, make_child, make_model, text_of
from tests.tui.wizard.steering import add_file, enter, press, shown_words, to_data, write

SMALL = (80, 24)
LATIN = '{"instruction": "caf\u00e9", "output": "b"}\n'.encode("latin-1")
BROKEN = '{"instruction": "a", "output": "b"}\n{"instruction": "a", "output": \n'


@pytest.mark.parametrize(
    ("name", "content", "said", "size"),
    [
        ("missing.jsonl", None, ["missing.jsonl"], SMALL),
        ("empty.jsonl", b"", ["empty"], SMALL),
        ("latin.jsonl", LATIN, ["UTF-8", "latin.jsonl"], SMALL),
        ("broken.jsonl", BROKEN.encode(), ["broken.jsonl", "row 2"], SMALL),
        ("odd.jsonl", b'{"foo": "a", "bar": "b"}\n', ["columns", "foo", "bar"], SMALL),
        ("wide.jsonl", BROKEN.encode(), ["wide.jsonl", "row 2"], (120, 40)),
    ],
)
async def test_a_bad_data_file_is_told_beside_it_and_stops_next(
    open_wizard: Opener,
    model: Path,
    tmp_path: Path,
    name: str,
    content: bytes | None,
    said: list[str],
    size: tuple[int, int],
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    async with open_wizard(size=size) as (app, pilot):
        await add_file(app, pilot, tmp_path / name)
        for word in said:
            assert word in shown_words(app), text_of(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"
        assert "Next ]" in text_of(app)


async def test_unknown_columns_can_be_mapped_where_they_are_told(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"foo": "a question", "bar": "an answer"}\n' * 3)
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, path)
        assert "F2: map the columns" in shown_words(app)
        await press(app, pilot, "f2", "down", "right", "down", "right", "right", "enter", "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert app.wizard.draft.get("data.0.columns") == {"prompt": "foo", "completion": "bar"}
        assert app.wizard.draft.source("data.0.columns") == YOU


async def test_a_bad_file_can_be_removed_and_another_added(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        (tmp_path / "broken.jsonl").write_text(BROKEN)
        await write(pilot, str(tmp_path / "broken.jsonl"))
        await press(app, pilot, "enter", "tab", "delete")
        assert app.wizard.step.draft.data_sources() == []
        await write(pilot, str(rows))
        await press(app, pilot, "enter", "ctrl+n")
        assert app.wizard.step_name == "settings"


@pytest.mark.parametrize(
    ("typed", "near"),
    [("order.jsonl", "orders.jsonl"), ("orders.jsnl", "orders.jsonl"), ("ordrs.jsonl#x", ""), ("far/away.csv", "")],
)
async def test_a_name_that_leads_nowhere_is_refused_beside_the_field_with_the_nearest_one(
    open_wizard: Opener, model: Path, rows: Path, typed: str, near: str
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows.parent / typed)
        form = app.wizard.step._form("path")
        assert form.text == str(rows.parent / typed)
        assert (f"Did you mean {rows.parent / near}?" in form.error) if near else form.error
        assert app.wizard.draft.data_sources() == []
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"
        form.text = ""
        await write(pilot, str(rows))
        await press(app, pilot, "enter", "ctrl+n")
        assert app.wizard.step_name == "settings", "what the message names is taken"


async def test_the_home_of_nobody_is_a_name_that_leads_nowhere(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await write(pilot, "~nobody-i/x")
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "data"
        assert "can't be used" in app.wizard.step._form("path").error


async def test_a_path_typed_while_the_list_has_the_focus_is_not_lost(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "odd.csv").write_text("id,Frage,Antwort\n7,Was?,Das.\n")
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, tmp_path / "odd.csv")
        assert app.focused is not None
        assert app.focused.id == "data-list"
        await write(pilot, "orders.jsonl")
        await press(app, pilot, "enter")
        assert [Path(item["path"]).name for item in app.wizard.draft.data_sources()] == ["odd.csv", "orders.jsonl"]
        app.wizard.step.query_one("#data-list").focus()
        await write(pilot, str(tmp_path / "nowhere.jsonl"))
        assert app.wizard.step._form("path").text == str(tmp_path / "nowhere.jsonl")


async def test_no_file_at_all_is_told_beside_the_field(open_wizard: Opener, model: Path) -> None:
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await press(app, pilot, "ctrl+n")
        assert "Name at least one file" in text_of(app)
        assert "> Add a file" in text_of(app)


async def test_control_codes_in_rows_are_shown_harmless(open_wizard: Opener, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "evil.jsonl"
    path.write_text(json.dumps({"prompt": "\x1b[31mred[/b] [bold]x", "completion": "\x07bell"}) + "\n")
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, path)
        assert "red[/b] [bold]x" in text_of(app)
        assert "\x1b" not in text_of(app)
        assert "\x07" not in text_of(app)


@pytest.mark.parametrize(("typed", "said"), [("0", "greater than 0"), ("-1", "greater than 0"), ("x", "number")])
async def test_a_value_out_of_range_is_told_beside_its_field(
    open_wizard: Opener, model: Path, rows: Path, typed: str, said: str
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "f2", "end", "backspace")
        await write(pilot, typed)
        await press(app, pilot, "tab")
        assert said in text_of(app)  # told when the field is left
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert "> epochs" in text_of(app)  # and focused when one wants to go on


async def test_a_field_that_was_emptied_is_at_its_default_again_and_shows_it(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "f2", "end", "backspace")
        await write(pilot, "7")
        await press(app, pilot, "tab", "shift+tab", "end", "backspace", "tab")
        assert app.wizard.draft.get("train.num_train_epochs") == 2
        assert app.wizard.draft.source("train.num_train_epochs") == provenance.preset("first-steps")
        assert "> learning rate" in text_of(app)
        (line,) = [line for line in text_of(app).splitlines() if "epochs  " in line]
        assert line.split("epochs")[1].split()[0] == "2"
        await press(app, pilot, "end", *["backspace"] * 6, "ctrl+n")
        assert app.wizard.step_name == "review"
        assert app.wizard.draft.get("train.learning_rate") == 2e-4


async def test_a_wrong_value_out_of_sight_is_brought_into_sight(open_wizard: Opener, model: Path, rows: Path) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "f2", "end", "backspace")
        await write(pilot, "0")
        await press(app, pilot, "f2", "f2")  # all fields, then the preset alone
        assert "epochs  " not in text_of(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "settings"
        assert "> num_train_epochs" in text_of(app)


@pytest.mark.parametrize(
    ("missing", "said"),
    [("config.json", "config.json"), ("model.safetensors", "weights"), ("", "Model folder not found")],
)
async def test_a_model_folder_without_config_or_weights_is_refused_in_place(
    open_wizard: Opener, home: Path, tmp_path: Path, missing: str, said: str
) -> None:
    folder = tmp_path / "elsewhere" / "half"
    if missing:
        make_model(folder)
        (folder / missing).unlink()
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "tab")
        await write(pilot, str(folder))
        await press(app, pilot, "enter")
        assert said in shown_words(app)
        await press(app, pilot, "ctrl+n")
        assert app.wizard.step_name == "model"


@pytest.mark.parametrize("spoken", ["en", "zh"])
async def test_pickled_weights_need_a_person_to_allow_them(
    open_wizard: Opener, home: Path, tmp_path: Path, spoken: str
) -> None:
    language.use(spoken)
    folder = make_model(tmp_path / "elsewhere" / "pickled", weights="pytorch_model.bin")
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "tab")
        await write(pilot, str(folder))
        await press(app, pilot, "enter")
        assert "pickle" in shown_words(app).lower()
        assert f"> {text('wizard-model.allow-pickle')}" in text_of(app)
        await press(app, pilot, "left", "ctrl+n")
        assert app.wizard.step_name == "data"
        assert app.wizard.draft.get("model.allow_pickle") is True


async def test_a_hub_that_cannot_be_reached_is_told_in_place(
    open_wizard: Opener, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(name: str, *_: object) -> None:
        raise ModelError("models.unreachable", model=name, reason="no route")

    monkeypatch.setattr("engine.models.hub.download", unreachable)
    async with open_wizard() as (app, pilot):
        await press(app, pilot, "enter", "tab")
        await write(pilot, "someone/some-model")
        await press(app, pilot, "enter")
        assert "The hub can't be reached" in shown_words(app)
        assert "Check the network" in shown_words(app)
        assert app.wizard.step_name == "model"


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "title": "No supervised token", "message": "in any row", "hint": "Check the answers."},
        {"type": "error", "title": "Every row is too long", "message": "longer than 16", "hint": "Raise max_length."},
    ],
)
async def test_rows_that_cannot_be_trained_on_block_the_start(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, error: dict[str, str]
) -> None:
    async with open_wizard(inspect_command=make_child(tmp_path, error)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        assert error["title"] in text_of(app)
        assert error["hint"] in text_of(app)
        await press(app, pilot, "enter")
        assert app.started == []
        assert "Not started" in text_of(app)


async def test_a_check_that_breaks_down_says_so_and_does_not_block(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    async with open_wizard(inspect_command=make_child(tmp_path)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        assert "ended without a result" in text_of(app)
        await press(app, pilot, "enter")
        assert len(app.started) == 1


async def test_a_check_can_be_stopped_and_started_again(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    child = make_child(tmp_path, GOOD, waits_for=tmp_path / "never")
    async with open_wizard(inspect_command=child) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n")
        await pilot.press("enter")
        while "reading: 1 of 4" not in text_of(app):
            await pilot.pause(0.02)
        await pilot.press("enter")
        await pilot.pause()
        assert text("review.waits") in shown_words(app)
        await press(app, pilot, "ctrl+x")
        assert "Check cancelled" in text_of(app)
        assert text("review.waits") not in shown_words(app)
        (tmp_path / "never").touch()
        await press(app, pilot, "f5", "escape")
        assert "36 to train on" in text_of(app)


async def test_a_disk_too_small_for_checkpoints_blocks_the_start(
    open_wizard: Opener, model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.memory.disk.free_bytes", lambda place: 1000)
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter", "enter")
        assert "disk is too small" in shown_words(app)
        assert app.started == []


async def test_a_draft_that_cannot_be_saved_is_told_once_and_is_no_obstacle(
    open_wizard: Opener, model: Path, tmp_path: Path
) -> None:
    paths.draft_file().mkdir(parents=True)  # something of that name that is no file
    async with open_wizard() as (app, pilot):
        await enter(app, pilot, 2)
        assert app.wizard.step_name == "data"
        assert "draft not saved" in text_of(app)
