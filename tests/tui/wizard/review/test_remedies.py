"""Warnings on the review, and the remedies that one key applies."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.memory.budget import Budget
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, make_child, text_of
from tests.tui.wizard.steering import press, to_data, write
from tui.draft.draft import Draft
from tui.draft.inspection import Inspection
from tui.wizard.review.remedies import warnings


def draft_with(**values: Any) -> Draft:
    draft = Draft({"model.name_or_path": "m", "data.0.path": "/rows.jsonl"})
    for name, value in values.items():
        draft.set(name.replace("__", "."), value)
    return draft


@pytest.mark.parametrize(
    ("dotted", "bad"),
    [
        ("train.learning_rate", 0.01),
        ("adapter.lora_alpha", 400.0),
        ("dataset.eval_share", 0.0),
        ("train.micro_batch_tokens", 64),
        ("launch.gpus", "0,0"),
        ("model.trust_remote_code", True),
    ],
)
def test_a_remedy_removes_its_own_warning(dotted: str, bad: Any) -> None:
    draft = draft_with(**{dotted.replace(".", "__"): bad})
    (warning,) = [found for found in warnings(draft) if found.issue.field == dotted]
    assert warning.fix is not None
    warning.fix.apply(draft)
    assert [found for found in warnings(draft) if found.issue.field == dotted] == []


def test_rows_beyond_the_models_positions_have_a_remedy_that_no_other_takes_back() -> None:
    card: Any = SimpleNamespace(name="m", position_limit=1021, max_position_embeddings=1021)
    inspection = Inspection(rows=40, train_rows=30, eval_rows=5, tokens_max=1500, too_long=9)
    draft = draft_with(dataset__max_length=2048)
    (warning,) = [found for found in warnings(draft, card=card) if found.issue.level == "error"]
    assert warning.issue.field == "dataset.max_length"
    assert warning.fix is not None
    warning.fix.apply(draft)
    assert draft.get("dataset.max_length") == 1016
    (rest,) = [found for found in warnings(draft, inspection, card=card) if found.issue.field == "dataset.max_length"]
    assert (rest.issue.level, rest.fix) == ("warning", None)
    assert warnings(draft_with(dataset__max_length=2048)) == []


def test_errors_come_before_warnings() -> None:
    draft = draft_with(train__learning_rate=0.01, launch__nodes=2)
    assert [warning.issue.level for warning in warnings(draft)][:2] == ["error", "warning"]


def test_gpus_that_the_installed_torch_leaves_unused_are_told_until_the_cpu_is_chosen() -> None:
    def fit(unused: str) -> Any:
        budget = Budget("cpu", "RAM", 8.0, 8.0, unused=unused)
        return SimpleNamespace(verdict=SimpleNamespace(level="fits"), budget=budget)

    (warning,) = [found for found in warnings(draft_with(), fit=fit("Not used.")) if found.issue.field == "launch.gpus"]
    assert warning.issue.message == "Not used."
    assert warning.fix is not None
    assert warning.fix.value == "cpu"
    assert [found for found in warnings(draft_with(), fit=fit("")) if found.issue.field == "launch.gpus"] == []


def test_long_rows_offer_a_length_that_holds_them() -> None:
    inspection = Inspection(rows=100, train_rows=40, eval_rows=5, tokens_max=700, too_long=55)
    draft = draft_with(dataset__max_length=512)
    (warning,) = [found for found in warnings(draft, inspection) if found.issue.field == "dataset.max_length"]
    assert "55 rows (58%)" in warning.issue.message
    assert warning.fix is not None
    assert warning.fix.value == 1024


async def test_one_key_on_the_review_applies_the_remedy(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    long = GOOD | {"too_long": 9, "tokens_max": 1500}
    async with open_wizard(inspect_command=make_child(tmp_path, long)) as (app, pilot):
        await to_data(app, pilot)
        await write(pilot, str(rows))
        await press(app, pilot, "enter", "ctrl+n", "enter")
        assert "9 rows (25%) are longer" in text_of(app)
        assert "[1: set it to 2,048]" in text_of(app)
        await press(app, pilot, "1")
        assert app.wizard.draft.get("dataset.max_length") == 2048
        assert app.wizard.draft.source("dataset.max_length") == "you"


async def test_the_config_is_saved_for_the_headless_command_and_never_over_a_file(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("precious")
    async with open_wizard() as (app, pilot):
        await to_data(app, pilot)
        await write(pilot, str(rows))
        await press(app, pilot, "enter", "ctrl+n", "enter", "f6")
        await press(app, pilot, "ctrl+u")
        await write(pilot, "mine.toml")
        await press(app, pilot, "enter")
        assert "there is a file of that name" in text_of(app)
        await press(app, pilot, "ctrl+u")
        await write(pilot, "other.toml")
        await press(app, pilot, "enter")
        assert "tunedeck run other.toml" in text_of(app)
    assert (tmp_path / "mine.toml").read_text() == "precious"
    assert str(rows) in (tmp_path / "other.toml").read_text()
