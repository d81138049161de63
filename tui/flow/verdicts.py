"""What each model could do on this machine: a verdict for its line in the list, and words for its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.messages.catalogue import text
from tui.draft.draft import Draft
from tui.draft.fit import budget_on, config_so_far, shape_of

if TYPE_CHECKING:
    from engine.config.schema import RunConfig
    from engine.memory.budget import Budget
    from engine.memory.methods import BestMethod, Method
    from engine.models.card import ModelCard
    from tui.draft.facts import Facts

NOTICED_BYTES = 0.05 * 2**30


class Verdicts:
    """The best method for each model within one budget, worked out once; ``update`` says when that is too old."""

    def __init__(self) -> None:
        self._budget: Budget | None = None
        self._config: RunConfig | None = None
        self._known: dict[Path, BestMethod | None] = {}
        self._ways: dict[Path, list[tuple[Method, BestMethod]]] = {}

    def update(self, draft: Draft, facts: Facts) -> bool:
        """Take machine and settings as they are now; whether any verdict may be another."""
        config = _config_for_all(draft)
        budget = budget_on(facts.machine, config)
        if config == self._config and _is_close(budget, self._budget):
            return False
        self._config, self._budget, self._known, self._ways = config, budget, {}, {}
        return True

    def of(self, card: ModelCard) -> BestMethod | None:
        """The best method for the model of ``card``; None where machine or dimensions are not known."""
        folder = Path(card.path)
        if folder not in self._known:
            self._known[folder] = self._best(folder)
        return self._known[folder]

    def ways(self, card: ModelCard) -> list[tuple[Method, BestMethod]]:
        """Every method for the model of ``card``; none where machine or dimensions are not known."""
        folder = Path(card.path)
        if folder not in self._ways:
            shape = shape_of(folder)
            if shape is None or self._budget is None or self._config is None:
                return []
            from engine.memory.methods import each_method

            self._ways[folder] = each_method(self._config, shape, self._budget)
        return self._ways[folder]

    def column(self, card: ModelCard) -> str:
        """The verdict in a few words, "" where there is none."""
        found = self.of(card)
        return text(found.message) if found else ""

    def _best(self, folder: Path) -> BestMethod | None:
        shape = shape_of(folder)
        if shape is None or self._budget is None or self._config is None:
            return None
        from engine.memory.methods import best_method

        return best_method(self._config, shape, self._budget)


def said_of(found: BestMethod, card: ModelCard) -> list[tuple[str, str]]:
    """Which method, how much room it leaves, and how long rows may be: label and words of each."""
    spare = abs(found.verdict.spare_bytes)
    label, rows = text("wizard-model.label-method"), text("wizard-model.label-rows")
    reads = card.max_position_embeddings
    most = min(found.longest_row, reads or found.longest_row)
    if found.verdict.level == "too much":
        lines = [(label, text("wizard-model.too-large", method=_method(found), spare=spare))]
        return [*lines, (rows, text("wizard-model.too-large-rows", tokens=most))] if most else lines
    guessed = found.resolution.estimate.job.shape.guessed
    level = text("wizard-model.level-tight" if found.verdict.level == "tight" else "wizard-model.level-fits")
    fits = "wizard-model.fits-guessed" if guessed else "wizard-model.fits"
    lines = [(label, text(fits, method=_method(found), verdict=level, spare=spare))]
    if reads and most >= reads:
        return [*lines, (rows, text("wizard-model.any-row", tokens=reads))]
    return [*lines, (rows, text("wizard-model.rows", tokens=most, batch=found.largest_micro_batch))]


def _method(found: BestMethod) -> str:
    return text("wizard-model.recomputed", method=found.name) if found.recomputes else text(found.name)


def _config_for_all(draft: Draft) -> RunConfig | None:
    """The answers that do not depend on which model is chosen."""
    return config_so_far(Draft({**draft.values, "model.name_or_path": "-", "model.revision": "main"}))


def _is_close(one: Budget | None, other: Budget | None) -> bool:
    """The same device with the same room, to what a person would notice."""
    if one is None or other is None:
        return one is other
    same = (one.device, one.name, one.total_bytes) == (other.device, other.name, other.total_bytes)
    return same and abs(one.available_bytes - other.available_bytes) < NOTICED_BYTES
