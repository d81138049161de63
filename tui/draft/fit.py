"""The draft's fit on this machine: what the bar, the breakdown and the remedies are drawn from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.common.errors import ConfigError, TunedeckError
from engine.config.provenance import YOU
from engine.messages.catalogue import text
from tui.draft.mix_sources import inspection_of

if TYPE_CHECKING:
    from engine.config.schema import RunConfig
    from engine.machine.snapshot import Machine
    from engine.memory.budget import Budget
    from engine.memory.fit import Fit
    from engine.models.dims import ModelShape
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

UNKNOWN_ROWS = "-"


@lru_cache(maxsize=256)
def shape_of(model: Path) -> ModelShape | None:
    """Dimensions of the model in that folder; None where its config does not tell them."""
    from engine.app.plan import shape_of

    return shape_of(model)


def fit_of(draft: Draft, facts: Facts) -> Fit | None:
    """The fit of the answers so far; None while model or machine are not known, or the model's size can't be told.

    What is not answered yet, or wrong, counts at its default.
    """
    try:
        return _fit(draft, facts)
    except TunedeckError:
        return None


def barrier(draft: Draft, facts: Facts) -> TunedeckError | None:
    """What the machine has against the draft: GPUs that are not there, can't be used, or don't go together."""
    try:
        _fit(draft, facts)
    except TunedeckError as error:
        return error
    return None


def _fit(draft: Draft, facts: Facts) -> Fit | None:
    """Raises MachineError."""
    shape = shape_of(Path(facts.card.path)) if facts.card else None
    config = config_so_far(draft, facts.card.path) if shape is not None and facts.card and facts.machine else None
    if config is None:
        return None
    from engine.app.plan import fit_on

    return fit_on(config, facts.machine, inspection_of(draft, facts), shape=shape, history=facts.history)


def budget_on(machine: Machine | None, config: RunConfig | None) -> Budget | None:
    """The memory that a run of ``config`` can have; None when that is not known, or its devices can't be used."""
    from engine.app import plan

    try:
        return plan.budget_on(config, machine) if config is not None and machine is not None else None
    except TunedeckError:
        return None


def unknown(draft: Draft, facts: Facts) -> str:
    """Why there is no fit, in a line; before a model is chosen, what there is to train on where that is no GPU."""
    if facts.machine is None:
        return text("draft.reading-machine") if facts.card else ""
    if facts.card is None:
        barred = facts.machine.barred
        if barred is not None:
            return text("draft.gpus-unused", reason=barred.reason)
        return text(facts.machine.no_gpu) if facts.machine.no_gpu else ""
    if shape_of(Path(facts.card.path)) is None:
        return text("draft.unknown-size")
    against = barrier(draft, facts)
    return text("draft.memory", reason=against.reason) if against is not None else text("draft.unknown-yet")


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
