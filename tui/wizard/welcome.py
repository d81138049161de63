"""Before the first step, when there is an unfinished draft: continue it, or start new."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.data.text import shorten
from tui.widgets.form_list import Pick, PickList
from tui.wizard.draft import Draft
from tui.wizard.step import Step


class WelcomeStep(Step):
    NAME = "welcome"
    QUESTION = "There are unfinished answers from the last time."

    def body(self) -> ComposeResult:
        yield PickList(
            [
                Pick("continue", "Continue the draft", f"at step {self.draft.step}"),
                Pick("new", "Start new", "the draft is thrown away"),
            ],
            title_width=22,
        )
        yield Static(Content("\n".join(_contents(self.draft))), classes="explain")

    @property
    def starts_new(self) -> bool:
        current = self.query_one(PickList).current
        return current is not None and current.id == "new"

    def focus_first(self) -> None:
        self.query_one(PickList).focus()

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()


def _contents(draft: Draft) -> list[str]:
    files = [Path(str(item.get("path", ""))).name for item in draft.data_sources()]
    facts = {
        "task": draft.task,
        "model": str(draft.get("model.name_or_path") or ""),
        "data": ", ".join(files),
        "preset": draft.preset,
    }
    return [f"{name:<7} {shorten(value, 50)}" for name, value in facts.items() if value]
