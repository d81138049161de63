"""The mix, what takes the memory, and remedies as lines: each into the draft, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.data.quality.catalogue import SAFE
from tests.tui.machines import no_gpu
from tests.tui.plain.conftest import Talk
from tests.tui.plain.test_wizard import ENTER, TO_DATA
from tests.tui.wizard.making import make_child, make_rows
from tests.tui.wizard.quality.making import finding, found, literal, remedy
from tui.draft import draft as drafts


@pytest.fixture
def more(tmp_path: Path) -> Path:
    return make_rows(tmp_path / "more.jsonl", 80)


def test_shares_roles_and_weights_go_into_the_draft(talk: Talk, model: Path, rows: Path, more: Path) -> None:
    said = talk(
        *TO_DATA, str(rows), str(more), "f8", "3 10", "2 many", "2 30%", "r 2 old", "r 2 replay", "w 2 0.5", "c", "t",
        ENTER, "q",
    )  # fmt: skip
    kept = drafts.load()
    assert kept is not None
    assert (kept.get("data.1.share"), kept.get("data.1.role"), kept.get("data.1.weight")) == (0.3, "replay", 0.5)
    assert (kept.get("dataset.mix"), kept.get("dataset.epochs_cap")) == ("rows", 4)
    assert "Which source?" in said
    assert "Which role? Type new, replay or general" in said
    assert "2  more: 30" in said
    assert "replay 30%" in said, "the list of files says it too"


def test_a_mix_is_taken_back_and_cancelled(talk: Talk, model: Path, rows: Path, more: Path) -> None:
    talk(*TO_DATA, str(rows), str(more), "f8", "balanced", "u", "2 30", "2 -", "2 20", "b", "q")
    kept = drafts.load()
    assert kept is not None
    assert kept.get("data.1.share") is None


def test_what_takes_the_memory_is_told_at_every_question(talk: Talk, model: Path, rows: Path) -> None:
    said = talk(*TO_DATA, str(rows), "f4", "?", ENTER, "f4", "q")
    assert said.count("MiB") + said.count("GiB") > 8
    assert "  f4  " in said


def test_a_change_that_makes_it_fit_is_applied_and_taken_back(
    talk: Talk, model: Path, rows: Path, tmp_path: Path
) -> None:
    values = {"model.name_or_path": str(model), "data.0.path": str(rows), "train.micro_batch_tokens": 60_000}
    begun = drafts.Draft(values, task="instructions", preset="first-steps", step="review")
    folder = tmp_path / "child"
    folder.mkdir()
    says = make_child(folder, {"type": "unavailable", "message": literal("The rows are not known.")})
    said = talk(
        "f7", "2", "f7", "u", ENTER, "q", "q",
        route="wizard", prefill=begun, machine=no_gpu(free_gib=0.7), inspect_command=says,
    )  # fmt: skip
    assert "Make it fit" in said
    assert "fits after this change" in said
    assert said.index("Applied: ") < said.index("Undone: ")
    kept = drafts.load()
    assert kept is not None
    assert kept.get("train.micro_batch_tokens") == 60_000


def test_safe_remedies_are_applied_at_once_and_the_last_taken_back(
    talk: Talk, model: Path, rows: Path, tmp_path: Path
) -> None:
    first, second = sorted(SAFE)[:2]
    folder = tmp_path / "child"
    folder.mkdir()
    child = make_child(
        folder,
        found(
            rows,
            finding("empty", "warning", "empty rows", remedies=[remedy("drop them", 12, 0, first)]),
            finding("repeated", "warning", "repeated rows", remedies=[remedy("drop copies", 12, 0, second)]),
        ),
    )
    said = talk(*TO_DATA, str(rows), "f5", "m", "u", ENTER, "q", inspect_command=child)
    kept = drafts.load()
    assert kept is not None
    assert len(kept.get("dataset.fixes")) == 1
    assert "rows 3, 7, 9" in said
    assert said.index("Applied: ") < said.index("Undone: ")
