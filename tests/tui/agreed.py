"""What every agreed look has in common: a screen that rests, what holds for all of them, the file, the picture."""

from __future__ import annotations

import contextlib
import difflib
import os
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.worker import WorkerCancelled, WorkerFailed
from wcwidth import wcswidth

from tests.tui.looking import screen_text
from tui.app import TunedeckApp
from tui.screenshot import svg_of
from tui.widgets.bars import KeyBar, KeyButton

_WATCHING = ("default", "chat", "delete", "follow", "viewers")
"""Groups of workers that go on as long as their screen is there, or until a dialog is answered."""


async def still(pilot: Pilot[Any]) -> None:
    """Until all that was begun is done, and nothing changes any more."""
    before = ""
    while before != (before := screen_text(pilot.app)):
        for worker in [worker for worker in pilot.app.workers if worker.group not in _WATCHING]:
            with contextlib.suppress(WorkerFailed, WorkerCancelled):
                await worker.wait()
        for _ in range(2):
            await pilot.pause()


_FRAMES = frozenset(" │╮╯|+┐┘─-")
"""What may stand beside a scroll bar: no letter does."""


def check(app: TunedeckApp, text: str, size: tuple[int, int], how: str) -> None:
    """What holds for every screen, whatever was agreed on."""
    rows = app.screen._compositor.render_strips()
    for widget in app.screen.query("*"):
        if widget.show_vertical_scrollbar and widget.vertical_scrollbar.region:
            area = widget.vertical_scrollbar.region.intersection(app.screen.region)
            beside = ["".join(cut.text for cut in rows[y].crop(area.x - 1, area.x)) for y in range(area.y, area.bottom)]
            assert set("".join(beside)) <= _FRAMES, f"text touches the scroll bar of {widget}\n{text}"
    for line in text.splitlines():
        assert wcswidth(line) <= size[0], line
    assert how != "ascii" or text.isascii()
    for bar in app.screen.query(KeyBar):
        buttons = [button for button in bar.query(KeyButton) if button.display]
        assert all(button.region.right <= size[0] for button in buttons), "a key in the foot is cut"


def picture(app: App[Any], name: str) -> None:
    if folder := os.environ.get("TUNEDECK_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, f"{name}.svg").write_text(svg_of(app), "utf-8")


def compare(file: Path, text: str) -> None:
    if os.environ.get("TUNEDECK_SNAPSHOTS") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    agreed, shown = file.read_text("utf-8"), text
    changes = difflib.unified_diff(agreed.splitlines(), shown.splitlines(), "agreed", "shown", lineterm="")
    assert shown == agreed, "\n".join(changes)
