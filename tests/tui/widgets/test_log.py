"""The log of a run: what a person scrolled back to stays in sight while more is written."""

from __future__ import annotations

from textual.app import App, ComposeResult

from engine.messages.message import Message
from engine.runs.state import LogLine
from tui.theme import DARK
from tui.widgets.log import LogPane


def lines(first: int, last: int) -> list[LogLine]:
    return [LogLine(t=0.0, level="info", message=Message.literal(f"line {n}")) for n in range(first, last + 1)]


class LogApp(App[None]):
    CSS = "LogPane { height: 5; }"

    def __init__(self) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.theme = DARK.name

    def compose(self) -> ComposeResult:
        yield LogPane(wrap=True)


def shown(pane: LogPane) -> list[str]:
    return [line[10:].strip() for line in pane.visible_lines]


async def test_what_comes_does_not_move_what_is_read() -> None:
    app = LogApp()
    async with app.run_test(size=(40, 10)) as pilot:
        pane, log = app.query_one(LogPane), lines(1, 30)
        pane.show(log)
        await pilot.pause()
        assert shown(pane) == [f"line {n}" for n in range(26, 31)]
        pane.scroll_lines(12)
        assert shown(pane) == [f"line {n}" for n in range(14, 19)]
        log += lines(31, 33)
        pane.show(log)
        assert shown(pane) == [f"line {n}" for n in range(14, 19)]
        pane.show(log[10:])  # the oldest went
        assert shown(pane) == [f"line {n}" for n in range(14, 19)]
        pane.scroll_lines(-100)
        pane.show([*log, *lines(34, 34)])
        assert shown(pane)[-1] == "line 34"
