"""From files to tokens: what is held out, what is left out, and that all of it is said."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from engine.common.errors import DataError, ModelError
from engine.config.schema import RunConfig
from engine.messages.catalogue import part
from engine.runs import events as ev
from engine.runs.phases import Phases
from engine.runs.steering import StopRequested
from engine.tokens import dataset
from engine.tokens.dataset import Prepared, file_hashes, prepare_rows
from engine.tokens.render import Renderer, stop_ids
from tests.engine.jobs.test_quality import WITHOUT_SYSTEM
from tests.engine.training.families import FAMILIES, make_tokenizer, renderer
from tests.engine.training.making import values, write_rows

MODEL = Path("models/tiny")


def prepared(settings: dict[str, Any], made: Renderer | None = None) -> tuple[Prepared, list[Any]]:
    """The rows as they are trained on, and the warnings on the way."""
    config = RunConfig.model_validate(settings)
    events: list[Any] = []
    result = prepare_rows(config, made or renderer("chatml"), Phases(events.append))
    return result, [event for event in events if isinstance(event, ev.Warn)]


def add(rows: Path, *more: dict[str, Any]) -> None:
    with rows.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in more)


def test_held_out_rows_are_never_trained_on(rows: Path) -> None:
    found, warnings = prepared(values(MODEL, rows))
    trained = {bytes(example.ids) for example in found.train}
    assert (len(found.train), len(found.heldout), len(found.heldout_rows)) == (20, 4, 4)
    assert not trained & {bytes(example.ids) for example in found.heldout}
    assert warnings == []


def test_a_system_text_that_the_template_leaves_out_is_said_and_the_cure_cures(rows: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tea?"}]
    talks = rows.with_name("talks.jsonl")
    add(talks, *({"messages": [*turns, {"role": "assistant", "content": f"Yes {at}."}]} for at in range(8)))
    tokenizer = make_tokenizer(FAMILIES["chatml"], WITHOUT_SYSTEM)
    silent = Renderer(tokenizer, stop_ids(tokenizer))
    settings = values(MODEL, talks, dataset={"eval_rows": 0})
    _, (warning,) = prepared(settings, silent)
    assert warning.message.code == "events.turns-unwritten-system"
    assert (warning.message.args["rows"], warning.message.args["of"]) == (8, 8)
    cure = tomllib.loads(part(warning.message, "hint").split("Set ")[1].split(":")[0])
    _, warnings = prepared(values(MODEL, talks, dataset={"eval_rows": 0} | cure["dataset"]), silent)
    assert warnings == []
    assert prepared(settings)[1] == []


def test_rows_that_are_replayed_too_are_not_held_out_and_that_is_said(rows: Path, tmp_path: Path) -> None:
    old = write_rows(tmp_path / "old.jsonl", 14)
    replay = {"path": str(old), "role": "replay", "share": 0.3}
    settings = values(MODEL, rows, dataset={"eval_rows": 4}) | {"data": [{"path": str(rows)}, replay]}
    found, (warning,) = prepared(settings)
    assert len(found.heldout) == 4
    assert not {bytes(each.ids) for each in found.train} & {bytes(each.ids) for each in found.heldout}
    assert warning.message.code == "events.rows-replayed"
    assert warning.message.args == {"rows": 14, "left": 4}
    write_rows(old, 24)
    found, (warning,) = prepared(settings)
    assert (len(found.heldout), warning.message.code) == (0, "events.all-replayed")


def test_tokens_are_counted_by_source(rows: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 10, start=50)
    found, _ = prepared(values(MODEL, rows) | {"data": [{"path": str(rows)}, {"path": str(other)}]})
    assert found.sources == ["rows", "other"]
    assert set(found.tokens_by_source) == {"rows", "other"}
    assert sum(found.tokens_by_source.values()) == found.tokens.tokens == sum(len(e.ids) for e in found.train)


def test_rows_that_are_too_long_are_counted_and_the_longest_is_named(rows: Path) -> None:
    add(rows, {"prompt": "word " * 300, "completion": "yes"})
    _, (warning,) = prepared(values(MODEL, rows, dataset={"eval_rows": 0}))
    assert (warning.message.code, warning.message.args["dropped"]) == ("events.rows-too-long", 1)
    assert warning.message.args["longest"] > 0
    assert "max_length" in part(warning.message, "hint")


def test_rows_without_an_answer_are_said_while_reading(rows: Path) -> None:
    add(rows, {"prompt": "What?", "completion": ""})
    _, warnings = prepared(values(MODEL, rows, dataset={"eval_rows": 0}))
    assert [warning.message.code for warning in warnings] == ["events.rows-unreadable"]
    assert warnings[0].message.args["row"] == 25


def test_what_was_not_used_is_said_also_when_rows_come_from_the_cache(rows: Path) -> None:
    marked = {"role": "assistant", "content": "wrong"}
    add(rows, {"prompt": "?", "completion": "!", "url": "x"})
    dialogues = rows.with_name("talks.jsonl")
    for mark in ({"loss": False}, {"weight": 0.5}):
        turns = [{"role": "user", "content": "?"}, marked | mark, {"role": "user", "content": "No."}]
        add(dialogues, {"messages": [*turns, {"role": "assistant", "content": "right"}], "id": 3})
    settings = values(MODEL, rows, dataset={"eval_rows": 0}) | {"data": [{"path": str(rows)}, {"path": str(dialogues)}]}
    for cached in (False, True):
        found, warnings = prepared(settings)
        assert found.cached is cached
        assert found.unused == {"rows": ["url"], "talks": ["id"]}
        assert [(each.code, each.args["rows"]) for each in found.noted] == [("events.rows-with", 1)]
        assert [(warning.message.code, warning.message.args["rows"]) for warning in warnings] == [
            ("events.rows-noted", 1)
        ]


def test_a_marked_last_answer_is_no_answer_to_compare_with(rows: Path) -> None:
    rows.unlink()
    for number in range(10):
        turns = [{"role": "user", "content": f"{number}?"}, {"role": "assistant", "content": "right"}]
        wrong = [{"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "wrong", "train": False}]
        add(rows, {"messages": turns + wrong})
    found, _ = prepared(values(MODEL, rows, dataset={"eval_rows": 4}))
    assert (len(found.heldout), len(found.heldout_rows)) == (4, 0)


def test_rows_that_the_template_refuses_are_named(rows: Path) -> None:
    rows.write_text("")
    turns = [{"role": "user", "content": "One?"}, {"role": "user", "content": "Two?"}]
    answer = {"role": "assistant", "content": "Yes."}
    add(rows, {"messages": [turns[0], answer]}, {"messages": [*turns, answer]})
    found, (warning,) = prepared(values(MODEL, rows, dataset={"eval_rows": 0}), renderer("llama 2"))
    assert len(found.train) == 1
    assert warning.message.code == "events.rows-unrenderable"
    assert "row 2" in part(warning.message, "message")
    assert "must alternate" in part(warning.message, "message")


def test_held_out_rows_that_can_not_be_used_do_not_end_the_run(rows: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(rows, {"prompt": "word " * 300, "completion": "yes"})
    monkeypatch.setattr(dataset, "draw", lambda *args: ([24], []))
    found, (warning,) = prepared(values(MODEL, rows))
    assert (len(found.train), len(found.heldout), len(found.heldout_rows)) == (24, 0, 0)
    assert warning.message.code == "events.no-validation"
    assert "eval_share" in part(warning.message, "hint")


def test_a_template_whose_answers_do_not_stop_is_found_before_training(rows: Path) -> None:
    tokenizer = make_tokenizer(FAMILIES["gemma"])
    with pytest.raises(ModelError) as caught:
        prepared(values(MODEL, rows), Renderer(tokenizer, stop_ids(tokenizer)))
    assert caught.value.code == "tokens.stop-token-unknown"


def test_a_stop_request_ends_the_reading(rows: Path) -> None:
    def check() -> None:
        raise StopRequested

    config = RunConfig.model_validate(values(MODEL, rows))
    with pytest.raises(StopRequested):
        prepare_rows(config, renderer("chatml"), Phases(lambda event: None, check))


def test_files_are_known_by_their_hashes(rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_rows(folder / "a.jsonl", 3)
    write_rows(folder / "b.jsonl", 4)
    config = RunConfig.model_validate(values(MODEL, rows) | {"data": [{"path": str(folder)}]})
    expected = {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}
    assert file_hashes(config) == expected


def test_a_missing_file_is_an_error_of_the_data(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        prepared(values(MODEL, tmp_path / "nowhere.jsonl"))
