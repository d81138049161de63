"""A text with labels is a classification, a text alone is plain text, and anything between the two is asked about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.files.preview import look
from engine.data.reader import load
from engine.data.rows.formats import ColumnsUnclear, Detected, detect
from engine.data.rows.messages import RawRow
from engine.messages.catalogue import text
from tests.engine.data.conftest import Write, config, source


def found(held: dict[str, Sequence[Any]], **fields: Any) -> Detected:
    rows = [dict(zip(held, row, strict=True)) for row in zip(*held.values(), strict=True)]
    return detect([RawRow(values, "s", "a.jsonl", n) for n, values in enumerate(rows, 1)], source("a.jsonl", **fields))


TEXTS = [f"Sentence number {number} of them." for number in range(6)]
LABELS: dict[str, Sequence[Any]] = {
    "whole": [0, 1, 0, 1, 0, 1], "floats": [0.0, 1.0, 0.0, 1.0, 0.0, 1.0], "words": ["good", "bad"] * 3,
    "booleans": [True, False] * 3, "text of floats": ["0.0", "1.0"] * 3, "half stars": [4.5, 5.0] * 3,
}  # fmt: skip


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(
    "name", ["label", "category", "stars", "is_toxic", "News Category", "starRating", "target", "label_id"]
)
def test_a_text_with_a_column_called_like_a_label_is_a_classification(name: str, kind: str) -> None:
    detected = found({"text": TEXTS, name: LABELS[kind], "id": range(6)})
    assert (detected.format, detected.columns) == ("classification", {"text": "text", "label": name})
    assert "not used: id" in text(detected.evidence)


@pytest.mark.parametrize("header", ["review,stars", "tweet;sentiment_label", "text\tclass"])
def test_tables_of_texts_and_labels_are_classifications(write: Write, header: str) -> None:
    mark = next(mark for mark in ",;\t" if mark in header)
    lines = [header, *(f"{text}{mark}{number % 5}" for number, text in enumerate(TEXTS * 2))]
    path = write("a.csv", "\n".join(lines))
    assert look(source(path)).detected.format == "classification"


def test_labels_are_trained_as_the_file_has_them_and_rows_without_one_are_left_out(write: Write) -> None:
    labels = ["0.0", "1.0", "null", "1.0", "0.0", "1.0"]
    lines = [f'{{"text": "{text}", "label": {label}}}' for text, label in zip(TEXTS, labels, strict=True)]
    loaded = load(config(source(write("a.jsonl", "\n".join(lines)))))
    assert [row.messages[1].content for row in loaded.rows] == [label for label in labels if label != "null"]
    assert loaded.report.skipped_count == 1
    assert 'name them with labels = {"0.0" = "..."}' in text(loaded.report.detected["a"].evidence)


def test_floats_of_a_parquet_file_are_labels_too(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": TEXTS, "label": [0.0, 1.0, None, 1.0, 0.0, float("nan")]}), path)
    loaded = load(config(source(path)))
    assert [row.messages[1].content for row in loaded.rows] == ["0.0", "1.0", "1.0", "0.0"]
    assert loaded.report.skipped_count == 2


ABOUT: dict[str, Any] = {
    "id": 1, "url": "https://a.b/c d e f g", "title": "A long title of many words", "meta": {"pile": "x"},
    "timestamp": "2019-04-25T12:57:54Z", "token_count": 12, "language_score": 0.93, "source": "web", "doc_id": "a",
    "Unnamed: 0": 3, "": 4, "dump": "CC-MAIN", "createdAt": "Monday the first of May",
}  # fmt: skip


@pytest.mark.parametrize("name", ABOUT)
def test_a_text_with_what_is_known_about_it_is_plain_text_and_names_what_is_not_used(name: str) -> None:
    detected = found({"text": TEXTS, name: [ABOUT[name]] * 6})
    assert (detected.format, detected.columns) == ("text", {"text": "text"})
    assert f"not used: {name}" in text(detected.evidence)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("summary", ["A short one of three words."] * 24),
        ("department", ["sales", "support", "sales"] * 8),
        ("label", [f"one of {number}" for number in range(24)]),
        ("label", [0.125 * number for number in range(24)]),
        ("category", ["always the same"] * 24),
        ("entities", [[{"start": 0, "end": 3}]] * 24),
        ("labels", [["a", "b"]] * 24),
        ("role", ["customer", "agent"] * 12),
    ],
)
@pytest.mark.parametrize("column", ["text", "content", "review"])
def test_a_text_with_more_that_may_have_to_be_learnt_is_asked_about(name: str, values: list[Any], column: str) -> None:
    held: dict[str, Sequence[Any]] = {column: TEXTS * 4, name: values}
    with pytest.raises(ColumnsUnclear) as caught:
        found(held)
    assert f"has text in '{column}', and beside it: {name}" in caught.value.message
    assert f'columns = {{text = "{column}"}}' in caught.value.hint
    assert found(held, columns={"text": column}).format == "text"


def test_plain_text_is_what_is_asked_for() -> None:
    held = {"text": TEXTS, "label": LABELS["whole"]}
    assert found(held, format="text").format == "text"
    assert "not used: label" in text(found(held, format="text").evidence)


@pytest.mark.parametrize("names", [("role", "content"), ("from", "value"), ("speaker", "text")])
def test_rows_of_one_turn_each_are_no_plain_text(names: tuple[str, str]) -> None:
    with pytest.raises(DataError) as caught:
        found({"dialog_id": [1, 1, 2, 2], names[0]: ["user", "assistant"] * 2, names[1]: TEXTS[:4]})
    assert caught.value.code == "rows.single-turns"


def test_a_list_of_turns_as_json_text_in_a_column_of_texts_is_a_dialogue() -> None:
    turns = json.dumps([{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}])
    assert found({"text": [turns] * 3}).format == "messages"
