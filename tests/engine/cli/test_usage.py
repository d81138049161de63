"""A command line that can't be read is an error like any other: a code, in each language, with a hint that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.cli.cli_calls import Shell
from tests.tui.wizard.making import make_rows

_WRONG = [
    (("frobnicate",), "usage.nothing-named"), (("staus",), "usage.nothing-named-but-near"),
    (("model", "gte"), "usage.no-such-command-but-near"), (("runs", "--zzz"), "usage.no-such-option"),
    (("status", "--jsn"), "usage.no-such-option-but-near"), (("merge",), "usage.missing-argument"),
    (("runs", "a", "b"), "usage.too-many-arguments"), (("estimate", "x", "--rank", "abc"), "usage.wrong-value"),
    (("estimate", "x", "--rank", "0"), "usage.wrong-value"), (("estimate", "x", "--rank", "1e9"), "usage.wrong-value"),
    (("data", "show", "x", "--row"), "usage.option-without-value"), (("runs", "--sort", "color"), "usage.wrong-value"),
    (("fields", "nope"), "config.no-such-section"), (("--lang", "xx", "runs"), "messages.unknown-language"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code"), _WRONG)
def test_it_is_told_by_a_code(shell: Shell, line: tuple[str, ...], code: str) -> None:
    answer = shell("--json", *line) if line[-1] == "--row" else shell(*line, "--json")
    assert answer.code == 2
    if line[-1] != "--row":
        assert answer.json["error"]["code"] == code
    assert all(part in answer.err for part in ("tunedeck: ",))


@pytest.mark.parametrize(("spoken", "title"), [("en", "No such option: --jsn"), ("zh", "没有选项 --jsn")])
def test_it_is_said_in_each_language(shell: Shell, spoken: str, title: str) -> None:
    assert f"tunedeck: {title}" in shell("--lang", spoken, "status", "--jsn").err


def test_the_near_command_of_the_hint_is_one(shell: Shell, home: object) -> None:
    (near,) = shell("rnus", "--json").json["error"]["args"]["near"][:1]
    assert shell(near, "--help").code == 0


def test_a_value_says_what_it_should_be(shell: Shell) -> None:
    assert "'0' is not a whole number of at least 1." in shell("estimate", "x", "--rank", "0").err
    assert "'5000' is not a whole number of at most 1,024." in shell("estimate", "x", "--rank", "5000").err


def test_a_choice_says_what_there_is(shell: Shell) -> None:
    assert "'color' is not one of newest, name, state, metric, loss.\n" in shell("runs", "--sort", "color").err
    for line in (("--colors", "3"), ("open", ".", "--colors", "3")):
        assert "'3' is not one of truecolor, 256, 16, none.\n" in shell(*line).err


def test_a_run_without_what_to_set_is_no_run_that_does_not_train(shell: Shell, home: Path) -> None:
    answer = shell("set", "20260101-000000-tiny-0000")
    assert answer.code == 2
    assert "20260101-000000-tiny-0000 is neither replay=SHARE nor rate=FACTOR" in answer.err


def test_a_group_without_a_command_shows_its_help(shell: Shell) -> None:
    answer = shell("model")
    assert (answer.code, "Usage: tunedeck model" in answer.err) == (2, True)


def test_a_path_takes_the_place_of_a_command(shell: Shell, tmp_path: Path, home: Path) -> None:
    rows = make_rows(tmp_path / "orders.jsonl")
    assert shell(rows, "--ascii").code == 0
    assert shell("open", rows).code == 0
    assert [(route, options["opened"].sources) for route, options in shell.screens] == [("open", (str(rows),))] * 2


def test_a_command_goes_before_a_file_of_its_name(
    shell: Shell, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_rows(Path("runs"))
    assert shell("runs", "--json").json == []
    assert shell.screens == []
