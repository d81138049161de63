"""Step 1, task: answers to questions, or plain text; it sets the defaults that suit."""

from __future__ import annotations

from engine.messages.catalogue import text
from tui.draft.draft import Draft, preset_of, task_of
from tui.flow.option import Option

_TASKS = {
    "instructions": ("wizard.task-instructions", "wizard.task-instructions-short", "wizard.task-instructions-about"),
    "text": ("wizard.task-text", "wizard.task-text-short", "wizard.task-text-about"),
}
"""The kinds of training: title, summary, and a few sentences."""
_EXAMPLES = {"instructions": "wizard.task-instructions-example", "text": "wizard.task-text-example"}


def options() -> list[Option]:
    return [Option(name, text(title), text(summary)) for name, (title, summary, _) in _TASKS.items()]


def about(task: str) -> str:
    """What that task means, in a few sentences."""
    return text(_TASKS[task][2])


def example(task: str) -> str:
    """What a row for it looks like."""
    return text(_EXAMPLES[task])


def choose(draft: Draft, task: str) -> None:
    """Answer the task; another one than before brings its preset along."""
    begun = bool(draft.preset or draft.task)
    if not begun or task != task_of(draft):
        draft.apply_preset(preset_of(task))
    draft.task = task
