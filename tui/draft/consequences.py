"""What the answers lead to, as the foot of the wizard says it: steps, rows, size of a checkpoint, disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.messages.catalogue import text
from tui.draft.fit import config_so_far
from tui.draft.mix_sources import inspection_of, size_of

if TYPE_CHECKING:
    from engine.app.consequences import Consequence
    from engine.memory.disk import RunDisk
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts


def consequence(draft: Draft, facts: Facts) -> Consequence | None:
    """Of the answers so far, what is wrong at its default; None before there is a model to be asked about."""
    from engine.app import consequences

    folder = Path(facts.card.path) if facts.card else None
    config = config_so_far(draft, folder or "-")
    if config is None:
        return None
    rows = sum(facts.rows.values()) if facts.rows else None
    train_rows = None
    inspection = inspection_of(draft, facts)
    if inspection is not None and inspection.rows:
        rows, train_rows = inspection.rows, inspection.train_rows
    elif rows is not None:
        becomes_more = len(facts.rows) > 1 or draft.get("dataset.too_long") == "split"
        mixed = size_of(draft, facts) if becomes_more else None
        train_rows = mixed.rows if mixed else rows - consequences.held_out(rows, config.dataset)
    return consequences.consequence(config, folder, rows, train_rows)


def disk_of(fit: Fit | None, facts: Facts) -> RunDisk | None:
    """What a run writes; None while its fit is not known."""
    from engine.app.consequences import disk_of_fit

    return disk_of_fit(fit, Path(facts.card.path)) if fit is not None and facts.card is not None else None


def pieces(found: Consequence | None) -> tuple[str, ...]:
    """What follows the verdict in the fit bar, the most important first."""
    told = _told(found)
    return tuple(told[code] for code in ("draft.disk", "draft.steps", "draft.rows") if code in told)


def sentence(found: Consequence | None, weights_bytes: int | None = None) -> str:
    """One line of at most 78 cells for the foot of the wizard, where there is no fit; "" before anything is known."""
    return "   ".join(_told(found, weights_bytes).values())


def _told(found: Consequence | None, weights_bytes: int | None = None) -> dict[str, str]:
    """By its code each number that is known, in words."""
    if found is None:
        return {}
    figures = {
        "draft.model-size": weights_bytes, "draft.rows": found.rows, "draft.steps": found.steps,
        "draft.checkpoint": found.checkpoint_bytes, "draft.disk": found.disk_bytes,
    }  # fmt: skip
    large = {"draft.rows": "draft.many-rows", "draft.steps": "draft.many-steps"}
    codes = {code: large.get(code, code) if (figure or 0) >= 1_000_000 else code for code, figure in figures.items()}
    return {code: text(codes[code], figure=figure) for code, figure in figures.items() if figure}
