"""Five themes. Each colour has one meaning: accent is focus, green fine, amber worth a look, red lost or refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import App
from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

from engine.common import settings
from tui.terminal import THEME, Terminal


@dataclass(frozen=True)
class Palette:
    """What a theme decides; every screen names these meanings and never a colour.

    ``panel`` is the second tone (top line, badges), ``raised`` lies above the screen (dialogs), ``tint`` behind what
    has the focus. ``series`` are the curves of a chart, the first the bright one; ``memory`` is in the order of TERMS.
    """

    background: str
    panel: str
    raised: str
    text: str
    muted: str
    faint: str
    frame: str
    accent: str
    tint: str
    good: str
    look: str
    lost: str
    raw: str
    series: tuple[str, str, str, str]
    memory: tuple[str, str, str, str, str, str, str, str]


TERMS = ("weights", "adapter", "optimizer", "activations", "logits", "copies", "context", "others")


def _theme(name: str, made: Palette, dark: bool = True) -> Theme:
    bars = {f"scrollbar{part}": made.frame for part in ("", "-hover")} | {"scrollbar-active": made.accent}
    bars |= {f"scrollbar-background{part}": made.raised for part in ("", "-hover", "-active")}
    return Theme(
        name=name, dark=dark, primary=made.accent, secondary=made.muted, accent=made.accent, success=made.good,
        warning=made.look, error=made.lost, foreground=made.text, background=made.background,
        surface=made.background, panel=made.panel, boost=made.raised,
        variables={
            "muted": made.muted, "faint": made.faint, "text-muted": made.muted, "text-disabled": made.faint,
            "focus-background": made.tint, "focus-foreground": made.accent, "focus-style": "bold", "row-style": "none",
            "faint-style": "none",
            "block-cursor-background": made.accent, "block-cursor-foreground": made.background,
            "input-selection-background": made.tint, "border": made.accent, "border-blurred": made.frame,
            "chart-raw": made.raw, "chart-raw-style": "none", **bars,
            **{f"chart-{at}": colour for at, colour in enumerate(made.series)},
            **{f"term-{term}": colour for term, colour in zip(TERMS, made.memory, strict=True)},
        },
    )  # fmt: skip


# All colours but the tints are members of the 256-colour palette, so that both kinds of terminal show the same.
DARK = _theme("dark", Palette(
    background="#121212", panel="#262626", raised="#1c1c1c", text="#eeeeee", muted="#a8a8a8", faint="#6c6c6c",
    frame="#4e4e4e", accent="#5fd7ff", tint="#2c3439", good="#87d75f", look="#ffaf5f", lost="#ff5f5f",
    raw="#5f87af", series=("#ffffff", "#ffd787", "#d7afff", "#87d7af"),
    memory=("#5f87d7", "#ffffff", "#af87d7", "#d7af87", "#d787af", "#9e9e9e", "#767676", "#d0d0d0"),
))  # fmt: skip
LIGHT = _theme("light", Palette(
    background="#ffffff", panel="#e4e4e4", raised="#eeeeee", text="#1c1c1c", muted="#585858", faint="#949494",
    frame="#b2b2b2", accent="#005faf", tint="#d7e7f5", good="#008700", look="#af5f00", lost="#d70000",
    raw="#87afd7", series=("#000000", "#af5f00", "#8700af", "#00875f"),
    memory=("#005faf", "#303030", "#8700af", "#af5f00", "#d7005f", "#767676", "#9e9e9e", "#bcbcbc"),
), dark=False)  # fmt: skip
CONTRAST = _theme("contrast", Palette(
    background="#000000", panel="#303030", raised="#000000", text="#ffffff", muted="#e4e4e4", faint="#bcbcbc",
    frame="#ffffff", accent="#ffff00", tint="#00005f", good="#00ff00", look="#ffaf00", lost="#ff8787",
    raw="#87afff", series=("#ffffff", "#ffff00", "#ff87ff", "#00ffff"),
    memory=("#5f87ff", "#ffffff", "#ff87ff", "#ffaf00", "#ff5f87", "#d0d0d0", "#949494", "#e4e4e4"),
))  # fmt: skip
# Blue, yellow and vermilion are told apart with each of the common colour deficiencies (Okabe and Ito 2008).
COLOUR_BLIND = _theme("color-blind", Palette(
    background="#121212", panel="#262626", raised="#1c1c1c", text="#eeeeee", muted="#a8a8a8", faint="#6c6c6c",
    frame="#4e4e4e", accent="#d7afff", tint="#322d3a", good="#5fafff", look="#ffff5f", lost="#ff5f00",
    raw="#5f87af", series=("#ffffff", "#ffd700", "#d787af", "#00af87"),
    memory=("#0087d7", "#ffffff", "#d787af", "#ffaf00", "#ff5f00", "#9e9e9e", "#767676", "#d0d0d0"),
))  # fmt: skip

_DEFAULT = dict.fromkeys(
    ("muted", "faint", "focus-background", "focus-foreground", "border-blurred", "text-muted", "text-disabled",
     "block-cursor-background", "block-cursor-foreground", "chart-raw", "chart-0", "term-adapter", "term-context",
     "term-others"),
    "ansi_default",
)  # fmt: skip
TERMINAL = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_cyan",
    secondary="ansi_default",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables=_DEFAULT
    | {
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "focus-style": "bold reverse",
        "row-style": "bold reverse",
        "faint-style": "dim",
        "chart-raw-style": "dim",
        "chart-1": "ansi_yellow",
        "chart-2": "ansi_magenta",
        "chart-3": "ansi_cyan",
        "term-weights": "ansi_blue",
        "term-optimizer": "ansi_magenta",
        "term-activations": "ansi_cyan",
        "term-logits": "ansi_bright_magenta",
        "term-copies": "ansi_bright_blue",
        "border": "ansi_cyan",
        "block-cursor-text-style": "bold reverse",
        "input-cursor-text-style": "reverse",
    },
)
"""The colours of the terminal itself: the only ones to rely on where there are 16."""

THEMES = {theme.name: theme for theme in (DARK, LIGHT, CONTRAST, COLOUR_BLIND, TERMINAL)}


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of whole cells: its ends are not drawn with block characters."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


Colours = Callable[[str], str]
"""Gives Rich the colour of a theme's variable, such as ``success``."""


_OF_TEXTUAL = {"transparent": "default"}
"""What Textual makes of the terminal's own colours, and what Rich calls it."""


def colours_of(app: App[Any]) -> Colours:
    """Of the theme that ``app`` shows now, for what is drawn by Rich."""
    return lambda name: _OF_TEXTUAL.get(found := app.theme_variables[name], found.removeprefix("ansi_"))


def theme_for(terminal: Terminal) -> Theme:
    """The theme to begin with, where none was chosen."""
    return TERMINAL if terminal.sixteen else DARK


def allowed(terminal: Terminal) -> tuple[str, ...]:
    """Names of the themes that ``terminal`` can show: 16 colours are too few for tones that are close."""
    return (CONTRAST.name, TERMINAL.name) if terminal.sixteen else tuple(THEMES)


def named() -> str:
    """The theme that ``--theme`` or the environment names for this session, "" for none. Raises ConfigError."""
    name = os.environ.get(THEME, "")
    if name and name not in THEMES:
        from engine.common.errors import ConfigError

        raise ConfigError("themes.unknown", name=name, themes=list(THEMES))
    return name


def chosen(terminal: Terminal) -> Theme:
    """The theme named for this session, else the kept one; one that ``terminal`` can't show gives way to its own."""
    name = named() or settings.get("ui", "theme")
    return THEMES[name] if name in allowed(terminal) else theme_for(terminal)
