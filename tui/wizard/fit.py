"""The draft's fit on this machine: what the bar, the breakdown and the remedies are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError, TunedeckError
from tui.wizard.draft import YOU
from tui.wizard.figures import shape_of

if TYPE_CHECKING:
    from engine.config.schema import RunConfig
    from engine.memory.budget import Budget
    from engine.memory.fit import Fit
    from tui.wizard.draft import Draft
    from tui.wizard.step import Facts

UNKNOWN_ROWS = "-"


def fit_of(draft: Draft, facts: Facts) -> Fit | None:
    """The fit of the answers so far; None while model or machine are not known, or the model's size can't be told.

    What is not answered yet, or wrong, counts at its default.
    """
    shape = shape_of(Path(facts.card.path)) if facts.card else None
    config = config_so_far(draft)
    if shape is None or config is None:
        return None
    budget = budget_for(facts, config.launch.gpus)
    if budget is None:
        return None
    from engine.memory.fit import fit

    seen = facts.inspection_of(draft)
    return fit(
        config,
        shape,
        budget,
        longest_row=seen.tokens_max if seen and seen.tokens_max else None,
        supervised_share=seen.supervised_share if seen and seen.supervised_share else 1.0,
        history=facts.history,
    )


def budget_for(facts: Facts, gpus: str) -> Budget | None:
    """The memory a run with ``launch.gpus`` = ``gpus`` can have here; None while the machine is not known."""
    if facts.machine is None:
        return None
    from engine.memory.budget import budget_of

    try:
        return budget_of(facts.machine, gpus)
    except TunedeckError:
        return None


def config_so_far(draft: Draft) -> RunConfig | None:
    """The config that the right answers make, the others at their defaults; None before there is a model."""
    from engine.config import presets

    values = draft.nested()
    values.setdefault("data", [{"path": UNKNOWN_ROWS}])
    try:
        return presets.resolve([presets.Layer(YOU, values)]).config
    except ConfigError as error:
        for issue in error.issues:
            _drop(values, str(getattr(issue, "field", "")))
    values.setdefault("data", [{"path": UNKNOWN_ROWS}])
    try:
        return presets.resolve([presets.Layer(YOU, values)]).config
    except ConfigError:
        return None


def _drop(values: dict[str, Any], dotted: str) -> None:
    """Leave out the value called ``dotted``; of a wrong data source all, as no estimate needs it."""
    section, _, name = dotted.partition(".")
    if section == "data" or not name:
        values.pop(section, None)
    elif isinstance(values.get(section), dict):
        values[section].pop(name, None)
