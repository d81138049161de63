"""Before the first step, when there are unfinished drafts: continue one of them, or start new."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from tui.draft import draft as drafts
from tui.draft.draft import Draft
from tui.flow.steps import step_title
from tui.widgets.choosers import Pick, PickList
from tui.wizard.step import Step

KEPT, NEW = "continue", "new"
"""What can be chosen; anything else is the file of a draft that was set aside."""


class WelcomeStep(Step):
    NAME = "welcome"

    def body(self) -> ComposeResult:
        self._drafts = {KEPT: self.draft}
        self._drafts |= {str(path): found for path in drafts.set_aside() if (found := drafts.load(path))}
        picks = [
            Pick(
                name,
                text("wizard.continue-draft" if name == KEPT else "wizard.earlier-draft"),
                text("wizard.at-step", step=step_title(draft.step)),
            )
            for name, draft in self._drafts.items()
        ]
        yield PickList([*picks, Pick(NEW, text("wizard.start-new"), text("wizard.drafts-are-kept"))], title_width=22)
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


def contents(draft: Draft) -> list[str]:
    """What has been answered, a line each."""
    files = [Path(str(item.get("path", ""))).name for item in draft.data_sources()]
    facts = {
        "wizard.draft-task": draft.task,
        "wizard.draft-model": str(draft.get("model.name_or_path") or ""),
        "wizard.draft-data": ", ".join(files),
        "wizard.draft-preset": draft.preset,
    }
    return [text(code, value=shorten(value, 50)) for code, value in facts.items() if value]
