"""What home and the monitor ask before they act on a run: to stop it, to resume it although things have changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from textual.app import App

    from engine.runs.directory import RunDir

_CHANGED = (
    "Put it back as it was, or go on with it as it is now. Rows that were held out at the start are still not trained "
    "on; the losses before and after are of different data."
)
_SAVES = "It ends what it is doing and saves a checkpoint, so that it can go on later with r."
_NOTHING_TO_SAVE = "No step is done yet, so there is nothing to save: later it has to start from the beginning."


async def accepts_changes(app: App[Any], run: RunDir) -> bool | None:
    """True if a person accepted changes, False where there is none to accept, None if the run is not to go on.

    Raises TunedeckError.
    """
    from engine.app import resume
    from tui.widgets.dialogs import ConfirmScreen

    changed = await asyncio.to_thread(resume.changes, run)
    if not changed:
        return False
    lines = [clean(text(said), keep_newlines=False) for said in changed]
    title = text("origins.changed", run=run.id, changes=changed)
    return True if await app.push_screen_wait(ConfirmScreen(title, _CHANGED, lines, "Go on", "Not now")) else None


async def agrees_to_stop(app: App[Any], title: str, done_steps: int) -> bool:
    """Whether a person wants the run stopped, told what that does after so many steps."""
    from tui.widgets.dialogs import ConfirmScreen

    text = _SAVES if done_steps else _NOTHING_TO_SAVE
    return await app.push_screen_wait(ConfirmScreen(title, text, yes="Stop", no="Let it run"))
