"""What the review says of a mix, with a remedy where one key has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.config.rules import Issue
from engine.data.mixing.warnings import OFTEN
from engine.messages.catalogue import text
from tui.draft.mix_sources import board_of
from tui.wizard.review.remedies import Fix, Warning

if TYPE_CHECKING:
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


def mix_issues(draft: Draft, facts: Facts) -> list[Warning]:
    """Of sources that repeat, dominate, are lost or don't get their share; that of replay the rules say themselves."""
    cap = Fix("dataset.epochs_cap", text("mix.cap-remedy", passes=round(OFTEN)), OFTEN)
    return [
        Warning(
            Issue("warning", f"data.{warning.source}", f"{warning.title} {warning.message}".strip(), warning.hint),
            cap if warning.kind == "repeated" and draft.get("dataset.epochs_cap") is None else None,
        )
        for warning in board_of(draft, facts).warnings
        if warning.kind != "replay"
    ]
