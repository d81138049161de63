"""Before the first step, when there are unfinished drafts: which there are, and the one that is taken up."""

from __future__ import annotations

from pathlib import Path

from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from tui.draft import draft as drafts
from tui.draft.draft import Draft
from tui.flow.chosen import chosen
from tui.flow.option import Option
from tui.flow.steps import step_title

KEPT, NEW = "continue", "new"
"""What can be chosen; anything else is the file of a draft that was set aside."""


def unfinished(kept: Draft) -> dict[str, Draft]:
    """The kept draft and those that were set aside, by what is chosen for them."""
    return {KEPT: kept} | {str(path): found for path in drafts.set_aside() if (found := drafts.load(path))}


def options(found: dict[str, Draft]) -> list[Option]:
    """Each of the drafts, and a new one."""
    listed = [
        Option(
            name,
            text("wizard.continue-draft" if name == KEPT else "wizard.earlier-draft"),
            text("wizard.at-step", step=step_title(draft.step)),
        )
        for name, draft in found.items()
    ]
    return [*listed, Option(NEW, text("wizard.start-new"), text("wizard.drafts-are-kept"))]


def take(chosen: str, kept: Draft) -> Draft:
    """The draft to go on with: ``kept``, one set aside before, or an empty one; what is not taken is set aside."""
    if chosen == KEPT:
        return kept
    if chosen == NEW:
        drafts.put_aside()
        return Draft()
    drafts.take_up(Path(chosen))
    return drafts.load() or Draft()


def contents(draft: Draft) -> list[str]:
    """What has been answered, a line each."""
    files = [Path(str(item.get("path", ""))).name for item in draft.data_sources()]
    facts = {
        "wizard.draft-task": draft.task,
        "wizard.draft-model": chosen(draft, "model"),
        "wizard.draft-data": ", ".join(files),
        "wizard.draft-preset": draft.preset,
    }
    return [text(code, value=shorten(value, 50)) for code, value in facts.items() if value]
