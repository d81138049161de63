"""The way through the questions: which steps there are, in which order, what each asks and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.messages.catalogue import part, text
from engine.messages.message import Message

if TYPE_CHECKING:
    from tui.draft.draft import Draft

STEPS = ("task", "model", "strategy", "data", "settings", "review")
TITLES = {
    "welcome": "wizard.step-welcome", "task": "wizard.step-task", "model": "wizard.step-model",
    "strategy": "wizard.step-strategy", "data": "wizard.step-data", "settings": "wizard.step-settings",
    "review": "wizard.step-review",
}  # fmt: skip
QUESTIONS = {
    "welcome": "wizard.unfinished", "task": "wizard.task-question", "model": "wizard.model-question",
    "strategy": "wizard.strategy-question", "data": "wizard.data-question", "settings": "wizard.settings-question",
    "review": "wizard.review-question",
}  # fmt: skip
ABOUT = {
    "welcome": "wizard.about-welcome", "task": "wizard.about-task", "model": "wizard.about-model",
    "strategy": "wizard.about-strategy", "data": "wizard.about-data", "settings": "wizard.about-settings",
    "review": "wizard.about-review",
}  # fmt: skip
"""Why?: what each step's choice means; as ``.rule`` a rule of thumb, as ``.mistake`` what usually goes wrong."""
_PARTS = (("wizard.rule-of-thumb", "rule"), ("wizard.usual-mistake", "mistake"))


def step_title(name: str) -> str:
    """What the step of that name is called; the name itself where there is no such step."""
    return text(TITLES[name]) if name in TITLES else name


def why(step: str) -> list[tuple[str, str]]:
    """Why? of the step of that name, in parts: the lead and the sentences of each."""
    code = ABOUT[step]
    told = [(text(lead), part(Message(code), name)) for lead, name in _PARTS]
    return [(text("wizard.in-short"), text(code)), *(each for each in told if each[1])]


def explained(step: str) -> str:
    """The same as lines."""
    return "\n".join(text("widgets.named", name=lead, value=said) for lead, said in why(step))


def place(step: str) -> int:
    """Where the step of that name stands; the first for a name that is none."""
    return STEPS.index(step) if step in STEPS else 0


def is_skipped(step: str, draft: Draft, has_adapters: bool) -> bool:
    """Whether there is nothing to decide at ``step`` on the way forward; the way back leads to it all the same.

    ``has_adapters``: earlier runs here have made some.
    """
    return step == "strategy" and not has_adapters and not draft.get("strategy.adapter")
