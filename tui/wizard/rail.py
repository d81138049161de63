"""The map of the wizard's steps, always in sight: which are done, which one this is."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from tui.widgets.bars import fit


class Rail(Static):
    """``> 3 Strategy`` is where one is; a tick marks what is answered."""

    DEFAULT_CSS = "Rail { width: 16; height: 1fr; padding: 0 0 0 1; }"

    def __init__(self, titles: Sequence[str], tick: str) -> None:
        super().__init__("", id="rail", markup=False)
        self._titles, self._tick = list(titles), tick

    def show(self, at: int, done: int, skipped: int | None = None) -> None:
        """``at``: the step on screen, -1 for none; steps before ``done`` are answered, ``skipped`` was passed over."""
        lines = []
        for index, title in enumerate(self._titles):
            passed = index == skipped and index != at
            marker, tick = (">" if index == at else " "), (self._tick if index < done and not passed else "")
            style = "bold" if index == at else "dim strike" if passed else "dim" if index >= done else ""
            if passed:
                tick = "-"
            name = (f"{marker} {index + 1} {fit(title, 9)}", style)
            lines.append(Content.assemble(name, (f"{tick:>2}", "$success")))
        self.update(Content("\n").join(lines))
