"""Warnings on the review, and the remedies that one key applies."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.app.examine import Inspection
from engine.app.findings import Finding
from engine.config.provenance import YOU
from engine.memory.budget import Budget
from engine.messages.message import Message
from tests.tui.wizard.conftest import Opener
from tests.tui.wizard.making import GOOD, make_child, text_of
from tests.tui.wizard.steering import add_file, press, shown_words, write
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.draft.findings import apply, findings_of


def draft_with(**values: Any) -> Draft:
    draft = Draft({"model.name_or_path": "m", "data.0.path": "/rows.jsonl"})
    for name, value in values.items():
        draft.set(name.replace("__", "."), value)
    return draft


def found_in(draft: Draft, dotted: str, inspection: Inspection | None = None, **facts: Any) -> list[Finding]:
    """The findings about one field of a draft whose files nobody has looked at."""
    known = Facts(inspection=inspection, inspected=draft.rows_key() if inspection else "", **facts)
    return [finding for finding in findings_of(draft, known) if finding.issue.field == dotted]


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
    (warning,) = found_in(draft, dotted)
    assert warning.remedy is not None
    apply(draft, Facts(), warning.remedy.settings)
    assert found_in(draft, dotted) == []


def test_rows_are_held_out_though_their_number_was_set_to_none() -> None:
    draft = draft_with(dataset__eval_rows=0)
    (warning,) = found_in(draft, "dataset.eval_share")
    assert warning.remedy is not None
    apply(draft, Facts(), warning.remedy.settings)
    assert found_in(draft, "dataset.eval_share") == []


def test_no_length_is_offered_that_the_model_cannot_compute() -> None:
    card: Any = SimpleNamespace(name="m", path="/m", position_limit=1021, max_position_embeddings=1021)
    inspection = Inspection(rows=40, train_rows=30, eval_rows=5, tokens_max=1500, too_long=9)
    (warning,) = found_in(draft_with(dataset__max_length=1016), "dataset.max_length", inspection, card=card)
    assert (warning.level, warning.remedy) == ("warning", None)


def test_errors_come_before_warnings() -> None:
    draft = draft_with(train__learning_rate=0.01, launch__distributed="fsdp")
    assert [finding.level for finding in findings_of(draft, Facts())][:2] == ["error", "warning"]


def test_gpus_that_the_installed_torch_leaves_unused_are_told_until_the_cpu_is_chosen() -> None:
    def fit(unused: Message | None) -> Any:
        budget = Budget("cpu", "RAM", 8.0, 8.0, unused=unused)
        return SimpleNamespace(verdict=SimpleNamespace(level="fits"), budget=budget)

    (warning,) = found_in(draft_with(), "launch.gpus", fit=fit(Message.literal("Not used")))
    assert warning.issue.message == "Not used"
    assert warning.remedy is not None
    assert warning.remedy.settings == {"launch.gpus": "cpu"}
    assert found_in(draft_with(), "launch.gpus", fit=fit(None)) == []


def test_long_rows_offer_a_length_that_holds_them() -> None:
    inspection = Inspection(rows=100, train_rows=40, eval_rows=5, tokens_max=700, too_long=55)
    (warning,) = found_in(draft_with(dataset__max_length=512), "dataset.max_length", inspection)
    assert "55 rows (58%)" in warning.issue.message
    assert warning.remedy is not None
    assert warning.remedy.settings == {"dataset.max_length": 1024}


async def test_one_key_on_the_review_applies_the_remedy(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    long = GOOD | {"too_long": 9, "tokens_max": 1500}
    async with open_wizard(inspect_command=make_child(tmp_path, long)) as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        assert "9 rows (25%) are longer" in text_of(app)
        assert "[1: set it to 2,048]" in text_of(app)
        await press(app, pilot, "1")
        assert app.wizard.draft.get("dataset.max_length") == 2048
        assert app.wizard.draft.source("dataset.max_length") == YOU


async def test_the_config_is_saved_for_the_headless_command_and_never_over_a_file(
    open_wizard: Opener, model: Path, rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text("precious")
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter", "f6", "ctrl+u")
        await write(pilot, "mine.toml")
        await press(app, pilot, "enter")
        assert "This file exists" in text_of(app)
        await press(app, pilot, "ctrl+u")
        await write(pilot, "other.toml")
        await press(app, pilot, "enter")
        assert "tunedeck run other.toml" in text_of(app)
    assert (tmp_path / "mine.toml").read_text() == "precious"
    assert str(rows) in (tmp_path / "other.toml").read_text()


async def test_the_review_tells_that_a_logout_ends_the_training(
    open_wizard: Opener, model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.runs.logout_survival.warning", lambda: Message("runs.ends-at-logout"))
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        shown = [finding.reason.code for finding in app.wizard.step._found]  # type: ignore[union-attr]
        assert "runs.ends-at-logout" in shown
        assert "logout" in text_of(app)


async def test_what_broke_after_the_review_is_refused_at_the_start(
    open_wizard: Opener, model: Path, rows: Path
) -> None:
    async with open_wizard() as (app, pilot):
        await add_file(app, pilot, rows, "ctrl+n", "enter")
        rows.write_text(rows.read_text() + "{broken\n")
        await press(app, pilot, "enter")
        assert "A row is not valid JSON" in shown_words(app)
        assert app.started == []
