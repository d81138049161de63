"""Before an ended run goes on: see whether what it was made from has changed, and ask whether that is meant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean

if TYPE_CHECKING:
    from textual.app import App

    from engine.runs.directory import RunDir

_TEXT = (
    "Put it back as it was, or go on with it as it is now. Rows that were held out at the start are still not trained "
    "on; the losses before and after are of different data."
)


async def accepts_changes(app: App[Any], run: RunDir) -> bool | None:
    """True if a person accepted changes, False where there is none to accept, None if the run is not to go on.

    Raises TunedeckError.
    """
    from engine.models import origins
    from tui.widgets.confirm import ConfirmScreen

    changed = await asyncio.to_thread(origins.changes, run)
    if not changed:
        return False
    lines = [clean(said, keep_newlines=False) for said in changed]
    title = "What this run was made from has changed"
    return True if await app.push_screen_wait(ConfirmScreen(title, _TEXT, lines, "Go on", "Not now")) else None
