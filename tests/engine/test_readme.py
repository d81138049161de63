"""The README is true: its config runs, its verbs and keys exist, its exit codes are the program's."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from engine.common import errors
from engine.config import rules
from engine.config.presets import Layer, resolve
from tests.engine.cli.cli_calls import Shell

SIGNS = {"colon": ":", "question_mark": "?", "slash": "/", "escape": "Esc"}
"""What Textual calls keys that people read by their sign."""
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_its_examples_together_are_a_config_without_a_complaint() -> None:
    """All but the first show what is added to a file like that one."""
    whole, *added = (tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL))
    assert len(added) > 1
    for sections in ({}, *added):
        assert rules.check(resolve([Layer("file", whole | sections)]).config) == []


def test_every_verb_it_shows_exists(shell: Shell) -> None:
    blocks = "".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    verbs = set(re.findall(r"^tunedeck (\w+)", blocks, re.MULTILINE)) | {"resume", "save", "stop"}
    assert len(verbs) > 14
    known = shell("--help").out
    for verb in verbs:
        assert f"\n  {verb} " in known, verb


@pytest.mark.parametrize("kind", ["ConfigError", "DataError", "ModelError", "MachineError", "RunError"])
def test_its_exit_codes_are_those_of_the_program(kind: str) -> None:
    code = getattr(errors, kind).exit_code
    word = kind.removesuffix("Error").lower()
    [meaning] = re.findall(rf"^\| {code} \| (.*) \|$", README, re.MULTILINE)
    assert word in meaning


def test_every_key_it_shows_is_bound() -> None:
    from tui import keys

    tables = [each for each in vars(keys).values() if isinstance(each, tuple)]
    every = [key for table in tables for key in table if isinstance(key, keys.Key)]
    bound = {name.lower() for key in every for name in (key.shown, *key.key.split(","))}
    bound |= {named.lower() for name, named in SIGNS.items() if name in bound}
    [about] = re.findall(r"^## Keys\n\n(.*?)\n\n", README, re.MULTILINE | re.DOTALL)
    shown = re.findall(r"`([^`]+)`", about)
    assert len(shown) > 10
    for key in shown:
        assert key.lower() in bound, key


@pytest.mark.parametrize("command", re.findall(r"`python (tests/\S+\.py)", README))
def test_every_measurement_it_names_is_there(command: str) -> None:
    assert (ROOT / command).is_file()
