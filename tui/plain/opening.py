"""Plain mode from its start to its end: home, a run to follow, or the questions with a config filled in."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.common.errors import TunedeckError
from tui.plain.home import Home
from tui.plain.lines import Lines
from tui.plain.stream import Left
from tui.world import World

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.models.chat_request import ChatRequest
    from tui.draft.draft import Draft
    from tui.draft.services import Services

QUESTIONS = ("demo", "wizard", "open")
"""Places that begin with the questions."""


def open_lines(
    route: str, name: str = "", prefill: Resolved | Draft | None = None, world: World | None = None,
    services: Services | None = None, judged: tuple[str, str] | None = None,
    talk: tuple[ChatRequest, str, dict[str, Any]] | None = None,
) -> int:  # fmt: skip
    """Ask and tell until the person leaves; returns the exit code. ``name`` is the run to attach to or to judge.

    Raises MachineError for a place that needs a screen, RunError for a run that is not there.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 must not end it
    lines = Lines()
    try:
        with _ended_by_signals():
            _go(lines, route, name, prefill, Home(lines, world or World(), services), judged, talk)
    except Left:
        return 0
    except BrokenPipeError:  # what the verbs say went nowhere
        return 0
    except KeyboardInterrupt:
        lines.say()
    except TunedeckError:
        raise
    except Exception:
        from engine.cli import console
        from engine.common import crash

        console.fail(TunedeckError("cli-runs.unexpected", details=crash.keep()))
        return 1
    return 0


def _go(
    lines: Lines, route: str, name: str, prefill: Resolved | Draft | None, home: Home,
    judged: tuple[str, str] | None, talk: tuple[ChatRequest, str, dict[str, Any]] | None,
) -> None:  # fmt: skip
    if route != "home":
        home.open_place(route, name, prefill, judged, talk)
    if route in ("home", *QUESTIONS):
        home.ask(is_listed=route != "home")


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a closed terminal end this as an error would: what runs for it is ended, and its folders go."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    can_take = threading.current_thread() is threading.main_thread()
    taken = [each for each in (signal.SIGHUP, signal.SIGTERM) if can_take and signal.getsignal(each) is signal.SIG_DFL]
    for each in taken:
        signal.signal(each, leave)
    try:
        yield
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)
