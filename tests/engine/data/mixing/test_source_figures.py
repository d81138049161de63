"""What sources bring to a mix before and after they are tokenised, and what a mix of them comes to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.config.schema import DatasetSection, DataSource
from engine.data.mixing.mix import Mix
from engine.data.mixing.source_figures import SourceFigures, mixed
from engine.data.mixing.source_guess import guess, hold_out
from engine.tokens.examples import pieces

NEW = SourceFigures("new", rows=90, held_out=10, examples=80, tokens_mean=50, trained_mean=20, too_long=10)
OLD = SourceFigures("old", rows=40, examples=40, tokens_mean=100, trained_mean=40)


def dataset(**values: Any) -> DatasetSection:
    return DatasetSection.model_validate(values)


def test_a_mix_from_figures_is_the_mix_of_the_rows() -> None:
    lengths, sources = np.repeat([50, 100], [80, 40]), np.repeat([0, 1], [80, 40])
    for shares in ((None, None), (None, 0.1), (0.3, 0.7)):
        assert mixed([NEW, OLD], shares).parts == Mix(lengths, sources, shares, seed=1).parts


def test_trained_tokens_are_those_of_the_rows_that_are_drawn() -> None:
    found = mixed([NEW, OLD], [None, 0.2])
    assert (found.rows, found.tokens, found.trained) == (90, 5000, 80 * 20 + 10 * 40)


def test_rows_are_held_out_of_what_is_new_alone() -> None:
    whole = [SourceFigures(rows=100, examples=100), SourceFigures(rows=50, examples=50)]
    new, old = hold_out(whole, ["new", "replay"], dataset(eval_share=0.1, test_share=0.05))
    assert (new.rows, new.held_out, new.examples) == (85, 15, 85)
    assert old == whole[1]
    both = hold_out(whole, ["new", "general"], dataset(eval_rows=30))
    assert [source.held_out for source in both] == [20, 10]


def test_a_source_that_becomes_replay_gets_its_held_out_rows_back() -> None:
    (back,) = hold_out([NEW], ["replay"], dataset())
    assert (back.rows, back.held_out, back.examples) == (100, 0, 89)
    assert hold_out([NEW], ["new"], dataset(eval_share=0.5)) == [NEW]


def test_a_guess_tells_the_answers_from_the_rest_and_says_that_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text((json.dumps({"prompt": "p" * 45, "completion": "c" * 18}) + "\n") * 30)
    found = guess(DataSource(path=str(path), max_rows=12), dataset())
    assert found is not None
    assert (found.rows, found.tokens_mean, found.trained_mean, found.guessed) == (12, 26, 4, True)
    whole = guess(DataSource(path=str(path)), dataset(train_on="all"))
    assert whole is not None
    assert whole.trained_mean == whole.tokens_mean


@pytest.mark.parametrize(("length", "overlap"), [(100, 0), (100, 20), (64, 8), (5000, 0)])
def test_long_texts_are_guessed_as_the_pieces_they_are_split_into(tmp_path: Path, length: int, overlap: int) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text((json.dumps({"text": "a" * 4473}) + "\n") * 7)  # 994 tokens and the six of a turn
    limits = dataset(max_length=length, too_long="split", split_overlap=overlap)
    found = guess(DataSource(path=str(path), format="text"), limits)
    made = pieces([1] * 1000, [1] * 1000, length, overlap)
    assert found is not None
    assert (found.rows, found.examples) == (7, 7 * len(made))
    assert found.tokens == pytest.approx(7 * sum(len(ids) for ids, _ in made))
    assert found.examples * found.trained_mean == pytest.approx(7 * 1000)


def test_dropped_rows_are_counted_whatever_the_reason() -> None:
    lost = SourceFigures(rows=10, too_long=2, refused=3, not_trained=4)
    assert lost.dropped == 9
    assert lost.dropped_share == pytest.approx(0.9)
