"""The answers a new run begins with when it goes on from an adapter: of an earlier run, or trained elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.app.old_adapter import OldAdapter
from engine.config import provenance, toml
from engine.models.adapter.card import read_adapter
from engine.models.adapter.training_data import replay_of
from tui.draft import strategy_state
from tui.draft.draft import Draft, flatten, preset_of

if TYPE_CHECKING:
    from engine.models.adapter.card import AdapterCard
    from engine.runs.directory import RunDir


def draft_from(run: RunDir) -> Draft:
    """The model of ``run`` read as there, its adapter to be continued, its rows as replay; new rows are to be named.

    Takes a while: for a thread. Raises TunedeckError when its config or its adapter can't be read.
    """
    config = toml.load(run.config).config
    card = read_adapter(run.path)
    draft = Draft(step="strategy")
    for name, value in flatten({"model": config.model.model_dump(exclude_defaults=True)}):
        draft.set(name, value, provenance.run(run.id))
    if config.strategy.kind == "merge" and card.base:
        draft.set(
            "model.name_or_path", card.base, provenance.run(run.id)
        )  # trained on what was merged, not on its base
    draft.task = "text" if config.dataset.train_on == "all" else "instructions"
    draft.apply_preset(preset_of(draft.task))
    strategy_state.choose(draft, "continue", OldAdapter(run.id, card=card, replay=replay_of(card)))
    return draft


def copy_of(run: RunDir) -> Draft:
    """The answers of ``run``, to be changed. Raises TunedeckError when its config can't be read."""
    draft = Draft.from_resolved(toml.load(run.config))
    draft.duplicated_from = run.id
    return draft


def draft_of_adapter(card: AdapterCard) -> Draft:
    """The same for an adapter that is no run's result: the base it names, and the rows it was trained on if known."""
    draft = Draft(task="instructions", step="strategy")
    if card.base:
        draft.set("model.name_or_path", card.base)
    draft.apply_preset(preset_of(draft.task))
    strategy_state.choose(draft, "continue", OldAdapter(str(card.path), card=card, replay=replay_of(card)))
    return draft
