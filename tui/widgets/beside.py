"""Work beside a screen, in a thread that waits for a child process: how it tells that it got on, and how it is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker

from engine.common.clean_text import clean
from engine.common.errors import TunedeckError
from engine.messages.catalogue import text
from tui.widgets.bars import KeyBar
from tui.widgets.line import Block, Line
from tui.widgets.panel import Panel
from tui.widgets.whole import WholeScreen


class Advanced(Message):
    """It got on: what it does, and the share that is done, None where nobody knows."""

    def __init__(self, said: str, share: float | None = None) -> None:
        super().__init__()
        self.said, self.share = said, share

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, Advanced)


class Cancelled(Exception):
    """Raised inside the wait for a child that nobody waits for any more."""


class JobScreen(WholeScreen, Screen[None]):
    """Carries out one job at a time, which ends with the screen; ``#progress`` says how far it is."""

    VIEWS: ClassVar[Mapping[str, str]] = {}
    """What is shown of each view, by its id, and what gets the focus there."""
    ENDED: ClassVar[type[Message]]
    """What a job tells at its end; one without values: it was stopped before it had begun."""
    view = ""
    _worker: Worker[None] | None = None
    _first_come: threading.Lock
    """Held by whoever came first: the thread that began the job, or a stop before that."""

    def begin(self, job: Callable[[], None], group: str) -> None:
        self._first_come = turn = threading.Lock()

        def carry_out() -> None:
            if turn.acquire(blocking=False):
                job()

        self._worker = self.run_worker(carry_out, thread=True, group=group)

    @property
    def is_stopping(self) -> bool:
        """Whether the job was told to end and has not yet: its child may take seconds, for which nobody waits."""
        return self._worker is not None and self._worker.is_cancelled

    def show_view(self, view: str) -> None:
        self.view = view
        for name in self.VIEWS:
            self.query_one(f"#{name}").display = name == view
        if self.VIEWS[view]:
            self.query_one(self.VIEWS[view]).focus()
        self.name_leaving(view == "running")

    def name_leaving(self, stops: bool) -> None:
        """What the key says that leaves the screen: of a running job it is the one that ``stops`` it."""
        self.query("#how-to-stop").set(display=stops)
        self.query_one(KeyBar).rename("leave", text("keys.stop" if stops else "keys.back"))
        self.refresh_bindings()

    async def ask_to_stop(self, title: str, about: str) -> None:
        """End the job, once the question of these codes is answered."""
        from tui.widgets.dialogs import ConfirmScreen

        question = ConfirmScreen(text(title), text(about), (), text("keys.stop"), text("app.let-it-run"))
        if await self.app.push_screen_wait(question):
            self.stop()

    def stop(self) -> None:
        """Tell the job to end. From then on the key leaves the screen, whether or not it has ended."""
        if self._worker is None or self.is_stopping:
            return
        self._worker.cancel()
        if self._first_come.acquire(blocking=False):
            self.post_message(self.ENDED())
            return
        self.query_one("#progress", Line).show(text("runs.stopping"))
        self.name_leaving(stops=False)

    def on_unmount(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    @on(Advanced)
    def _got_on(self, message: Advanced) -> None:
        if not self.is_stopping:
            self.query_one("#progress", Line).show(message.said)

    def trouble(self, error: TunedeckError) -> None:
        self.notify(clean(error.said), severity="error", timeout=8, markup=False)

    def draw_parts(self, drawn: Mapping[str, RenderableType | None], key: tuple[object, ...]) -> None:
        """Fill the panels of a result; one that has nothing to say is hidden. ``key``: what the parts depend on."""
        for name, part in drawn.items():
            self.query_one(f"#of-{name}").display = part is not None
            if part is not None:
                self.query_one(f"#{name}", Block).show(key, part)


def panels(parts: Iterable[tuple[str, str]]) -> ComposeResult:
    """Those of a result: of each part its name and the code of its title."""
    for name, title in parts:
        yield Panel(text(title), Block(id=name), id=f"of-{name}")
