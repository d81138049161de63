"""The shell commands that screens show are ones that the command line takes."""

from __future__ import annotations

import shlex

import pytest
import typer

from engine.cli.main import build
from tui import keys, shell


@pytest.mark.parametrize("action", shell.COMMANDS)
def test_every_command_is_understood_by_the_command_line(action: str) -> None:
    words = shlex.split(shell.command(action, "20261130-094000-one", "two"))
    assert words[0] == "tunedeck"
    group = typer.main.get_command(build())
    context = typer.Context(group)
    name, verb, rest = group.resolve_command(context, words[1:])  # type: ignore[attr-defined]
    while hasattr(verb, "resolve_command"):
        name, verb, rest = verb.resolve_command(typer.Context(verb), rest)
    many = any(parameter.nargs == -1 for parameter in verb.params)
    verb.make_context(name, rest if many else [word for word in rest if word != "two"])


def test_every_command_belongs_to_a_key() -> None:
    tables = [value for value in vars(keys).values() if isinstance(value, tuple) and value]
    known = {key.id for table in tables for key in table}
    assert set(shell.COMMANDS) <= known


def test_names_with_blanks_are_quoted_and_without_a_run_there_is_no_command() -> None:
    assert shell.command("compare", "my run", "b") == "tunedeck compare 'my run' b"
    assert shell.command("stop") == ""
    assert shell.command("demo") == "tunedeck demo"
    assert shell.command("sort", "a") == ""
