"""How long the run will take and what it will write, for the review: figures, and where each is from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import TunedeckError
from tui.wizard.describe import gibibytes

if TYPE_CHECKING:
    from engine.memory.disk import RunDisk
    from engine.memory.duration import Duration
    from tui.wizard.draft import Draft
    from tui.wizard.step import Facts

MEASURED = ("measured", "from a probe")
HOW_TO_KNOW = "F8 measures it"


def time_of(draft: Draft, facts: Facts) -> Duration | None:
    """Time for the optimizer's steps; None before the rows are checked, or where no speed can be told."""
    fit, seen = facts.fit, facts.inspection_of(draft)
    if fit is None or seen is None or not seen.train_rows or not seen.tokens_total:
        return None
    from engine.memory.duration import DataSize
    from engine.planning import expected_time

    return expected_time(fit, DataSize(seen.train_rows, seen.tokens_total, exact=True), facts.machine)


def disk_of(facts: Facts) -> RunDisk | None:
    """What the run writes; None while its fit is not known."""
    if facts.fit is None or facts.card is None:
        return None
    from engine.memory import disk

    try:
        return disk.disk_of(facts.fit.setup.config, facts.fit.setup.shape, Path(facts.card.path))
    except TunedeckError:
        return None


def time_line(found: Duration | None, facts: Facts, whole: bool) -> str:
    """ "about 38 min, measured here in 3 runs", or with ``whole`` the tokens and the rate too."""
    if facts.fit is None:
        return ""
    if found is None:
        known_later = facts.inspection is None
        return "time  told once the rows are checked" if known_later else f"time  not known on this GPU; {HOW_TO_KNOW}"
    told = f"time  {found.text if whole else f'{found.short}, {found.origin}'}"
    return told if found.origin.startswith(MEASURED) else f"{told}; {HOW_TO_KNOW}"


def disk_line(found: RunDisk | None, free_bytes: int | None, whole: bool) -> str:
    """What the run writes of what is free; with ``whole`` what merging and export take later."""
    if found is None:
        return ""
    free = f", {gibibytes(free_bytes)} free" if free_bytes is not None else ""
    later = f"; {found.later}" if whole and found.later else ""
    return f"disk  {found.text}{free}{later}"
