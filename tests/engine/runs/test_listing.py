"""A list of runs is put in order and searched; what has no figure comes last and is never lost."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.messages import language
from engine.runs.directory import RunDir
from engine.runs.listing import ORDERS, is_like, matching, ordered
from engine.runs.summary import RunSummary, Score


def run(name: str, loss: float | None = None, score: Score | None = None, state: str = "finished",
        data: str = "/d/rows.jsonl") -> RunSummary:  # fmt: skip
    return RunSummary(
        run=RunDir(Path(name)), name=name, model="SmolLM2-135M", state=state, reason=None, step=1, total_steps=2,  # type: ignore[arg-type]
        loss=loss, losses=(), eta_s=None, last_t=1.0, resumable=False, score=score, data=(data,),
    )  # fmt: skip


def names(lines: list[RunSummary]) -> list[str]:
    return [line.name for line in lines]


RUNS = [
    run("newest", 0.5, Score("exact_match", 0.7, 9)), run("Bare", None), run("nan", math.nan, state="crashed"),
    run("best", 0.9, Score("exact_match", 0.9, 9), "running"), run("text", 0.1, Score("perplexity", 9.0, 9)),
    run("better-text", 0.2, Score("perplexity", 4.0, 9)), run("third", 0.3, Score("exact_match", 0.1, 9)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("newest", ["newest", "Bare", "nan", "best", "text", "better-text", "third"]),
        ("name", ["Bare", "best", "better-text", "nan", "newest", "text", "third"]),
        ("state", ["best", "nan", "newest", "Bare", "text", "better-text", "third"]),
        ("loss", ["text", "better-text", "third", "newest", "best", "Bare", "nan"]),
        ("metric", ["best", "newest", "third", "better-text", "text", "Bare", "nan"]),
    ],
)
def test_each_order(by: str, expected: list[str]) -> None:
    assert names(ordered(RUNS, by)) == expected  # type: ignore[arg-type]


def test_no_order_loses_a_run() -> None:
    for by in ORDERS:
        assert sorted(names(ordered(RUNS, by))) == sorted(names(RUNS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("", 7), ("  ", 7), ("best", 1), ("BEST", 1), ("rows.jsonl", 7), ("crash", 1), ("crshd", 1),
        ("text finished", 2), ("sml135", 7), ("exact", 3), ("nothing-like-it", 0), ("best crashed", 0),
        ("perplexity", 2), ("[b]", 0), ("\x1b", 0), ("(", 0),
    ],
)  # fmt: skip
def test_every_word_must_be_found_somewhere(wanted: str, found: int) -> None:
    assert len(matching(RUNS, wanted)) == found


def test_a_state_is_found_in_the_language_of_the_screen_too() -> None:
    language.use("zh")
    assert names(matching(RUNS, "崩溃")) == ["nan"]  # type: ignore[arg-type]
    assert names(matching(RUNS, "crashed")) == ["nan"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("word", "field", "is_found"),
    [("odr", "my orders", True), ("rdr", "my orders", False), ("or", "my orders", True), ("os", "orders", False),
     ("orx", "orders", False), ("oes", "o" + "-" * 40 + "es", False)],
)  # fmt: skip
def test_letters_count_from_the_beginning_of_a_word_and_near_each_other(word: str, field: str, is_found: bool) -> None:
    assert is_like(word, field) is is_found
