"""Keeps the facts' machine and fit current, and says when a new reading is worth showing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.draft.fit import budget_on, fit_of

if TYPE_CHECKING:
    from engine.machine.snapshot import Machine
    from engine.memory.budget import Budget
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

NOTICEABLE_BYTES = 2**26
NOTICEABLE_SHARE = 0.005


def weigh(draft: Draft, facts: Facts) -> None:
    """Put the draft's fit on the newest machine into the facts; about a millisecond."""
    facts.fit = fit_of(draft, facts)


def hear(machine: Machine, draft: Draft, facts: Facts) -> bool:
    """Take a new reading into the facts; whether it is news, so that the fit was worked out anew.

    Free memory never stands still: a little more or less is no news.
    """
    before, first = facts.fit, facts.machine is None
    facts.machine = machine
    if before is not None and not _moved(before.budget, budget_on(machine, before.asked.config)):
        return False
    weigh(draft, facts)
    return first or before is not None or facts.fit is not None


def _moved(before: Budget, now: Budget | None) -> bool:
    if now is None or (before.device, before.name, before.total_bytes) != (now.device, now.name, now.total_bytes):
        return True
    if [process.pid for process in before.others] != [process.pid for process in now.others]:
        return True
    change = abs(before.available_bytes - now.available_bytes)
    return change > max(NOTICEABLE_BYTES, NOTICEABLE_SHARE * now.total_bytes)
