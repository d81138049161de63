"""Rows on the shelf: any can be had again, by its place or by its number in its file, as the training has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.schema import RunConfig
from engine.data.reader import load
from engine.data.splitting.split import replayed
from engine.data.token_view.packed_records import PackedRecords
from engine.data.token_view.row_store import Shelf
from engine.messages.catalogue import text
from engine.messages.message import Message
from tests.engine.data.splitting.making import split


def config_of(*files: Path, **dataset: Any) -> RunConfig:
    values = {"model": {"name_or_path": "-"}, "data": [{"path": str(file)} for file in files], "dataset": dataset}
    return RunConfig.model_validate(values)


def write(path: Path, *answers: str) -> Path:
    rows = [{"prompt": f"Question {at} of {path.stem}?", "completion": answer} for at, answer in enumerate(answers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@contextmanager
def shelf_of(config: RunConfig, rows: int = 10_000, **more: Any) -> Iterator[Shelf]:
    shelf = Shelf(config, **more)
    shelf.read(rows)
    yield shelf
    shelf.close()


@given(st.lists(st.binary(max_size=300_000), max_size=200).map(lambda some: some * 2))
def test_packed_records_come_back_as_they_were(records: list[bytes]) -> None:
    packed = PackedRecords()
    for record in records:
        packed.append(record)
    assert len(packed) == len(records)
    assert [packed[at] for at in reversed(range(len(records)))] == records[::-1]
    with pytest.raises(IndexError):
        packed[len(records)]
    packed.close()


def test_every_row_is_there_as_the_training_reads_it(tmp_path: Path) -> None:
    config = config_of(*(write(tmp_path / f"{name}.jsonl", *map(str, range(150))) for name in "ab"))
    with shelf_of(config) as shelf:
        assert [shelf.at(at).row for at in range(len(shelf))] == load(config).rows
        assert shelf.is_complete
        assert shelf.firsts == {"a": 0, "b": 150}


def test_rows_are_read_as_far_as_they_are_asked_for(tmp_path: Path) -> None:
    with shelf_of(config_of(write(tmp_path / "a.jsonl", *map(str, range(300)))), rows=120) as shelf:
        assert (len(shelf), shelf.is_complete, shelf.side(3)) == (120, False, "")
        shelf.read(1000)
        assert (len(shelf), shelf.is_complete) == (300, True)


def test_a_row_is_found_by_its_number_in_its_file(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.jsonl", "x", "y"), write(tmp_path / "b.jsonl", "z", "w")
    second.write_text("\n\n" + second.read_text())
    with shelf_of(config_of(first, second)) as shelf:
        assert (shelf.find("b.jsonl", 3), shelf.find(str(second), 4), shelf.find("", 2)) == (2, 3, 1)
        assert (shelf.find("b.jsonl", 1), shelf.find("c.jsonl", 1), shelf.find("jsonl", 1)) == (None, None, None)
        assert shelf.numbers(str(second)) == [3, 4]
        assert shelf.at(2).number == 3


def test_rows_that_are_not_used_stand_in_their_place_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "x", " ", "y")
    path.write_text(path.read_text() + "{broken\n" + json.dumps({"prompt": "P", "completion": "z"}) + "\n")
    with shelf_of(config_of(path)) as shelf:
        assert [shelf.at(at).number for at in range(5)] == [1, 2, 3, 4, 5]
        assert shelf.at(1).unused == Message("rows.no-assistant-text")
        assert shelf.at(3).row is None
        assert "training refuses a file with such a row" in text(shelf.at(3).unused or "")
    with shelf_of(config_of(path, fixes=["drop_unreadable"])) as shelf:
        assert "dataset.fixes skips it" in text(shelf.at(3).unused or "")


def test_the_side_of_each_row_is_that_of_the_split(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *[str(at // 2) for at in range(60)])
    path.write_text(path.read_text().replace('"completion": "7"', '"completion": ""'))
    config = config_of(path, eval_share=0.2, test_share=0.1)
    rows = load(config).rows
    parts = split(rows, config.dataset, config.run.seed, replayed(config))
    sides = {rows[at].number: name for name in ("train", "heldout", "test") for at in getattr(parts, name)}
    with shelf_of(config) as shelf:
        assert {shelf.at(at).number: shelf.side(at) for at in range(60) if not shelf.at(at).unused} == sides
        assert set(sides.values()) == {"train", "heldout", "test"}


def test_rows_that_a_fix_drops_for_another_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *map(str, range(10)))
    path.write_text(path.read_text() * 2)
    with shelf_of(config_of(path, fixes=["drop_exact_duplicates"])) as shelf:
        assert [shelf.side(at) == "repeated" for at in range(20)] == [False] * 10 + [True] * 10


def test_reading_ends_where_the_disk_would_fill_and_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *map(str, range(1000)))
    with shelf_of(config_of(path), most_packed_bytes=1000) as shelf:
        assert shelf.is_complete
        assert shelf.ended == Message("xray.ended-by-size", rows=len(shelf))
        assert shelf.side(0) == ""


def test_words_are_searched_for_in_any_case(tmp_path: Path) -> None:
    with shelf_of(config_of(write(tmp_path / "a.jsonl", "Größe 你好", "\ud83d x"))) as shelf:
        assert [shelf.says(0, words) for words in ("GRÖSSE", "好", "QUESTION 0", "a.jsonl")] == [
            True,
            True,
            True,
            False,
        ]
        assert shelf.says(1, "question 1")


def test_max_rows_ends_a_source(tmp_path: Path) -> None:
    config = config_of(write(tmp_path / "a.jsonl", "x", "", "y", "z"))
    config = config.model_copy(update={"data": [config.data[0].model_copy(update={"max_rows": 2})]})
    with shelf_of(config) as shelf:
        assert [shelf.at(at).number for at in range(len(shelf))] == [1, 2, 3]
