"""The doctor in the wizard: findings with their rows, remedies by one key, facts, and what is refused."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from engine.config.provenance import DEFAULT, YOU
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, WizardApp, make_child, text_of, words_of
from tests.tui.wizard.quality.making import LENGTHS, finding, found, literal, remedy
from tests.tui.wizard.steering import LOOKS, add_file, press, settle, shown_words
from tui.terminal import Terminal
from tui.wizard.quality.screen import DoctorScreen
from tui.wizard.xray.screen import XrayScreen


def changing_child(folder: Path, *answers: dict[str, Any]) -> tuple[str, ...]:
    """A child that says the next of ``answers`` each time it is asked, and the last one from then on."""
    (folder / "answers.json").write_text(json.dumps([json.dumps(answer) for answer in answers]))
    script = folder / "changing.py"
    script.write_text(
        "import json, os, sys\n"
        f"here = {str(folder)!r}\n"
        "answers = json.load(open(here + '/answers.json'))\n"
        "asked = len([name for name in os.listdir(here) if name.startswith('asked-')])\n"
        "open(f'{here}/asked-{asked}', 'w').write(open(sys.argv[1]).read())\n"
        "print(answers[min(asked, len(answers) - 1)], flush=True)\n"
    )
    return (sys.executable, "-S", str(script))


def asked(folder: Path, number: int) -> dict[str, Any]:
    """The config that the child was asked about that time."""
    return tomllib.loads((folder / f"asked-{number}").read_text())


def words_in(app: WizardApp, selector: str) -> str:
    """What stands in a widget's place on the screen, as one line."""
    region = app.screen.query_one(selector).region
    lines = [line[region.x : region.right] for line in text_of(app).splitlines()[region.y : region.bottom]]
    return " ".join(" ".join(lines).split())


@pytest.fixture
def typical(rows: Path) -> dict[str, Any]:
    return found(
        rows,
        finding("empty_answers", "warning", "empty answers", text_share=0.25, tokens=315,
                remedies=[remedy("leave those rows out", 12, 0, "drop_empty_answers")]),
        finding("html", "note", "HTML in prose", 4, detail="<b> most of all",
                remedies=[remedy("turn &amp; into characters", 4, 1, "unescape_html"),
                          remedy("raise it", 4, 2, settings={"dataset.max_length": 512})]),
        lengths=LENGTHS,
    )  # fmt: skip


@LOOKS
async def test_findings_are_told_with_severity_counts_shares_rows_and_remedies(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any],
    size: tuple[int, int], terminal: Terminal,
) -> None:  # fmt: skip
    command = make_child(tmp_path, typical)
    async with open_wizard(inspect_command=command, size=size, terminal=terminal) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        assert isinstance(app.screen, DoctorScreen)
        lines, words = text_of(app).splitlines(), words_of(app)
        assert "40 rows: 1 warning, 1 note" in words
        listed = next(line for line in lines if "warning empty answers" in line)
        assert listed.strip("│| ").split()[:2] == [">", "!"]
        assert [part for part in ("12", "30%", "25%") if part in listed] == ["12", "30%", "25%"]
        told = "12 of 40 rows in orders (30%), about 315 tokens (25% of the text). Why empty answers matter."
        assert told in words_in(app, "#finding")
        assert "Press 1: leave those rows out (tried: 12 -> 0)" in words_in(app, "#finding")
        assert "row 3 orders.jsonl" in words
        assert "words 3" in words
        assert "Your files are never changed" in words
        assert max(len(line.rstrip()) for line in lines) <= size[0]
        assert len(lines) == size[1]
        if not terminal.unicode:
            assert text_of(app).isascii()
        await press(app, pilot, "down")
        assert "<b> most of all" in words_in(app, "#finding")
        assert "Press 2: raise it (tried: 4 -> 2)" in words_in(app, "#finding")


async def test_a_wide_terminal_shows_a_finding_beside_the_list(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    async with open_wizard(inspect_command=make_child(tmp_path, typical), size=(120, 40)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        detail, listed = app.screen.query_one("#finding", Static).region, app.screen.query_one("#findings").region
        assert detail.x > listed.right - 1
        assert detail.y <= listed.y


async def test_a_remedy_is_kept_in_the_run_and_the_new_counts_are_shown(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    command = changing_child(tmp_path, typical, GOOD, typical)
    before = rows.read_bytes()
    async with open_wizard(inspect_command=command) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "1")
        assert app.wizard.draft.get("dataset.fixes") == ["drop_empty_answers"]
        assert app.wizard.draft.source("dataset.fixes") == YOU
        assert asked(tmp_path, 1)["dataset"]["fixes"] == ["drop_empty_answers"]
        assert "40 rows: no faults found" in words_of(app)
        assert "Applied: leave rows out: empty answers. u undoes the last one." in words_of(app)
        assert "empty answers 12" not in words_of(app)
        await press(app, pilot, "escape", "ctrl+n", "enter", "enter")
        (run,) = app.started
        assert tomllib.loads(run.config.read_text())["dataset"]["fixes"] == ["drop_empty_answers"]
        assert 'fixes = ["drop_empty_answers"] # you' in run.config.read_text()
    assert rows.read_bytes() == before


async def test_a_remedy_can_be_taken_back(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    async with open_wizard(inspect_command=changing_child(tmp_path, typical)) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "1", "down", "1", "u")
        assert app.wizard.draft.get("dataset.fixes") == ["drop_empty_answers"]
        await press(app, pilot, "u")
        assert not app.wizard.draft.get("dataset.fixes")
        assert app.wizard.draft.source("dataset.fixes") == DEFAULT
        assert "Applied" not in words_of(app)
        assert asked(tmp_path, 2)["dataset"]["fixes"] == ["drop_empty_answers", "unescape_html"]
        assert asked(tmp_path, 4)["dataset"]["fixes"] == []


async def test_a_remedy_may_set_a_field(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    async with open_wizard(inspect_command=changing_child(tmp_path, typical)) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "down", "2")
        assert app.wizard.draft.get("dataset.max_length") == 512
        assert app.wizard.draft.source("dataset.max_length") == YOU
        await press(app, pilot, "u")
        assert app.wizard.draft.get("dataset.max_length") == 1024


async def test_the_rows_of_a_finding_open_in_the_xray(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    folder = tmp_path / "xray"
    folder.mkdir()
    xray = make_child(folder, {"type": "error", "title": "no", "message": "", "hint": ""})
    async with open_wizard(inspect_command=make_child(tmp_path, typical), xray_command=xray) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "tab", "down")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, XrayScreen)
        assert app.screen._first == (str(rows), 7)
        await pilot.press("escape")
        await pilot.pause()
        await pilot.press("shift+tab", "enter")
        await pilot.pause()
        assert isinstance(app.screen, XrayScreen)
        assert app.screen._first == (str(rows), 7)


async def test_it_begins_at_once_says_how_far_it_is_and_can_be_stopped(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    async with open_wizard(inspect_command=make_child(tmp_path, GOOD, waits_for=go)) as (app, pilot):
        await add_file(app, pilot, rows)
        await pilot.press("f5")
        while "reading: 1 of 4" not in words_of(app):
            await pilot.pause(0.02)
        await press(app, pilot, "ctrl+x")
        assert "Check cancelled" in words_of(app)
        go.touch()
        await press(app, pilot, "e")
        assert "no faults found" in words_of(app)


async def test_leaving_it_lets_the_pass_go_on_in_the_step(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    async with open_wizard(inspect_command=make_child(tmp_path, GOOD, waits_for=go)) as (app, pilot):
        await add_file(app, pilot, rows)
        await pilot.press("f5")
        while "reading: 1 of 4" not in words_of(app):
            await pilot.pause(0.02)
        await pilot.press("escape")
        await pilot.pause()
        assert "Checking the rows" in shown_words(app)
        go.touch()
        await settle(app, pilot)
        assert "40 rows: no faults found" in shown_words(app)


async def test_the_same_rows_are_not_examined_twice(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    async with open_wizard(inspect_command=changing_child(tmp_path, typical)) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "escape")
        assert "40 rows: 1 warning, 1 note; F5 shows them" in shown_words(app)
        await press(app, pilot, "f5")
        assert "empty answers" in words_of(app)
        await press(app, pilot, "escape", "ctrl+n", "enter")
        assert app.wizard.step_name == "review"
        assert len(list(tmp_path.glob("asked-*"))) == 1


async def test_a_fatal_finding_keeps_the_data_step_and_says_which_key_shows_it(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    fatal = found(rows, finding("unreadable", "fatal", "rows that can't be read"))
    async with open_wizard(inspect_command=make_child(tmp_path, fatal)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        assert "!! fatal" in words_of(app)
        assert "A run with it is refused." in words_of(app)
        await press(app, pilot, "escape", "ctrl+n")
        assert app.wizard.step_name == "data"
        assert "! rows that can't be read (12 of 40 rows). F5 shows them" in shown_words(app)


async def test_a_fatal_finding_refuses_the_start_with_its_title_and_the_key_that_opens_it(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    fatal = found(rows, finding("unreadable", "fatal", "rows that can't be read"))
    async with open_wizard(inspect_command=make_child(tmp_path, fatal)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter", "enter")
        assert app.started == []
        assert "Not started. rows: rows that can't be read (12 of 40 rows). F5 shows them" in shown_words(app)
        await press(app, pilot, "f5")
        assert isinstance(app.screen, DoctorScreen)


async def test_warnings_stand_on_the_review_in_one_line(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    warned = found(
        rows,
        finding("empty_answers", "warning", "empty answers"),
        finding("emails", "warning", "e-mail addresses", 3),
        finding("html", "note", "HTML in prose"),
    )
    async with open_wizard(inspect_command=make_child(tmp_path, warned)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        assert "! rows: empty answers (12 of 40 rows) and 1 more warning. F5 shows them" in shown_words(app)
        await press(app, pilot, "enter")
        assert len(app.started) == 1


async def test_the_facts_show_lengths_and_one_key_sets_max_length(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    source = {"name": "orders", "format": "classification", "rows": 40, "left_out": 2, "characters": 900,
              "languages": {"de": 0.9, "en": 0.1}, "labels": {"good": 30, "bad": 10}}  # fmt: skip
    split = {"source": "orders", "language": "de", "rows": 36, "characters": 800, "tokens": 400, "unknown": 7}
    answer = found(rows, lengths=LENGTHS, sources=[source], languages=[split], notes=[literal("Only a sample.")])
    async with open_wizard(inspect_command=changing_child(tmp_path, answer), size=(120, 40)) as (app, pilot):
        await add_file(app, pilot, rows, "f5", "f")
        words = words_of(app)
        for said in (
            "100 on average; 40% of the tokens are trained", "2 90% of rows 180", "language de 90%, en 10%",
            "2 labels", "75%", "2 left out", "0.50 7 36", "Only a sample.",
        ):  # fmt: skip
            assert said in words
        await press(app, pilot, "4")
        assert app.wizard.draft.get("dataset.max_length") == 260
        assert app.wizard.draft.source("dataset.max_length") == YOU
        assert "4 99% of rows 260 chosen" in words_of(app)
        await press(app, pilot, "f", "u")
        assert app.wizard.draft.get("dataset.max_length") == 1024


async def test_what_stands_in_the_way_of_the_figures_is_told_above_the_findings(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path, typical: dict[str, Any]
) -> None:
    trouble = {"title": "The shares can't be met", "message": "90% of nothing", "hint": "Lower them."}
    answer = {"type": "result", "report": typical["report"], "trouble": trouble, "not_known": ""}
    async with open_wizard(inspect_command=make_child(tmp_path, answer)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        assert "! The shares can't be met" in words_of(app)
        assert "empty answers" in words_of(app)
        await press(app, pilot, "escape", "ctrl+n", "enter", "enter")
        assert app.started == []
        assert "The shares can't be met" in shown_words(app)


async def test_words_of_the_data_cannot_steer_the_terminal(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    evil = "\x1b]0;owned\x07[red]\x9b31m" + "字" * 90
    places = [{"file": f"/x/{evil}.jsonl", "row": 1, "seen": evil}]
    answer = found(rows, finding("html", "note", "HTML in prose", detail=evil, source=evil, places=places))
    async with open_wizard(inspect_command=make_child(tmp_path, answer)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        assert "\x1b" not in text_of(app)
        assert "\x9b" not in text_of(app)
        assert "[red]" in text_of(app)


async def test_one_key_applies_all_safe_remedies_and_each_can_be_taken_back(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    faulty = found(
        rows,
        finding("empty_answers", "warning", "empty answers", remedies=[remedy("out", 12, 0, "drop_empty_answers")]),
        finding("mojibake", "warning", "mojibake",
                remedies=[remedy("mend", 3, 0, "fix_mojibake"), remedy("out", 3, 0, "drop_mojibake")]),
        finding("emails", "warning", "e-mails", remedies=[remedy("out", 3, 0, "drop_emails")]),
        lengths=LENGTHS,
    )  # fmt: skip
    async with open_wizard(inspect_command=changing_child(tmp_path, faulty, GOOD, GOOD)) as (app, pilot):
        await add_file(app, pilot, rows, "f5")
        assert "m Mend all" in words_of(app)
        await press(app, pilot, "m")
        assert app.wizard.draft.get("dataset.fixes") == ["drop_empty_answers", "fix_mojibake"]
        await press(app, pilot, "u")
        assert app.wizard.draft.get("dataset.fixes") == ["drop_empty_answers"]
