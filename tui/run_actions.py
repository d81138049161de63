"""What home and the monitor ask before they act on a run, and how both write its report."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from engine.messages.catalogue import text
from tui import words

if TYPE_CHECKING:
    from textual.app import App

    from engine.messages.message import Message
    from engine.runs.directory import RunDir


_SHORT_S = 0.5
"""A wait of which nothing has to be said."""


async def accepts_changes(app: App[Any], run: RunDir) -> bool | None:
    """True if a person accepted changes, False where there is none to accept, None if the run is not to go on.

    Raises TunedeckError.
    """
    from engine.app import resume

    looking = asyncio.create_task(asyncio.to_thread(resume.changes, run))
    if not (await asyncio.wait({looking}, timeout=_SHORT_S))[0]:  # much data is read again for its hashes
        app.notify(text("app.looking-for-changes"), timeout=8)
    return await accepts(app, await looking)


async def accepts(app: App[Any], changed: Sequence[Message]) -> bool | None:
    """The same of what is known to have ``changed``."""
    from tui.widgets.dialogs import ConfirmScreen

    if not changed:
        return False
    question = ConfirmScreen(
        text("app.inputs-changed"), text("app.inputs-changed-about"), [words.said(each) for each in changed],
        text("keys.resume"), text("app.not-now"),
    )  # fmt: skip
    return True if await app.push_screen_wait(question) else None


async def agrees_to_stop(app: App[Any], title: str, done_steps: int) -> bool:
    """Whether a person wants the run stopped, told what that does after so many steps."""
    from tui.widgets.dialogs import ConfirmScreen

    about = text("app.stop-saves" if done_steps else "app.nothing-to-save")
    return await app.push_screen_wait(ConfirmScreen(title, about, (), text("keys.stop"), text("app.let-it-run")))


def write_report(run: RunDir) -> str:
    """Write the HTML report of ``run`` and show it where there is a desktop; says where it is. Blocks for a second.

    Raises TunedeckError.
    """
    from engine.app.report import open_in_browser, write

    path = write(run)
    return text("report.opened" if open_in_browser(path) else "report.written", path=path)
