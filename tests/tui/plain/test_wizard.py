"""The same questions as on the screen, one line each: the answers make the same config."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.common import paths
from engine.config import toml
from engine.config.presets import Resolved
from engine.messages import language
from engine.models.adapter.match import Candidate
from engine.runs.directory import RunDir
from tests.tui.machines import no_gpu
from tests.tui.plain.conftest import Talk
from tests.tui.wizard.conftest import open_wizard  # noqa: F401
from tests.tui.wizard.making import make_model
from tests.tui.wizard.steering import enter, write
from tui.draft import draft as drafts

ENTER = ""
TO_DATA = ("n", ENTER, ENTER, ENTER)
"""A new run, then task, model and its kind with what stands there."""


def to_review(rows: Path) -> tuple[str, ...]:
    """Enter at every question; only the file is named."""
    return (*TO_DATA, str(rows), ENTER, ENTER, ENTER, ENTER, ENTER)


def test_enter_takes_what_stands_there_up_to_the_review(talk: Talk, model: Path, rows: Path) -> None:
    said = talk(*to_review(rows))
    questions = ("What should the model learn?", "Which model", "Which data", "How should it train?", "what you want?")
    places = [said.index(question) for question in questions]
    assert places == sorted(places)
    assert "40 rows: 36 to train on, 4 held out" in said
    assert f"data.0.path = {rows}  (you)" in said
    kept = drafts.load()
    assert kept is not None
    assert kept.step == "review"


def test_the_same_answers_make_the_same_config_as_on_the_screen(
    talk: Talk, started: list[RunDir], model: Path, rows: Path
) -> None:
    """What the wizard makes of them is told below; here the plain run holds nothing but what these answers say."""
    talk(*to_review(rows), "s")
    (run,) = started
    found = toml.load(run.config)
    assert found.config.model.name_or_path == str(model)
    assert found.config.data[0].path == str(rows)
    assert drafts.load() is None, "its run was started"


async def test_both_renderers_fill_the_draft_alike(
    talk: Talk,
    model: Path,
    rows: Path,
    open_wizard: Callable[..., Any],  # noqa: F811
) -> None:
    async with open_wizard() as (app, pilot):
        while app.wizard.step_name != "data":
            await enter(app, pilot, 1)
        await write(pilot, str(rows))
        await enter(app, pilot, 1)
        while app.wizard.step_name != "review":
            await enter(app, pilot, 1)
        on_screen = app.wizard.draft
    drafts.discard()
    await asyncio.to_thread(talk, *to_review(rows))
    as_lines = drafts.load()
    assert as_lines is not None
    assert as_lines.resolve().config == on_screen.resolve().config
    assert as_lines.resolve().sources == on_screen.resolve().sources
    assert (as_lines.task, as_lines.preset, as_lines.seeds) == (on_screen.task, on_screen.preset, on_screen.seeds)


def test_a_wrong_answer_is_told_what_is_allowed_and_asked_again(talk: Talk, model: Path, rows: Path) -> None:
    said = talk(
        "n", "7", "text", ENTER, ENTER, "/nowhere.jsonl", str(rows), ENTER, "two", "0.1", ENTER, ENTER, "0", "2"
    )
    assert "Not understood. Type a number from 1 to 2, Enter alone, b, ? or q." in said
    assert "/nowhere.jsonl" in said
    assert "a number from 1 to 100" in said
    kept = drafts.load()
    assert kept is not None
    assert (kept.task, kept.get("dataset.eval_share"), kept.seeds) == ("text", 0.1, 2)


def test_b_asks_the_question_before_again(talk: Talk, model: Path) -> None:
    said = talk("n", ENTER, ENTER, "b", "b", "b", "q")
    order = [said.find(words) for words in ("What should", "Which model", "Base or chat")]
    assert order == sorted(order)
    assert (said.count("What should the model learn?"), said.count("Which model")) == (2, 2)


def test_how_many_adapters_there_are_is_a_sentence_of_its_own(talk: Talk, model: Path) -> None:
    there = [Candidate("/runs/a/adapter", "orders", None, "ok"), Candidate("/runs/b/adapter", "poems", None, "refused")]
    said = talk(*TO_DATA, "b", adapters=lambda card, named, root: there, has_adapters=lambda root: True)
    assert "2 adapters from earlier runs, 1 for this model. Type a number" in said


def test_back_leads_to_the_step_that_was_skipped(talk: Talk, model: Path) -> None:
    said = talk(*TO_DATA, "b", ENTER)
    assert said.index("Strategy: a new adapter") < said.index("Step 4 of 6") < said.index("Step 3 of 6: Strategy")


@pytest.mark.parametrize("leaves", [("q",), ()], ids=["q", "end of the input"])
def test_who_leaves_finds_the_answers_again(talk: Talk, model: Path, rows: Path, leaves: tuple[str, ...]) -> None:
    assert "Your answers are kept in" in talk(*TO_DATA, str(rows), *leaves)
    again = talk("n", ENTER)
    assert "Continue the draft" in again
    assert "orders.jsonl  alpaca, 40 rows" in again


def test_a_question_mark_explains(talk: Talk, model: Path) -> None:
    said = talk("n", "?")
    assert "Usual mistake: Training on documents" in " ".join(said.split())
    assert said.count("What should the model learn?") == 2


def test_the_demo_starts_by_enter_and_one_letter(talk: Talk, home: Path, started: list[RunDir]) -> None:
    make_model(paths.models_dir() / "smollm2-135m")
    talk("d", *[ENTER] * 8, "s")
    (run,) = started
    assert "# preset demo" in run.config.read_text()


def test_what_does_not_fit_is_asked_before_it_starts(
    talk: Talk, started: list[RunDir], model: Path, rows: Path
) -> None:
    said = talk(*to_review(rows), "s", ENTER, machine=no_gpu(free_gib=0.1))
    assert "Start a run that does not fit?" in said
    assert "Not started. F7" in said
    assert started == []


def test_enter_at_the_review_starts_nothing(talk: Talk, started: list[RunDir], model: Path, rows: Path) -> None:
    said = talk(*to_review(rows), ENTER, ENTER)
    assert "Not understood." in said
    assert started == []


def test_f2_asks_for_more_fields_and_any_by_its_name(talk: Talk, model: Path, rows: Path) -> None:
    said = talk(*TO_DATA, str(rows), ENTER, ENTER, "f2", "f2", "train.learning_rate", "much", "3e-4", "no.field")
    assert "Range" not in said
    kept = drafts.load()
    assert kept is not None
    assert kept.get("train.learning_rate") == 3e-4
    assert "There is no field no.field." in said


def test_a_file_nobody_knows_the_columns_of_is_mapped(talk: Talk, model: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_text("".join(["ask,say\n", *(f"what is {n}?,it is {n}\n" for n in range(30))]))
    said = talk(*TO_DATA, str(odd), "prompt_completion", "ask", "b", "ask", "say", "ok")
    assert "Column for prompt" in said
    kept = drafts.load()
    assert kept is not None
    assert kept.get("data.0.columns") == {"prompt": "ask", "completion": "say"}


def test_it_speaks_chinese(talk: Talk, model: Path, rows: Path) -> None:
    language.use("zh")
    said = talk(*to_review(rows))
    assert "想让模型学会什么？" in said
    assert "第 4 步，共 6 步：数据" in said


def test_english_is_all_ascii(talk: Talk, model: Path, rows: Path) -> None:
    assert talk(*to_review(rows), "v").isascii()


def test_a_prefilled_config_is_asked_from_its_first_step(talk: Talk, model: Path, rows: Path) -> None:
    prefill: Resolved = drafts.Draft(
        {"model.name_or_path": str(model), "data.0.path": str(rows)}, {}, "instructions", "first-steps"
    ).resolve()
    said = talk(ENTER, "q", "q", route="demo", prefill=prefill)
    assert "Step 1 of 6: Task" in said
    assert said.count("No runs yet.") == 1
