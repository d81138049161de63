"""The draft's fit on this machine: what the bar, the breakdown and the remedies are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.errors import ConfigError, TunedeckError
from tui.draft.consequences import shape_of
from tui.draft.draft import YOU
from tui.draft.mix_sources import inspection_of

if TYPE_CHECKING:
    from engine.config.schema import RunConfig
    from engine.machine.snapshot import Machine
    from engine.memory.budget import Budget
    from engine.memory.fit import Fit
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

UNKNOWN_ROWS = "-"


def fit_of(draft: Draft, facts: Facts) -> Fit | None:
    """The fit of the answers so far; None while model or machine are not known, or the model's size can't be told.

    What is not answered yet, or wrong, counts at its default.
    """
    shape = shape_of(Path(facts.card.path)) if facts.card else None
    if shape is None or facts.card is None or facts.machine is None:
        return None
    config = config_so_far(draft, facts.card.path)
    budget = budget_on(facts.machine, config.launch.gpus) if config else None
    if config is None or budget is None:
        return None
    from engine.memory.fit import fit

    seen = inspection_of(draft, facts)
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
    return budget_on(facts.machine, gpus) if facts.machine else None


def budget_on(machine: Machine, gpus: str) -> Budget | None:
    """The same of a reading; None when the GPU is not there or does not tell its memory."""
    from engine.memory.budget import budget_of

    try:
        return budget_of(machine, gpus)
    except TunedeckError:
        return None


def unknown(draft: Draft, facts: Facts) -> str:
    """Why there is no fit, in a line; before a model is chosen, what there is to train on where that is no GPU."""
    if facts.machine is None:
        return "Memory: reading the machine ..." if facts.card else ""
    if facts.card is None:
        barred = facts.machine.barred
        return f"The GPUs are not used: {barred.words} F4 says what to do." if barred else facts.machine.gpu_line
    if shape_of(Path(facts.card.path)) is None:
        return "Memory: not known, as the model's config.json does not tell its size."
    from engine.memory.budget import budget_of

    config = config_so_far(draft, facts.card.path)
    try:
        budget_of(facts.machine, config.launch.gpus if config else "auto")
    except TunedeckError as error:
        return f"Memory: {' '.join(str(error).split())}"
    return "Memory: not known before the answers make sense."


def config_so_far(draft: Draft, model: str | Path = "") -> RunConfig | None:
    """The config that the right answers make, the others at their defaults; None before there is a model.

    ``model`` counts instead of the draft's own: the one under the cursor is not an answer yet.
    """
    from engine.config import presets

    values = draft.nested()
    if model:
        values.setdefault("model", {})["name_or_path"] = str(model)
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
