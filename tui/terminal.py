"""What this terminal can do, decided from its environment before Textual is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.common.errors import MachineError

THEME = "TUNEDECK_THEME"
"""Names the theme of a session; ``--theme`` sets it."""

Colours = Literal["truecolor", "256", "16", "none"]

_RICH_TERMS = ("256color", "kitty", "alacritty", "foot", "ghostty", "wezterm", "iterm")


@dataclass(frozen=True)
class Flags:
    """What a person asked for on the command line; it beats what was found."""

    ascii: bool = False
    colours: Colours | None = None
    mouse: bool = True


@dataclass(frozen=True)
class Terminal:
    """``unicode`` false means: draw with ASCII only. ``over_ssh`` keeps redraws rare."""

    colours: Colours = "truecolor"
    unicode: bool = True
    mouse: bool = True
    over_ssh: bool = False

    @property
    def sixteen(self) -> bool:
        """Whether only the terminal's own 16 colours (or none) can be relied on."""
        return self.colours in ("16", "none")


def inspect(env: Mapping[str, str], stderr_is_terminal: bool, encoding: str, flags: Flags = Flags()) -> Terminal:
    """What the terminal described by ``env`` can do.

    Raises MachineError where no screen can be drawn: stderr (which Textual draws on) is not a terminal, or
    TERM is dumb.
    """
    term = env.get("TERM", "")
    if not stderr_is_terminal:
        raise MachineError("app.no-terminal")
    if term == "dumb":
        raise MachineError("app.dumb-terminal")
    return Terminal(
        colours=flags.colours or _colours(env, term),
        unicode=not flags.ascii and _speaks_unicode(env, term, encoding),
        mouse=flags.mouse,
        over_ssh=bool(env.get("SSH_CONNECTION") or env.get("SSH_TTY")),
    )


def textual_environment(terminal: Terminal) -> dict[str, str]:
    """Environment switches of Textual, which it reads once, at its import."""
    system = {"truecolor": "truecolor", "256": "256", "16": "standard", "none": "standard"}
    switches = {
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_FPS": "15" if terminal.over_ssh else "30",
        "TEXTUAL_COLOR_SYSTEM": system[terminal.colours],
        "TEXTUAL_SMOOTH_SCROLL": "0",
    }
    if terminal.colours == "none":
        switches["NO_COLOR"] = "1"
    return switches


def _colours(env: Mapping[str, str], term: str) -> Colours:
    if env.get("NO_COLOR"):
        return "none"
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit") or term.endswith("-direct"):
        return "truecolor"
    return "256" if any(name in term for name in _RICH_TERMS) else "16"


def _speaks_unicode(env: Mapping[str, str], term: str, encoding: str) -> bool:
    if term == "linux" or encoding.lower().replace("-", "").replace("_", "") != "utf8":
        return False
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    # Python turns a plain C locale into C.UTF-8 for itself; an explicit LANG=C still tells what was meant.
    coerced = not env.get("LC_ALL") and locale == "C.UTF-8" and env.get("LANG", "") in ("C", "POSIX")
    named = locale.lower().replace("-", "")
    return not coerced and (not locale or "utf8" in named)
