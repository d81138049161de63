"""What was chosen once is kept beside what else stands there, and a broken file costs neither it nor the start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.common import settings


def test_a_choice_is_kept_at_its_place_and_what_nobody_knows_stays(home: Path) -> None:
    assert settings.get("ui", "theme") is None
    settings.keep(True, "ui", "bell")
    settings.file().write_text(json.dumps(json.loads(settings.file().read_text()) | {"later": [1]}))
    settings.keep("light", "ui", "theme")
    assert settings.get("ui", "theme") == "light"
    assert settings.get("ui", "theme", "deeper") is None
    assert json.loads(settings.file().read_text()) == {"ui": {"bell": True, "theme": "light"}, "later": [1]}
    assert settings.trouble() is None


@pytest.mark.parametrize("written", ["", "[1]", '{"ui": ', "[" * 100_000])
def test_a_broken_file_is_told_of_and_put_aside_only_when_something_is_kept(written: str, home: Path) -> None:
    home.mkdir(parents=True)
    settings.file().write_text(written)
    assert settings.get("ui", "theme") is None
    assert settings.trouble() is not None
    assert settings.file().read_text() == written
    settings.keep("light", "ui", "theme")
    assert settings.get("ui", "theme") == "light"
    (aside,) = home.glob("settings.json.*")
    assert aside.read_text() == written


def test_a_level_that_is_no_object_gives_way(home: Path) -> None:
    settings.keep("yes", "ui")
    settings.keep("light", "ui", "theme")
    assert settings.get("ui", "theme") == "light"
