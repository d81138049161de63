"""Pressing keys as a person does, and waiting for what they led to."""

from __future__ import annotations

import contextlib

import pytest
from textual import events
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from tests.tui.wizard.making import WizardApp, keys_of, text_of
from tui.terminal import Terminal

LOOKS = pytest.mark.parametrize(
    ("size", "terminal"),
    [((80, 24), Terminal()), ((120, 40), Terminal()), ((80, 24), Terminal(colours="16", unicode=False))],
    ids=["small", "wide", "ascii"],
)
"""What is drawn on a screen is looked at in two sizes, and in ASCII where there is the least room."""
GROUPS = ("find-models", "look-up", "preview", "check", "files", "launch", "learn", "adapters", "adapter", "relation")


async def settle(app: WizardApp, pilot: Pilot[None]) -> None:
    """Wait until no worker of the wizard is under way and its messages have been handled."""
    while True:
        await pilot.pause()
        await pilot.pause(0)  # what the last messages led to
        working = [worker for worker in app.workers if worker.group in GROUPS]
        if not working:
            return
        for worker in working:
            with contextlib.suppress(WorkerCancelled):
                await worker.wait()


async def enter(app: WizardApp, pilot: Pilot[None], times: int) -> None:
    """Press Enter so often, each time waiting for what it led to."""
    for _ in range(times):
        await pilot.press("enter")
        await settle(app, pilot)


async def press(app: WizardApp, pilot: Pilot[None], *keys: str) -> None:
    """Press the keys one after the other, each time waiting for what it led to."""
    for key in keys:
        await pilot.press(key)
        await settle(app, pilot)


async def to_data(app: WizardApp, pilot: Pilot[None]) -> None:
    """From the first step to the data, with what stands there; past the strategy, which is skipped as a rule."""
    for _ in range(3):
        if app.wizard.step_name != "data":
            await enter(app, pilot, 1)
    assert app.wizard.step_name == "data"


async def write(pilot: Pilot[None], text: str) -> None:
    """Type ``text`` where the focus is; what is long is pasted, as people do with paths."""
    if len(text) <= 12:
        await pilot.press(*keys_of(text))
    else:
        pilot.app.post_message(events.Paste(text))
        await pilot.pause()


async def add_file(app: WizardApp, pilot: Pilot[None], path: object, *keys: str) -> None:
    """From the first step to the data, where the file is added, then the keys."""
    await to_data(app, pilot)
    await write(pilot, str(path))
    await press(app, pilot, "enter", *keys)


def shown_words(app: WizardApp) -> str:
    """The step's text as one line, so that a sentence is found however it is wrapped."""
    host = app.wizard.query_one("#step-host").region
    lines = [line[host.x : host.right] for line in text_of(app).splitlines()[host.y : host.bottom]]
    return " ".join(" ".join(lines).split())
