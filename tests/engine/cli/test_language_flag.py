"""--lang stands anywhere on the command line, and is minded before anything is said."""

from __future__ import annotations

import pytest

from engine.cli.language_flag import take
from engine.messages import language
from tests.engine.cli.cli_calls import Shell


@pytest.mark.parametrize(
    "arguments", [["--lang", "zh", "run", "x"], ["run", "--lang=zh_CN", "x"], ["run", "x", "--lang", "zh"]]
)
def test_it_is_taken_out_wherever_it_stands(arguments: list[str]) -> None:
    assert take(arguments) == ["run", "x"]
    assert language.current() == "zh"


def test_what_follows_two_dashes_is_no_flag() -> None:
    assert take(["run", "--", "--lang", "zh"]) == ["run", "--", "--lang", "zh"]
    assert language.current() == "en"


def test_a_language_there_is_not_ends_with_2_and_names_those_there_are(shell: Shell) -> None:
    answer = shell("runs", "--lang", "klingon")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        "tunedeck: This language is not available", "  klingon is not one of en, zh.",
        "Set --lang or TUNEDECK_LANG to one of them.",
    ]  # fmt: skip


def test_without_its_language_it_is_a_mistake_on_the_command_line(shell: Shell) -> None:
    assert shell("--lang").code == 2
