"""Every command, argument and option has its help in each language, and each help has what it is for."""

from __future__ import annotations

from typing import Any

import pytest
import typer.main

from engine.cli.main import build
from engine.messages.catalogue import _entry, codes
from tests.engine.cli.cli_calls import Shell


def _parts(command: Any, path: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """The code of each command with the names of what it takes."""
    found = {f"help.{'-'.join(path) or 'tunedeck'}": {each.name for each in command.params}}
    for name, child in getattr(command, "commands", {}).items():
        found |= _parts(child, (*path, name))
    return found


def test_help_and_command_line_are_of_one_piece() -> None:
    commands = _parts(typer.main.get_command(build()))
    commands["help.tunedeck"] |= {"help_option"}
    texts = {code for code in codes("en") if code.startswith("help.") and not code.startswith("help.heading-")}
    assert texts == commands.keys()
    for code, names in commands.items():
        entry = _entry("en", code)
        assert entry is not None
        assert entry.parts.keys() - {"", "help", "epilog"} == names, code


@pytest.mark.parametrize(("spoken", "word"), [("en", "Usage: tunedeck run"), ("zh", "用法: tunedeck run")])
def test_help_is_in_the_language_that_is_asked_for(shell: Shell, spoken: str, word: str) -> None:
    answer = shell("run", "--help", "--lang", spoken)
    assert answer.code == 0
    assert answer.out.startswith(word)
    assert ("检查点" in answer.out) == (spoken == "zh")


def test_no_line_of_chinese_help_is_wider_than_a_terminal(shell: Shell) -> None:
    from wcwidth import wcswidth

    for code in _parts(typer.main.get_command(build())):
        path = code.removeprefix("help.").replace("tunedeck", "").replace("-", " ").split()
        answer = shell(*path, "--help", "--lang", "zh")
        assert [line for line in answer.out.splitlines() if wcswidth(line) > 100] == []
