"""Tokenised rows are found again if, and only if, they would come out the same."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.config.schema import RunConfig
from engine.runs import interventions
from engine.runs.interventions import Interventions, Skip
from engine.tokens.cache_key import Key, key_of, tokenizer_digest
from engine.tokens.render import Renderer, stop_ids
from tests.engine.training.families import FAMILIES, make_tokenizer, renderer
from tests.engine.training.making import create_run, values, write_rows

pytestmark = pytest.mark.usefixtures("home")


def key(rows: Path, made: Renderer | None = None, source: dict[str, Any] | None = None, **sections: Any) -> Key:
    settings = values(Path("models/tiny"), rows, **sections)
    settings["data"][0] |= source or {}
    return key_of(RunConfig.model_validate(settings), made or renderer("chatml"))


@pytest.mark.parametrize(
    ("source", "sections"),
    [
        ({}, {"dataset": {"max_length": 64}}),
        ({}, {"dataset": {"train_on": "last"}}),
        ({}, {"dataset": {"too_long": "split"}}),
        ({}, {"dataset": {"too_long": "split", "split_overlap": 8}}),
        ({}, {"dataset": {"fixes": ["trim_whitespace"]}}),
        ({}, {"run": {"seed": 7}}),
        ({"format": "prompt_completion"}, {}),
        ({"columns": {"prompt": "completion"}}, {}),
        ({"tags": {"user": "human"}}, {}),
        ({"labels": {"1": "good"}}, {}),
        ({"max_rows": 5}, {}),
    ],
)
def test_a_setting_that_changes_tokens_makes_others(rows: Path, source: dict[str, Any], sections: Any) -> None:
    assert key(rows, source=source, **sections).name != key(rows).name


@pytest.mark.parametrize(
    ("source", "sections"),
    [
        ({"weight": 3.0, "role": "general", "share": 0.5}, {}),
        ({}, {"dataset": {"eval_rows": 2, "test_rows": 2, "stratify": False, "mix": "rows"}}),
        ({}, {"train": {"learning_rate": 1e-5, "batch_size": 2}, "adapter": {"r": 8}}),
    ],
)
def test_a_setting_that_does_not_needs_none(rows: Path, source: dict[str, Any], sections: Any) -> None:
    assert key(rows, source=source, **sections).name == key(rows).name


def test_other_rows_are_others_and_the_same_under_another_name_are_not(rows: Path, tmp_path: Path) -> None:
    before = key(rows)
    renamed = tmp_path / "renamed.jsonl"
    renamed.write_bytes(rows.read_bytes())
    assert key(renamed).name == before.name
    assert before.unchanged()
    rows.write_text(rows.read_text().replace("Oslo", "Rome", 1))
    assert key(rows).name != before.name
    assert not before.unchanged()


def test_what_a_file_is_read_as_counts(rows: Path, tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(rows.read_bytes()))
    assert key(packed).name != key(rows).name


def test_a_file_more_in_a_folder_makes_others(tmp_path: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    write_rows(folder / "a.jsonl")
    before = key(folder)
    write_rows(folder / "b.jsonl")
    assert key(folder).name != before.name


def test_the_rows_of_an_earlier_run_are_those_of_its_data_and_split(rows: Path) -> None:
    def of_run(**sections: Any) -> str:
        run = create_run(values(Path("models/tiny"), rows, **sections))
        return key(rows, source={"path": f"run:{run.id}"}).name

    one = of_run()
    assert of_run() == one
    assert of_run(dataset={"eval_rows": 6}) != one
    rows.write_text(rows.read_text().replace("Oslo", "Rome", 1))
    assert of_run() != one


def test_rows_that_an_earlier_run_skipped_since_make_others_of_its_rows(rows: Path) -> None:
    run = create_run(values(Path("models/tiny"), rows))
    before = key(rows, source={"path": f"run:{run.id}"}).name
    interventions.keep(run, Interventions(skips=(Skip(step=1, of_step=2, rows=1, keys=("ab",)),)))
    assert key(rows, source={"path": f"run:{run.id}"}).name != before


def test_each_template_and_tokenizer_has_its_own() -> None:
    digests = {tokenizer_digest(renderer(name)) for name in FAMILIES}
    assert len(digests) == len(FAMILIES)
    first, second = make_tokenizer(FAMILIES["chatml"]), make_tokenizer(FAMILIES["chatml"])
    before = tokenizer_digest(Renderer(first, stop_ids(first)))
    assert tokenizer_digest(Renderer(second, stop_ids(second))) == before
    second.chat_template += " "
    assert tokenizer_digest(Renderer(second, stop_ids(second))) != before
    first.add_tokens(["neverbefore"])
    assert tokenizer_digest(Renderer(first, stop_ids(first))) != before
    assert tokenizer_digest(Renderer(first, frozenset({1}))) != tokenizer_digest(Renderer(first, stop_ids(first)))


def test_using_a_tokenizer_does_not_make_it_another() -> None:
    tokenizer = make_tokenizer(FAMILIES["chatml"])
    made = Renderer(tokenizer, stop_ids(tokenizer))
    before = tokenizer_digest(made)
    tokenizer("one two three", truncation=True, max_length=2)
    assert tokenizer_digest(made) == before


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        key(tmp_path / "nowhere.jsonl")
