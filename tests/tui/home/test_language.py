"""The language is chosen at home by one key, redraws at once and is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.messages import language
from tests.tui import fake_runs
from tests.tui.looking import screen_text, until, until_shows
from tui.app import TunedeckApp
from tui.home.runlist import RunList
from tui.world import World


async def test_l_speaks_the_other_language_at_once_and_the_next_time(
    make_world: Callable[..., World], root: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_runs.finished_run(root, "orders-json")
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, "orders-json")
        english = screen_text(app).splitlines()[2]
        await pilot.press("l")
        await until(pilot, lambda: language.current() == "zh" and "orders-json" in screen_text(app))
        assert len(app.screen_stack) == 1
        assert json.loads((home / "settings.json").read_text("utf-8")) == {"language": "zh"}
        await until(pilot, lambda: app.focused is app.screen.query_one(RunList))
        await pilot.press("l")
        await until(pilot, lambda: "orders-json" in screen_text(app) and english in screen_text(app))
    monkeypatch.delenv(language.VARIABLE)
    language.use("")
    assert language.current() == "en"
