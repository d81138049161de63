"""The screens that lay over a place when it was left, made anew from what they remembered. None begins any work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.screen import Screen

from engine.runs.directory import RunDir
from tui import session


def screen_of(kept: Mapping[str, Any], root: Path) -> Screen[Any] | None:
    """The screen that remembered ``kept``; None where what it showed is gone, or makes no sense."""
    named = session.texts(kept, "screen")
    if named == "chat":
        return _chat(kept)
    if named == "compare":
        return _comparison(kept, root)
    folder = session.run_folder(session.texts(kept, "run"))
    return _of_run(named, RunDir(folder), kept) if folder is not None else None


def _chat(kept: Mapping[str, Any]) -> Screen[Any] | None:
    from tui.chat import recall
    from tui.chat.screen import ChatScreen

    found = recall.found_in(kept)
    if found is None:
        return None
    screen = ChatScreen(found.request, found.manner)
    screen.recall(kept)
    return screen


def _comparison(kept: Mapping[str, Any], root: Path) -> Screen[Any] | None:
    from engine.app.compare.targets import still_there
    from tui.compare.screen import CompareScreen

    sides = kept.get("sides")
    found = still_there([each for each in sides if isinstance(each, str)], root) if isinstance(sides, list) else []
    if not found:
        return None
    screen = CompareScreen(found)
    screen.recall(kept)
    return screen


def _of_run(named: str, run: RunDir, kept: Mapping[str, Any]) -> Screen[Any] | None:
    if named == "evaluate":
        from tui.evaluation.screen import EvaluateScreen

        screen = EvaluateScreen(run)
        screen.recall(kept)
        return screen
    if named == "strength":
        from tui.evaluation.strength import StrengthScreen

        return StrengthScreen(run)
    if named == "export":
        from tui.export.screen import ExportScreen

        return ExportScreen(run)
    if named == "judge":
        from tui.judge.screen import JudgeScreen

        return JudgeScreen(run, session.texts(kept, "name"), session.texts(kept, "against"))
    return None
