"""Step 1, task: answers to questions, or plain text; it sets the defaults that suit."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.draft.draft import preset_of, task_of
from tui.widgets.choosers import Pick, PickList
from tui.wizard.step import Step


@dataclass(frozen=True)
class Task:
    """A kind of training, in words."""

    id: str
    title: str
    summary: str
    detail: str


TASKS = (
    Task(
        "instructions",
        "Instructions and dialogue",
        "it learns to answer",
        "Rows with a question and the answer you want, one turn or many. Only the answers are learnt "
        "(SFT, supervised fine-tuning). For a skill, a format, a tone, a role.",
    ),
    Task(
        "text",
        "Plain text",
        "it learns to write like this",
        "Documents without questions. Every token is learnt (continued pre-training). For the language "
        "and knowledge of a field; it takes much more text than instructions do.",
    ),
)


class TaskStep(Step):
    NAME = "task"
    QUESTION = "What should the model learn to do?"

    def body(self) -> ComposeResult:
        picks = [Pick(task.id, task.title, task.summary) for task in TASKS]
        yield PickList(picks, chosen=task_of(self.draft), title_width=28, id="task-list")
        yield Static(classes="explain", id="task-about")
        yield Static(
            Content("Not sure? Try prompting the model first, with a few examples: often that is enough."),
            classes="quiet",
        )

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

    def _explain(self, task_id: str) -> None:
        task = next(task for task in TASKS if task.id == task_id)
        self.query_one("#task-about", Static).update(Content(task.detail))
