"""Step 1, task: answers to questions, or plain text; it sets the defaults that suit."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.messages.catalogue import text
from tui.draft.draft import preset_of, task_of
from tui.widgets.choosers import Pick, PickList
from tui.wizard.step import Step

TASKS = {
    "instructions": ("wizard.task-instructions", "wizard.task-instructions-short", "wizard.task-instructions-about"),
    "text": ("wizard.task-text", "wizard.task-text-short", "wizard.task-text-about"),
}
"""The kinds of training: title, summary, and a few sentences."""


class TaskStep(Step):
    NAME = "task"
    QUESTION = "wizard.task-question"

    def body(self) -> ComposeResult:
        picks = [Pick(name, text(title), text(summary)) for name, (title, summary, _) in TASKS.items()]
        yield PickList(picks, chosen=task_of(self.draft), title_width=28, id="task-list")
        yield Static(classes="explain", id="task-about")
        yield Static(Content(text("wizard.task-hint")), classes="quiet")

    def on_mount(self) -> None:
        self._explain(task_of(self.draft))

    def focus_first(self) -> None:
        self.query_one(PickList).focus()

    def commit(self) -> None:
        pick = self.query_one(PickList).current
        chosen = pick.id if pick else task_of(self.draft)
        begun = bool(self.draft.preset or self.draft.task)
        if not begun or chosen != task_of(self.draft):
            self.draft.apply_preset(preset_of(chosen))
        self.draft.task = chosen

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._explain(event.pick.id)

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    def _explain(self, task: str) -> None:
        self.query_one("#task-about", Static).update(Content(text(TASKS[task][2])))
