"""The process behind the X-ray: it answers one request after the other, and gives up what nobody waits for any more."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.config.schema import RunConfig
from engine.data.token_view.form import from_json
from engine.jobs import xray
from engine.messages.message import Message
from tests.engine.data.quality.making import asked, jsonl

STORY = "Once there was a fox in a house. " * 20


@pytest.fixture
def config(tiny: Path, tmp_path: Path) -> RunConfig:
    """Two files of 150 rows; of the second, row 120 is too long and row 130 can't be read."""
    for name in "ab":
        rows = [asked(f"Question {at} of {name}?", STORY if (name, at) == ("b", 119) else "Yes.") for at in range(150)]
        lines = jsonl(*rows).splitlines()
        if name == "b":
            lines[129] = "{broken"
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    data = [{"path": str(tmp_path / f"{name}.jsonl")} for name in "ab"]
    values = {"model": {"name_or_path": str(tiny)}, "data": data, "dataset": {"max_length": 64}}
    return RunConfig.model_validate(values)


def answers(config: RunConfig, *requests: dict[str, Any] | str) -> list[dict[str, Any]]:
    """What is said to ``requests``, each made once the one before is answered; without progress and counts."""
    said: list[dict[str, Any]] = []
    is_answered = threading.Event()

    def say(kind: str, **values: Any) -> None:
        if kind in ("row", "none", "trouble"):
            said.append(json.loads(json.dumps({"type": kind, **values}, default=Message.as_json)))
            is_answered.set()

    def lines() -> Iterator[str]:
        for request in requests:
            is_answered.clear()
            yield request if isinstance(request, str) else json.dumps(request)
            assert is_answered.wait(30)

    result = xray.answer(config, say, lines())
    assert result["kind"] == "result"
    return said


def place(said: dict[str, Any]) -> tuple[str, int]:
    ray = from_json(said["ray"])
    return Path(ray.file).name, ray.row


def test_rows_are_given_by_place_number_and_source(config: RunConfig) -> None:
    said = answers(
        config, {"ask": "row", "at": 3, "id": 7}, {"ask": "place", "file": "b.jsonl", "row": 5},
        {"ask": "source", "number": 1}, {"ask": "place", "row": 2},
    )  # fmt: skip
    assert [place(each) for each in said] == [("a.jsonl", 4), ("b.jsonl", 5), ("b.jsonl", 1), ("a.jsonl", 2)]
    assert (said[0]["id"], said[0]["at"], said[1]["at"]) == (7, 3, 154)


def test_the_next_bad_row_and_the_one_before_are_found(config: RunConfig) -> None:
    said = answers(
        config, {"ask": "seek", "at": 0, "bad": True}, {"ask": "seek", "at": 270, "bad": True},
        {"ask": "seek", "at": 299, "step": -1, "bad": True}, {"ask": "seek", "at": 280, "bad": True},
    )  # fmt: skip
    assert [place(each) for each in said[:3]] == [("b.jsonl", 120), ("b.jsonl", 130), ("b.jsonl", 130)]
    assert said[0]["ray"]["fate"] == "left-out"
    assert said[1]["ray"]["fate"] == "unreadable"
    assert (said[3]["type"], said[3]["message"]) == ("none", Message("jobs.search-ended", rows=20).as_json())


def test_text_is_searched_for(config: RunConfig) -> None:
    said = answers(
        config, {"ask": "seek", "at": 0, "text": "question 77 OF b"}, {"ask": "seek", "at": 0, "text": "zebra"}
    )
    assert place(said[0]) == ("b.jsonl", 78)
    assert said[1]["type"] == "none"


def test_a_row_that_is_not_there_is_an_error_that_names_those_that_are(config: RunConfig) -> None:
    said = answers(
        config, {"ask": "place", "file": "b.jsonl", "row": 151}, {"ask": "place", "file": "c.jsonl", "row": 1}
    )
    assert (said[0]["code"], said[1]["code"]) == ("jobs.no-such-row", "jobs.no-such-file")
    args = said[0]["args"]
    assert (args["row"], args["rows"], args["first"], args["last"]) == (151, 150, 1, 150)
    assert any("a.jsonl" in name for name in said[1]["args"]["files"])


def test_it_is_known_who_is_held_out_once_all_rows_are_read(config: RunConfig) -> None:
    (early,) = answers(config, {"ask": "row", "at": 0})
    assert early["ray"]["fate"] == "used"
    (late,) = answers(config, {"ask": "row", "at": 0, "whole": True})
    assert late["ray"]["fate"] in ("trained", "heldout")
    assert late["counted"]


def test_what_is_no_request_ends_nothing(config: RunConfig) -> None:
    said = answers(config, "{", {"ask": "nothing"}, {"ask": "row", "at": 999}, {"ask": "row", "at": 0})
    assert [each["type"] for each in said] == ["trouble", "trouble", "none", "row"]


def test_a_search_is_given_up_for_the_next_request(config: RunConfig) -> None:
    said: list[dict[str, Any]] = []

    def say(kind: str, **values: Any) -> None:
        said.append({"type": kind, **values})

    requests = [{"ask": "seek", "at": 0, "text": "zebra", "id": 1}, {"ask": "row", "at": 9, "id": 2}]
    xray.answer(config, say, map(json.dumps, requests))
    given = [(each["id"], each["type"]) for each in said if each["type"] in ("row", "none")]
    assert given == [(1, "none"), (2, "row")]
    assert next(each["message"] for each in said if each["type"] == "none") == Message("jobs.search-stopped", rows=1)


def test_without_the_model_it_says_so(config: RunConfig) -> None:
    missing = config.model_copy(update={"model": config.model.model_copy(update={"name_or_path": "org/not-here"})})
    said = xray.answer(missing, lambda kind, **values: None, [])
    assert said == {"kind": "unavailable", "message": Message("jobs.xray-later", model="org/not-here")}
