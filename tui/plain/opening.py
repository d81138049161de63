"""Plain mode from its start to its end: home, a run to follow, or the questions with a config filled in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from engine.common.errors import MachineError
from engine.runs.directory import find
from tui.plain.home import Home
from tui.plain.lines import Left, Lines
from tui.plain.monitor import follow
from tui.world import World

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from tui.draft.draft import Draft
    from tui.draft.services import Services

ROUTES = ("home", "attach", "demo", "wizard")
"""Places that there are as lines; the others are verbs of the command line."""


def open_lines(
    route: str, name: str = "", prefill: Resolved | Draft | None = None, world: World | None = None,
    services: Services | None = None,
) -> int:  # fmt: skip
    """Ask and tell until the person leaves; returns the exit code. ``name`` is the run to attach to.

    Raises MachineError for a place that needs a screen, RunError for a run that is not there.
    """
    if route not in ROUTES:
        raise MachineError("plain.needs-screen", place=route)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end it
    lines = Lines()
    try:
        if route == "attach":
            follow(lines, find(name or "last"))
            return 0
        home = Home(lines, world or World(), services)
        if route in ("demo", "wizard"):
            home.new_run(prefill)
        home.ask(is_listed=route != "home")
    except Left:
        return 0
    except KeyboardInterrupt:
        lines.say()
    return 0
