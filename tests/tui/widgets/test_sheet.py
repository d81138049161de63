"""The app's stylesheet gives each widget what Textual's own would."""

from __future__ import annotations

from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet

from tests.tui import fake_runs
from tests.tui.agreed import still
from tests.tui.conftest import MakeWorld
from tui.app import TunedeckApp
from tui.theme import THEMES

KEYS = {
    "home": ("down", "question_mark", "escape", "n"),
    "wizard": ("down", "tab", "w"),
    "monitor": ("tab", "l", "slash"),
}


def styles(app: TunedeckApp) -> list[dict[str, Any]]:
    """Of every widget and its components, as the app has them now."""
    nodes = app.screen.walk_children(with_self=True)
    return [
        dict(each.base._rules)
        for node in nodes
        for each in (node.styles, *(node._component_styles[name] for name in sorted(node._component_styles)))
    ]


@pytest.mark.parametrize("route", KEYS)
@pytest.mark.parametrize("size", [(80, 24), (130, 44)])
async def test_every_widget_has_the_styles_that_textual_would_give_it(
    make_world: MakeWorld, route: str, size: tuple[int, int]
) -> None:
    world = make_world()
    run = fake_runs.finished_run(world.root)
    app = TunedeckApp(world, route, run)
    async with app.run_test(size=size) as pilot:
        for key in ("", *KEYS[route]):
            await pilot.press(*([key] if key else []))
            await still(pilot)
            shown = styles(app)
            plain = Stylesheet(variables=app.get_css_variables())
            plain.source = app.stylesheet.source
            plain.reparse()
            plain.update(app.screen)
            assert shown == styles(app)
            assert len(shown) > 5


async def test_a_theme_styles_anew_what_was_styled_already(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test() as pilot:
        await still(pilot)
        before = styles(app)
        dark = app.theme
        app.theme = next(each.name for each in THEMES.values() if each.name != dark)
        await still(pilot)
        assert styles(app) != before
        app.theme = dark
        await still(pilot)
        assert styles(app) == before
