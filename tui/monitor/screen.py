"""The monitor: one run's curves, samples, log and result, and the keys that steer it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen

from engine.runs.directory import RunDir
from tui import keys, messages
from tui.widgets.bars import KeyBar, TopLine


class MonitorScreen(Screen[None]):
    BINDINGS = keys.bindings(keys.MONITOR)

    def __init__(self, run: RunDir) -> None:
        super().__init__()
        self.run_dir = run

    def compose(self) -> ComposeResult:
        yield TopLine(self.run_dir.id)
        yield KeyBar(keys.in_bar(keys.MONITOR, keys.EVERYWHERE))

    def action_leave(self) -> None:
        self.post_message(messages.MonitorLeft(self.run_dir, self.run_dir.is_alive()))
