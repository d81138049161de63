"""The console command: straight to the screen without arguments, else over to the headless verbs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from engine.cli import language_flag
from engine.common.errors import MachineError, RunError, TunedeckError
from engine.common.hangup import is_gone
from engine.messages.catalogue import text
from tui.terminal import THEME

if TYPE_CHECKING:
    from engine.app.opening import Opened
    from engine.config.presets import Resolved
    from engine.models.chat_request import ChatRequest
    from engine.runs.directory import RunDir
    from tui.app import TunedeckApp
    from tui.draft.draft import Draft
    from tui.messages import ChatAsked
    from tui.session import Session
    from tui.terminal import Flags

_INTERRUPTED = 130
_TO_END_S = 10.0
"""For a screen whose terminal is gone to end by itself."""
PLAIN = "--plain"
ACCESSIBLE = "ACCESSIBLE"
"""Environment variable that asks for lines instead of a screen, set by --plain for all that is started from here."""
SCREEN_FLAGS = (PLAIN, "--ascii", "--no-mouse", "--colors=truecolor", "--colors=256", "--colors=16", "--colors=none")


def main() -> None:
    """Entry point of ``tunedeck``."""
    try:
        _begin()
    except KeyboardInterrupt:  # pressed while libraries were loaded
        raise SystemExit(_INTERRUPTED) from None


def _begin() -> None:
    """The screen where only its flags are given: no verb's libraries are loaded then. Else the verbs."""
    sys.argv[1:] = _take_theme(sys.argv[1:])
    with suppress(TunedeckError):  # there is no such language: the verbs say so, to programs too
        sys.argv[1:] = language_flag.take(sys.argv[1:])
    is_asked = "_TUNEDECK_COMPLETE" not in os.environ  # else a shell asks what could stand after Tab
    if is_asked and all(argument in SCREEN_FLAGS for argument in sys.argv[1:]):
        if PLAIN in sys.argv[1:]:
            os.environ[ACCESSIBLE] = "1"
        raise SystemExit(open_screen("home"))
    from engine.cli.main import main as verbs

    verbs(open_screen)


def _take_theme(arguments: list[str]) -> list[str]:
    """Name the theme of ``--theme`` for this session; the arguments without it."""
    kept, rest = [], list(arguments)
    while rest and rest[0] != "--":
        argument = rest.pop(0)
        name = rest.pop(0) if argument == "--theme" and rest else argument.removeprefix("--theme=")
        if name == argument:
            kept.append(argument)
        else:
            os.environ[THEME] = name
    return [*kept, *rest]


def open_screen(
    route: str, run: str = "", prefill: Resolved | None = None, judged: tuple[str, str] | None = None,
    talk: tuple[ChatRequest, str, dict[str, Any]] | None = None, only_watches: bool = False,
    opened: Opened | None = None, **_: Any,
) -> int:  # fmt: skip
    """Show the app and return its exit code.

    ``route`` is "home", "attach" (``run``: path, id or name of a run, or "last"; ``only_watches``: it can't be
    steered), "judge" (``judged``: the evaluation of ``run`` and the other candidate), "chat" (``talk``: with what,
    system prompt, how it answers), "demo" (the wizard, begun with ``prefill``) or "open" (what lies at a path,
    ``opened``). Errors are told on stderr.
    """
    try:
        if opened is not None and opened.kind == "run":
            return _open("attach", opened.path, None, None, None, only_watches)
        return _open(route, run, _draft(opened) if opened else prefill, judged, talk, only_watches)
    except TunedeckError as error:
        return _tell(error)


def _tell(error: TunedeckError) -> int:
    print(f"tunedeck: {error}", file=sys.stderr)
    return error.exit_code


def _open(
    route: str, name: str, prefill: Resolved | Draft | None, judged: tuple[str, str] | None,
    talk: tuple[ChatRequest, str, dict[str, Any]] | None, only_watches: bool,
) -> int:  # fmt: skip
    if os.environ.get(ACCESSIBLE):
        from tui.plain.opening import open_lines

        return open_lines(route, name, prefill, judged=judged, talk=talk)
    from tui import terminal as term

    encoding = getattr(sys.__stderr__, "encoding", None) or "ascii"
    found = term.inspect(os.environ, _is_terminal(sys.__stderr__), encoding, _flags(sys.argv[1:]))
    if not _is_terminal(sys.__stdin__):
        raise MachineError("app.no-keys")
    os.environ.update(term.textual_environment(found))

    from engine.runs.directory import find
    from tui.app import TunedeckApp
    from tui.session import Session
    from tui.world import World

    run = find(name or "last") if route in ("attach", "judge") else None
    place = {
        "attach": "monitor",
        "judge": "home",
        "chat": "home",
        "demo": "wizard",
        "wizard": "wizard",
        "open": "wizard",
        "home": "home",
    }.get(route)
    if place is None:
        raise RunError("app.no-screen", screen=route)
    session, begun = None if only_watches else Session(), None
    if route == "home" and session is not None:
        place, run, begun = _come_back(session)
    elif session is not None:  # what is asked for by name is shown at once
        session.over = []
    app = TunedeckApp(World(terminal=found), place, run, prefill or begun, judged, _chat(talk), session, only_watches)
    _end_with_terminal(app)
    app.run(mouse=found.mouse)
    if is_gone(sys.stderr.fileno()):
        return app.return_code or 0
    for left in dict.fromkeys(app.watched):
        if left.is_alive():
            print(text("app.come-back", run=left.id), file=sys.stderr)
    return app.return_code or 0


def _come_back(session: Session) -> tuple[str, RunDir | None, Draft | None]:
    """The place that was left last, with its run or its unfinished answers; home where they are gone."""
    if session.place == "monitor" and (folder := session.run_folder) is not None:
        from engine.runs.directory import RunDir

        return "monitor", RunDir(folder), None
    if session.place == "wizard":
        from tui.draft.draft import newest

        draft = newest()
        return ("wizard", None, draft) if draft is not None else ("home", None, None)
    return "home", None, None


def _end_with_terminal(app: TunedeckApp) -> None:
    """End the screen when its terminal is closed, whether or not SIGHUP is ignored: a run goes on without it."""

    def wait() -> None:
        if is_gone(sys.stdin.fileno(), wait=True):
            with suppress(RuntimeError):  # it is not up yet, or ends already
                app.call_from_thread(app.exit)
            time.sleep(_TO_END_S)
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="terminal", daemon=True).start()


def _draft(opened: Opened) -> Draft:
    from tui.draft.opened import draft_of

    return draft_of(opened)


def _chat(talk: tuple[ChatRequest, str, dict[str, Any]] | None) -> ChatAsked | None:
    if talk is None:
        return None
    from tui.draft.manner import Manner
    from tui.messages import ChatAsked

    request, system, how = talk
    return ChatAsked(request, Manner(system=system, **how))


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream is not None and stream.isatty())
    except ValueError:  # a closed stream
        return False


def _flags(arguments: Sequence[str]) -> Flags:
    from tui.terminal import Flags

    words = " ".join(arguments).replace("--colors=", "--colors ").split()
    colours = dict(pairwise(words)).get("--colors")
    known = colours if colours in ("truecolor", "256", "16", "none") else None
    return Flags("--ascii" in arguments, known, "--no-mouse" not in arguments)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
