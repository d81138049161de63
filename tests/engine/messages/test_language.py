"""The language is asked for, kept from before, or that of the locale."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.messages import language


@pytest.fixture(autouse=True)
def _nothing_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (language.VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh-Hant-TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "TUNEDECK_LANG": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "TUNEDECK_LANG": "klingon"}, "zh"),
    ],
)
def test_the_surroundings_say_it(variables: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    language.use("")
    assert language.current() == found


def test_a_choice_is_kept_beside_what_else_is_kept_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    home.mkdir()
    (home / "settings.json").write_text('{"other": 1}', "utf-8")
    language.keep("zh")
    assert language.current() == "zh"
    monkeypatch.delenv(language.VARIABLE)
    language.use("")
    assert language.current() == "zh"
    assert (home / "settings.json").read_text("utf-8") == '{"other": 1, "language": "zh"}'


@pytest.mark.parametrize("kept", ["", "[]", '{"language": 7}', "\x00"])
def test_a_broken_choice_is_none(kept: str, home: Path) -> None:
    home.mkdir()
    (home / "settings.json").write_text(kept, "utf-8")
    language.use("")
    assert language.current() == "en"
