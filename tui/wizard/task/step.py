"""Step 1, task: answers to questions, or plain text; it sets the defaults that suit."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.messages.catalogue import text
from tui.draft.draft import task_of
from tui.flow import task
from tui.widgets.choosers import Pick, PickList
from tui.widgets.line import Prose
from tui.wizard.step import Step


class TaskStep(Step):
    NAME = "task"

    def body(self) -> ComposeResult:
        picks = [Pick(each.id, each.title, each.about) for each in task.options()]
        yield PickList(picks, chosen=task_of(self.draft), title_width=28, id="task-list")
        yield Prose(classes="explain", id="task-about")
        yield Prose(text("wizard.task-hint"), classes="quiet")
        yield Static(id="task-example", classes="example", markup=False)

    def on_mount(self) -> None:
        self._explain(task_of(self.draft))

    def focus_first(self) -> None:
        self.query_one(PickList).focus()

    def commit(self) -> None:
        pick = self.query_one(PickList).current
        task.choose(self.draft, pick.id if pick else task_of(self.draft))

    @on(PickList.Moved)
    def _moved(self, event: PickList.Moved) -> None:
        self._explain(event.pick.id)

    @on(PickList.Chosen)
    def _chosen(self, event: PickList.Chosen) -> None:
        self.done()

    def _explain(self, chosen: str) -> None:
        self.query_one("#task-about", Prose).say(task.about(chosen))
        self.query_one("#task-example", Static).update(Content(task.example(chosen)))
