"""What the answers lead to: steps, sizes and disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.consequences import Consequence, held_out
from engine.common.errors import DataError
from engine.config.schema import DatasetSection
from engine.data.files.preview import Preview
from engine.data.mixing.source_figures import SourceFigures
from engine.data.rows.formats import Detected
from engine.models.card import read_card
from tests.tui.wizard.making import make_model
from tui.draft import consequences
from tui.draft.draft import Draft
from tui.draft.facts import Facts
from tui.draft.mix_sources import guess_key
from tui.flow import describe
from tui.flow import sources as data_item


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return Facts(card=read_card(make_model(tmp_path / "m")), rows={"/rows.jsonl": 100})


def found_of(draft: Draft, facts: Facts) -> Consequence:
    found = consequences.consequence(draft, facts)
    assert found is not None
    return found


def test_steps_follow_from_rows_batch_and_epochs(facts: Facts) -> None:
    draft = Draft({"train.batch_size": 16, "train.num_train_epochs": 3.0})
    assert found_of(draft, facts).steps == 18, "95 of 100 rows are trained on"
    facts.rows = {}
    assert found_of(draft, facts).steps is None
    draft.set("train.max_steps", 7)
    assert found_of(draft, facts).steps == 7


@pytest.mark.parametrize("wrong", ["many", 0, None, True])
def test_a_wrong_value_counts_at_its_default_instead_of_a_crash(facts: Facts, wrong: object) -> None:
    for dotted in ("train.batch_size", "train.num_train_epochs", "adapter.r", "dataset.eval_share", "checkpoint.keep"):
        assert found_of(Draft({dotted: wrong}), facts).steps


def test_held_out_rows_are_not_trained_on(facts: Facts) -> None:
    assert held_out(100, DatasetSection()) == 5
    assert held_out(100, DatasetSection(eval_rows=40)) == 40
    assert held_out(100, DatasetSection(eval_rows=40, test_share=0.1)) == 50
    assert held_out(30, DatasetSection(eval_rows=40)) == 30
    assert found_of(Draft({"train.batch_size": 10, "dataset.eval_rows": 40}), facts).steps == 6


def test_steps_count_the_pieces_of_texts_that_are_split(facts: Facts) -> None:
    draft = Draft({"train.batch_size": 10, "dataset.eval_share": 0.0, "dataset.too_long": "split"})
    draft.set_data([{"path": "/rows.jsonl", "format": "text"}])
    (item,) = draft.data_sources()
    facts.guessed[guess_key(draft, item)] = SourceFigures(
        rows=100, examples=700, tokens_mean=900, trained_mean=900, guessed=True
    )
    assert found_of(draft, facts).steps == 70
    draft.set("dataset.too_long", "truncate")
    assert found_of(draft, facts).steps == 10


def test_a_checkpoint_holds_the_adapter_and_two_moments_of_each_number(facts: Facts) -> None:
    """Two layers of width 64: q, o 64x64; k, v 64x32; gate, up 64x128; down 128x64."""
    trained = 8 * 2 * (2 * (64 + 64) + 2 * (64 + 32) + 3 * (64 + 128))
    found = found_of(Draft({"adapter.r": 8, "checkpoint.keep": 3}), facts)
    assert found.checkpoint_bytes == 12 * trained
    assert found.disk_bytes is not None
    assert found.disk_bytes > (3 + 1) * 12 * trained + 4 * trained  # one more while it is written, and the adapter
    only_q = found_of(Draft({"adapter.r": 8, "adapter.target_modules": ["q_proj"]}), facts)
    assert only_q.checkpoint_bytes == 12 * 8 * 2 * 128


def test_the_line_fits_eighty_columns_with_the_largest_numbers() -> None:
    words = consequences.sentence(Consequence(123_456_789, 12_345_678, 90 * 2**30, 999 * 2**30), 1_400 * 2**30)
    assert len(words) <= 78


@pytest.mark.parametrize(("number", "text"), [(134_515_008, "135M"), (7e9, "7B"), (16_384, "16.4k"), (12, "12")])
def test_parameters_are_named_as_people_do(number: float, text: str) -> None:
    assert describe.amount(number) == text


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [(2**20, 93 * 2**20, "fetching: 1.0 MB of 98 MB (1%)"), (3, 10, "fetching: 3 of 10"), (0, None, "fetching")],
)
def test_progress_is_told_in_bytes_or_steps(done: int, total: int | None, text: str) -> None:
    assert describe.progress(done, total, "fetching") == text


def test_a_pass_takes_of_each_source_what_its_share_says() -> None:
    def found(count: int) -> Preview:
        return Preview((), Detected("text", {}, 1.0), 1, count, True)

    items = [{"path": "/new"}, {"path": "/old", "role": "replay", "share": 0.1}, {"path": "/wrong"}]
    previews = {"/new": found(900), "/old": found(5000), "/wrong": DataError("data.empty", path="a")}
    assert data_item.rows_by_path(items, previews) == {"/new": 900, "/old": 100}
    items[0]["share"], items[1]["share"] = 0.5, 0.5
    assert data_item.rows_by_path(items, previews) == {"/new": 2950, "/old": 2950}
    items[0].pop("share")
    items[1]["share"] = 1.0
    assert data_item.rows_by_path(items, previews) == {"/new": 900, "/old": 5000}
