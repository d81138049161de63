"""The gallery shows every widget in every theme, language and size, with ASCII too, as it was agreed on."""

from __future__ import annotations

from pathlib import Path

import pytest
from wcwidth import wcswidth

from engine.messages import language
from tests.tui.agreed import compare, picture, still
from tests.tui.looking import screen_text
from tui.gallery import GalleryApp
from tui.theme import THEMES
from tui.widgets.log import LogPane

KEPT = Path(__file__).parent / "gallery"
SHOWN = {
    "80x24.en": ((80, 24), "dark"), "120x40.zh": ((120, 40), "light"), "200x60.en": ((200, 60), "color-blind"),
    "80x24.ascii": ((80, 24), "terminal"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
async def test_the_gallery_looks_as_it_was_agreed_on(name: str) -> None:
    (size, theme), how = SHOWN[name], name.partition(".")[2]
    language.use("zh" if how == "zh" else "en")
    app = GalleryApp(theme, how != "ascii")
    async with app.run_test(size=size) as pilot:
        await still(pilot)
        shown = screen_text(app)
        picture(app, f"gallery.{name}")
    assert all(wcswidth(line) <= size[0] for line in shown.splitlines())
    assert how != "ascii" or shown.isascii()
    compare(KEPT / f"{name}.txt", shown + "\n")


async def test_every_theme_and_ascii_can_be_gone_through_by_keys() -> None:
    app = GalleryApp()
    async with app.run_test(size=(120, 40)) as pilot:
        seen = {app.theme}
        app.set_focus(None)
        for _ in THEMES:
            await pilot.press("t")
            seen.add(app.theme)
        assert seen == set(THEMES)
        app.set_focus(None)
        await pilot.press("a")
        await still(pilot)
        assert "+- 1 Panel" in screen_text(app)
        await pilot.press("d")
        await still(pilot)
        assert "y  " in screen_text(app), "a question is shown"


async def test_the_log_has_the_colors_of_another_theme_at_once() -> None:
    app = GalleryApp()
    async with app.run_test(size=(120, 40)) as pilot:
        pane = app.screen.query_one(LogPane)

        def colors() -> set[str]:
            return {str(segment.style.color) for segment in pane.render_line(3) if segment.style}

        await still(pilot)
        before = colors()
        app.theme = "light"
        await still(pilot)
        assert colors().isdisjoint(before)
