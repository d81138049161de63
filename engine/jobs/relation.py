"""How the new rows of a run relate to those that its old adapter has learnt, measured with the model itself."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engine.common.child import Say, doing
from engine.common.errors import ConfigError
from engine.config.schema import RunConfig
from engine.messages.message import Message


def answer(config: RunConfig, say: Say) -> dict[str, Any]:
    """The relation (``engine.models.relation``) and the advice on it. Raises TunedeckError for what can't be used."""
    from engine.data.reader import load
    from engine.models.adapter.card import read_adapter, require_sound
    from engine.models.adapter.training_data import rows_behind
    from engine.models.local import is_here
    from engine.models.relation import advise, to_json

    if not config.strategy.adapter:
        raise ConfigError("adapter.unnamed")
    card = read_adapter(config.strategy.adapter, config.model.allow_pickle)
    require_sound(card)
    model = config.model
    if not is_here(model):
        return {"kind": "unavailable", "message": Message("jobs.relation-later", model=model.name_or_path)}
    doing(say, "jobs.reading-rows")
    news = [source for source in config.data if source.role != "replay"]  # replay is old by its nature
    new = load(config.model_copy(update={"data": news or config.data})).rows
    old, missing = rows_behind(card)

    from engine.distributed.device import place, restrict_gpus
    from engine.evaluation.relation import relate
    from engine.modeling.load import load_base
    from engine.models.checks import require_positions
    from engine.tokens.tokenizer import locate

    restrict_gpus(config)
    doing(say, "jobs.loading-model")
    base_card = locate(model, lambda done, total, message: None)
    require_positions(config, base_card)
    base = load_base(base_card, model, place(config), False)

    def progress(what: Message, done: int, total: int) -> None:
        say("progress", done=done, total=total, message=what)

    found = relate(
        base, card.path, old, new, config.dataset, [missing] if missing else [], progress, config.run.seed
    )  # fmt: skip
    return {"kind": "result", "relation": to_json(found), "advice": asdict(advise(found))}
