"""Opening the mix board over a step of the wizard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.flow.old_rows import old_rows
from tui.wizard.mix.screen import MixScreen
from tui.wizard.review.check_panel import CheckPanel

if TYPE_CHECKING:
    from tui.wizard.step import Step


def open_mix(step: Step) -> None:
    """Compose the mix of the step's draft; the step reads the draft again once another one was written into it."""

    async def closed(keeps: bool | None) -> None:
        if keeps:
            await step.reread()
            step.post_message(step.Touched())

    draft, facts = step.draft, step.facts
    panel = next(iter(step.query(CheckPanel)), None)
    step.app.push_screen(MixScreen(draft, facts, lambda: old_rows(draft, facts), panel), closed)
