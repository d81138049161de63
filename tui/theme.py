"""Two themes: one of high contrast for 256 and more colours, one that leaves 16 colours to the terminal.

Each colour has one meaning: accent is focus, green is fine, amber is worth a look, red is lost or refused.
"""

from __future__ import annotations

from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

from tui.terminal import Terminal

# All of these are members of the 256-colour palette, so that both kinds of terminal show the same.
RICH = Theme(
    name="tunedeck",
    primary="#5fd7ff",
    secondary="#87afd7",
    accent="#5fd7ff",
    success="#87d75f",
    warning="#ffaf00",
    error="#ff5f5f",
    foreground="#eeeeee",
    background="#121212",
    surface="#121212",
    panel="#262626",
    boost="#1c1c1c",
    variables={
        "muted": "#a8a8a8",
        "faint": "#6c6c6c",
        "focus-background": "#5fd7ff",
        "focus-foreground": "#121212",
        "focus-style": "bold",
        "chart-raw": "#5f87af",
        "chart-raw-style": "none",
        "chart-0": "#ffffff",
        "chart-1": "#ffd787",
        "chart-2": "#d7afff",
        "chart-3": "#87d7af",
        "term-weights": "#5f87d7",
        "term-adapter": "#ffffff",
        "term-optimizer": "#af87d7",
        "term-activations": "#d7af87",
        "term-logits": "#d787af",
        "term-copies": "#9e9e9e",
        "term-context": "#767676",
        "term-others": "#d0d0d0",
        "border": "#5fd7ff",
        "border-blurred": "#585858",
        "text-muted": "#a8a8a8",
        "text-disabled": "#6c6c6c",
        "scrollbar": "#585858",
        "scrollbar-hover": "#585858",
        "scrollbar-active": "#5fd7ff",
        "scrollbar-background": "#1c1c1c",
        "scrollbar-background-hover": "#1c1c1c",
        "scrollbar-background-active": "#1c1c1c",
        "block-cursor-background": "#5fd7ff",
        "block-cursor-foreground": "#121212",
        "input-selection-background": "#005f87",
    },
)

SIXTEEN = Theme(
    name="tunedeck-16",
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
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "muted": "ansi_default",
        "faint": "ansi_default",
        "focus-background": "ansi_default",
        "focus-foreground": "ansi_default",
        "focus-style": "bold reverse",
        "chart-raw": "ansi_default",
        "chart-raw-style": "dim",
        "chart-0": "ansi_default",
        "chart-1": "ansi_yellow",
        "chart-2": "ansi_magenta",
        "chart-3": "ansi_cyan",
        "term-weights": "ansi_blue",
        "term-adapter": "ansi_default",
        "term-optimizer": "ansi_magenta",
        "term-activations": "ansi_cyan",
        "term-logits": "ansi_bright_magenta",
        "term-copies": "ansi_bright_blue",
        "term-context": "ansi_default",
        "term-others": "ansi_default",
        "border": "ansi_cyan",
        "border-blurred": "ansi_default",
        "text-muted": "ansi_default",
        "text-disabled": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-text-style": "bold reverse",
        "input-cursor-text-style": "reverse",
    },
)


class PlainScrollBar(ScrollBarRender):
    """A scroll bar of whole cells: its ends are not drawn with block characters."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


def theme_for(terminal: Terminal) -> Theme:
    return SIXTEEN if terminal.sixteen else RICH
