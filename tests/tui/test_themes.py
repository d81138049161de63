"""A theme is seen before it is kept; what is named for one session goes before, and few colours leave few themes."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from textual.color import Color
from textual.widgets import Input

from engine.common import settings
from engine.common.errors import ConfigError
from tests.tui import fake_runs
from tests.tui.conftest import MakeWorld
from tests.tui.looking import said, screen_text, until, until_shows
from tests.tui.pty_session import PtySession
from tui.__main__ import _take_theme
from tui.app import TunedeckApp
from tui.compare.screen import CompareScreen
from tui.home.screen import HomeScreen
from tui.terminal import THEME, Terminal
from tui.theme import CONTRAST, DARK, LIGHT, TERMINAL, THEMES, chosen
from tui.themes.screen import ThemesScreen


@pytest.fixture(autouse=True)
def _nothing_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THEME, "")  # what a test sets in the environment goes with it


async def test_the_theme_under_the_cursor_is_shown_and_enter_keeps_it(make_world: MakeWorld, root: Path) -> None:
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("T")
        await until_shows(pilot, said("themes.sample"))
        await pilot.press("down")
        await until(pilot, lambda: app.theme == "light")
        assert settings.get("ui", "theme") is None
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert app.theme == "dark"
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, ThemesScreen))
        await pilot.press("down", "down", "enter")
        await until_shows(pilot, said("themes.kept", name=said("themes.contrast")))
    assert settings.get("ui", "theme") == "contrast"
    assert TunedeckApp(make_world()).theme == "contrast"


@pytest.mark.parametrize(("colours", "why"), [("16", "themes.sixteen"), ("none", "themes.no-colours")])
async def test_few_colours_leave_two_themes_and_the_screen_says_why(
    colours: str, why: str, make_world: MakeWorld, root: Path
) -> None:
    app = TunedeckApp(make_world(colours))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("T")
        await until_shows(pilot, said("themes.sample"))
        assert said(why)[:40] in screen_text(app)
        seen = set()
        await pilot.press("home")
        for _ in THEMES:
            seen.add(app.theme)
            await pilot.press("down")
        assert seen == {"terminal", "contrast"}
        await pilot.press("home", "enter")
        assert isinstance(app.screen, ThemesScreen), "a theme that can't be shown is not kept"


async def test_a_theme_that_cannot_be_written_down_is_said_so(
    make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(settings, "keep", refuse)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("T")
        await until_shows(pilot, said("themes.sample"))
        await pilot.press("enter")
        await until_shows(pilot, "settings.json")


def test_what_is_named_goes_before_what_is_kept_and_both_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    rich, sixteen = Terminal("truecolor"), Terminal("16")
    assert (chosen(rich), chosen(sixteen)) == (DARK, TERMINAL)
    settings.keep("light", "ui", "theme")
    assert (chosen(rich), chosen(sixteen)) == (LIGHT, TERMINAL)
    assert _take_theme(["attach", "--theme", "contrast", "last"]) == ["attach", "last"]
    assert (chosen(rich), chosen(sixteen)) == (CONTRAST, CONTRAST)
    assert _take_theme(["--theme=dark", "--", "--theme=light"]) == ["--", "--theme=light"]
    assert chosen(rich) == DARK
    _take_theme(["--theme", "pink"])
    with pytest.raises(ConfigError) as caught:
        chosen(rich)
    assert "color-blind" in str(caught.value)
    assert "pink" in str(caught.value)


@pytest.mark.parametrize("kept", ["pink", 7, ["dark"], None])
def test_a_kept_theme_that_is_none_is_passed_over(kept: object) -> None:
    settings.keep(kept, "ui", "theme")
    assert chosen(Terminal("truecolor")) == DARK


@pytest.mark.parametrize("theme", THEMES)
async def test_a_run_can_be_looked_at_in_every_theme(
    theme: str, make_world: MakeWorld, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THEME, theme)
    fake_runs.failed_run(root)
    app = TunedeckApp(make_world(), "monitor", fake_runs.finished_run(root))
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.theme == theme
        await until_shows(pilot, "97%")
        await pilot.press("c", "c", "v", "q")
        await until_shows(pilot, said("home.column-progress"))
        await until_shows(pilot, "too-large")
        await pilot.press("home", "space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen._found)
        await pilot.press("c")


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["terminal", "contrast"])
def test_without_colours_none_is_sent(theme: str, root: Path) -> None:
    fake_runs.finished_run(root)
    env = {"TUNEDECK_HOME": os.environ["TUNEDECK_HOME"], "NO_COLOR": "1", THEME: theme}
    with PtySession(("attach", "last"), env=env) as session:
        session.wait_for("97%")
        session.read(1)
        assert not re.findall(rb"\x1b\[(?:\d+;)*(?:[34][0-8]|9[0-7]|10[0-7])[;m]", session.received)


async def test_with_16_colours_what_lies_behind_a_dialog_stays_in_sight_and_is_dim(make_world: MakeWorld) -> None:
    app = TunedeckApp(make_world("16"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shows(pilot, said("home.start-new"))
        await pilot.press("question_mark")
        await until_shows(pilot, said("home.help"))
        drawn = [segment for strip in app.screen._compositor.render_strips() for segment in strip]
        title = [segment for segment in drawn if segment.text.strip() == "tun"]
        assert title
        assert all(segment.style is not None and segment.style.dim for segment in title)
        assert not [each for each in drawn if each.style is not None and each.style.dim and each.style.reverse]


def contrast(one: Color, other: Color) -> float:
    """The ratio of WCAG 2, 1 to 21."""

    def luminance(color: Color) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("name", [name for name, theme in THEMES.items() if not theme.ansi])
async def test_words_that_can_wait_are_still_read_with_ease_in_every_theme(
    name: str, make_world: MakeWorld, root: Path
) -> None:
    """4.5:1 is what WCAG 2 asks of text (success criterion 1.4.3)."""
    theme = THEMES[name]
    for ground in (theme.background, theme.panel, theme.boost, theme.variables["focus-background"]):
        for text in (theme.foreground, theme.variables["muted"]):
            assert contrast(Color.parse(ground or ""), Color.parse(text or "")) >= 4.5, (text, ground)
    app = TunedeckApp(make_world())
    async with app.run_test(size=(80, 24)) as pilot:
        app.theme = name
        field = Input(placeholder="its folder", compact=True)
        await app.screen.mount(field)
        for focused in (False, True):
            field.focus() if focused else app.set_focus(None)
            await pilot.pause()
            ground = field.background_colors[1].tint(field.styles.background_tint)
            for part in ("input--placeholder", "input--suggestion"):
                styles = field.get_component_styles(part)
                assert contrast(ground, styles.color) >= 4.5, (part, focused)
