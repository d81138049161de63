"""A dataset described in LLaMA-Factory's manner is read as it describes it, by its name, its folder or its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError
from engine.data.files.preview import preview
from engine.data.files.sources import data_files, source_names
from engine.data.reader import load
from engine.data.rows.messages import Row
from tests.engine.data.conftest import config, load_rows, source

SPEAKERS = {"role_tag": "who", "content_tag": "says", "user_tag": "me", "assistant_tag": "it"}
DESCRIBED: dict[str, Any] = {
    "pairs": {"file_name": "pairs.json", "columns": {"prompt": "ask", "response": "reply"}},
    "talks": {
        "file_name": "talks.jsonl", "formatting": "sharegpt", "columns": {"messages": "log", "system": "rule"},
        "tags": SPEAKERS, "num_samples": 2,
    },
    "plain": {"file_name": "plain.jsonl", "columns": {"prompt": "body of it"}},
    "better": {"file_name": "better.json", "ranking": True, "columns": {"chosen": "c", "rejected": "r"}},
    "far": {"hf_hub_url": "someone/rows", "subset": "small", "split": "validation"},
    "elsewhere": {"ms_hub_url": "someone/rows"},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    talk = [{"who": "me", "says": "hi"}, {"who": "it", "says": "ho"}]
    files = {
        "dataset_info.json": json.dumps(DESCRIBED),
        "pairs.json": json.dumps([{"ask": "hi", "reply": "ho"}]),
        "talks.jsonl": "\n".join(json.dumps({"log": talk, "rule": "Be kind."}) for _ in range(5)),
        "plain.jsonl": json.dumps({"body of it": "words"}),
        "better.json": json.dumps([{"q": "x", "c": "a", "r": "b"}]),
        "other.jsonl": json.dumps({"prompt": "hi", "completion": "ho"}),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def said(row: Row) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in row.messages]


@pytest.mark.parametrize("form", ["{}/dataset_info.json#pairs", "{}#pairs", "{}/pairs", "{}/pairs.json"])
def test_a_dataset_is_named_in_four_ways(folder: Path, form: str) -> None:
    (row,) = load_rows(config(source(form.format(folder))))
    assert said(row) == [("user", "hi"), ("assistant", "ho")]
    assert row.file == str(folder / "pairs.json")
    assert row.source == "pairs"


def test_columns_tags_and_number_of_rows_are_taken_from_the_description(folder: Path) -> None:
    rows = load_rows(config(source(f"{folder}#talks")))
    assert len(rows) == 2
    assert said(rows[0]) == [("system", "Be kind."), ("user", "hi"), ("assistant", "ho")]


def test_a_prompt_alone_is_plain_text(folder: Path) -> None:
    loaded = load(config(source(f"{folder}#plain")))
    assert loaded.rows[0].text == "words"
    assert loaded.report.detected["plain"].format == "text"


def test_the_files_of_a_folder_are_read_as_described_and_the_others_by_their_columns(folder: Path) -> None:
    (folder / "better.json").unlink()
    rows = load_rows(config(source(folder)))
    assert [Path(row.file).name for row in rows] == [
        "other.jsonl", "pairs.json", "plain.jsonl", *["talks.jsonl"] * 5,
    ]  # fmt: skip


def test_a_preview_reads_the_same(folder: Path) -> None:
    seen = preview(f"{folder}/dataset_info.json#talks")
    assert seen.detected.format == "sharegpt"
    assert said(seen.rows[0])[1] == ("user", "hi")


def test_what_was_detected_may_be_kept_in_the_config(folder: Path) -> None:
    found = preview(f"{folder}#talks").detected
    kept = source(f"{folder}#talks", format=found.format, columns=found.columns)
    assert load_rows(config(kept)) == load_rows(config(source(f"{folder}#talks")))


def test_preferences_are_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="preference"):
        load_rows(config(source(f"{folder}#better")))


def test_a_dataset_of_the_hub_keeps_its_subset_and_split(folder: Path, home: Path) -> None:
    from engine.data.files import dataset_info

    entry = dataset_info.named(f"{folder}#far")
    assert entry is not None
    made = entry.source(source("x"))
    assert (made.path, made.subset, made.split) == ("someone/rows", "small", "validation")


@pytest.mark.parametrize("name", ["nope", ""])
def test_an_unknown_name_is_answered_with_those_there_are(folder: Path, name: str) -> None:
    path = f"{folder}/dataset_info.json" + (f"#{name}" if name else "")
    with pytest.raises(DataError) as caught:
        data_files(source(path))
    assert "pairs, talks" in caught.value.hint


def test_a_dataset_out_of_reach_says_so(folder: Path) -> None:
    with pytest.raises(DataError, match="neither file_name nor hf_hub_url"):
        data_files(source(f"{folder}#elsewhere"))


@pytest.mark.parametrize(
    "content", ["", "[1]", "{", '{"a": 1}', '{"features": {"x": {"dtype": "string"}}}', "[" * 9999]
)
def test_a_description_of_another_kind_is_no_hindrance(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset_info.json").write_text(content)
    (tmp_path / "a.jsonl").write_text('{"text": "t"}')
    assert [row.text for row in load_rows(config(source(tmp_path)))] == ["t"]


def test_a_file_with_a_mark_in_its_name_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "a#1.txt").write_text("t")
    assert [row.text for row in load_rows(config(source(tmp_path / "a#1.txt")))] == ["t"]
    with pytest.raises(DataError, match="No such file"):
        data_files(source(tmp_path / "b#1.txt"))


def test_a_source_is_called_by_its_dataset() -> None:
    assert source_names([source("d/dataset_info.json#pairs"), source("d#pairs"), source("d/*.jsonl")]) == [
        "pairs", "pairs-2", "d",
    ]  # fmt: skip
