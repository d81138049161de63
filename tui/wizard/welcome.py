"""Before the first step, when there are unfinished drafts: continue one of them, or start new."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.flow.welcome import KEPT, contents, options, unfinished
from tui.widgets.choosers import Pick, PickList
from tui.wizard.step import Step


class WelcomeStep(Step):
    NAME = "welcome"

    def body(self) -> ComposeResult:
        self._drafts = unfinished(self.draft)
        yield PickList([Pick(each.id, each.title, each.about) for each in options(self._drafts)], title_width=22)
        yield Static(Content("\n".join(contents(self.draft))), classes="explain")

    @property
    def chosen(self) -> str:
        current = self.query_one(PickList).current
        return current.id if current else KEPT

    def focus_first(self) -> None:
        self.query_one(PickList).focus()

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        found = self._drafts.get(event.pick.id)
        self.query_one(".explain", Static).update(Content("\n".join(contents(found) if found else ())))

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()
