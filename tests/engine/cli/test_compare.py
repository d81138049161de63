"""`tunedeck compare`: tables for a person, one line of JSON for a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import directory
from engine.runs.directory import RunDir
from tests.engine.app.compare.test_compare import make, right
from tests.engine.cli.cli_calls import Shell
from tests.engine.runs.making import measure


@pytest.fixture
def pair(shell: Shell, home: Path) -> tuple[RunDir, RunDir]:
    first, second = make(home / "runs", "first"), make(home / "runs", "second", rate=3e-4)
    measure(first, right(60))
    measure(second, right(90, seed=1))
    return first, second


def test_verdict_cost_and_settings_are_printed(shell: Shell, pair: tuple[RunDir, RunDir]) -> None:
    answer = shell("compare", "first", "second")
    assert answer.code == 0, answer.err
    for expected in (
        "A first", "B second", "exact match, B against A: better, +30.0 points", "train.learning_rate", "1 min 1 s",
        "Test, the same 100 rows",
    ):  # fmt: skip
        assert expected in answer.out


def test_as_json_it_has_the_numbers(shell: Shell, pair: tuple[RunDir, RunDir]) -> None:
    told = shell("compare", pair[0].id, pair[1].id, "--json").json
    assert [each["letter"] for each in told["runs"]] == ["A", "B"]
    [versus] = told["row_sets"][0]["metrics"][0]["comparisons"]
    assert (versus["verdict"], versus["n"], versus["test"]) == ("better", 100, "mcnemar")
    assert told["settings"] == [{"field": "train.learning_rate", "values": [0.0001, 0.0003]}]


def test_a_metric_that_nobody_has_is_an_error_that_names_those_there_are(
    shell: Shell, pair: tuple[RunDir, RunDir]
) -> None:
    answer = shell("compare", "first", "second", "--by", "bleu")
    assert answer.code == 6
    assert "exact_match" in answer.err
    assert shell("compare", "first", "second", "--by", "exact_match").code == 0


@pytest.mark.parametrize("names", [[], ["first"], ["first", "gone"], ["first", "first"]])
def test_less_than_two_runs_is_an_error(shell: Shell, pair: tuple[RunDir, RunDir], names: list[str]) -> None:
    answer = shell("compare", *names)
    assert answer.code in (2, 6)
    assert "Traceback" not in answer.err


def test_names_with_escape_sequences_are_cleaned(shell: Shell, home: Path) -> None:
    for name in ("\x1b[31mred\x1b[0m", "[b]bold[/b]"):
        directory.create("tiny", '[model]\nname_or_path = "m"\n[[data]]\npath = "d"\n', name, home / "runs")
    ids = [run.id for run in directory.list_runs()]
    answer = shell("compare", *ids)
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "[b]bold[/b]" in answer.out
