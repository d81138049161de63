"""What an old adapter fixes in the config of a run that continues it: its shape, and a gentler learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.config import provenance
from engine.config.presets import Resolved, config_error
from engine.config.provenance import FILE, NOBODYS, THIRD
from engine.config.rules import Issue
from engine.config.schema import RunConfig
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard, read_adapter

LOCKED = ("r", "lora_alpha", "target_modules", "use_rslora", "use_dora", "modules_to_save", "trainable_token_indices")
"""Fields of ``[adapter]`` that continuing takes from the adapter; dropout and the rest stay free."""
_USUAL_LINEARS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def adopt(resolved: Resolved) -> Resolved:
    """``resolved`` with what the adapter of "continue" fixes; any other strategy's config as it is.

    Raises ModelError for an adapter that can't be read, ConfigError for locked fields set to something else.
    """
    strategy = resolved.config.strategy
    if strategy.kind != "continue" or not strategy.adapter:
        return resolved
    return with_adapter(resolved, read_adapter(strategy.adapter, resolved.config.model.allow_pickle))


def with_adapter(resolved: Resolved, card: AdapterCard) -> Resolved:
    """The same for an adapter that was read already. Raises ConfigError naming each field that differs."""
    conflicts = list(_conflicts(resolved, card))
    if conflicts:
        raise config_error(conflicts)
    config = resolved.config.model_copy(deep=True)
    sources = dict(resolved.sources)
    for name, value in fixed_by(card).items():
        setattr(config.adapter, name, value)
        sources[f"adapter.{name}"] = provenance.adapter(card.name)
    # A name such as "last" may mean another run tomorrow.
    is_result = bool(card.run) and card.path.name == "adapter"
    config.strategy.adapter = card.run if is_result else str(Path(card.path).absolute())
    if _is_nobodys(resolved, "train.learning_rate") and resolved.source("train.learning_rate") != THIRD:
        config.train.learning_rate = float(f"{config.train.learning_rate / 3:.1e}")
        sources["train.learning_rate"] = THIRD
    return replace(resolved, config=config, sources=sources)


def check_locked(config: RunConfig, card: AdapterCard) -> None:
    """Raise ConfigError unless every locked field of ``config`` says what ``card`` is."""
    conflicts = list(_conflicts(Resolved(config, dict.fromkeys((f"adapter.{name}" for name in LOCKED), FILE)), card))
    if conflicts:
        raise config_error(conflicts)


def fixed_by(card: AdapterCard) -> dict[str, Any]:
    """Values of the ``LOCKED`` fields. ``target_modules`` are the layers' short names."""
    settings = card.settings
    return {
        "r": settings.r,
        "lora_alpha": settings.lora_alpha,
        "target_modules": list(card.targets),
        "use_rslora": settings.use_rslora,
        "use_dora": settings.use_dora,
        "modules_to_save": list(settings.modules_to_save),
        "trainable_token_indices": sorted({i for rows in settings.trainable_token_indices.values() for i in rows}),
    }


def _conflicts(resolved: Resolved, card: AdapterCard) -> Iterator[Issue]:
    for name, value in fixed_by(card).items():
        dotted, given = f"adapter.{name}", getattr(resolved.config.adapter, name)
        if _is_nobodys(resolved, dotted) or _same(name, given, value, card):
            continue
        message = Message("adapter.locked-field", given=_shown(given), value=_shown(value))
        yield Issue("error", dotted, message)


def _same(name: str, given: Any, value: Any, card: AdapterCard) -> bool:
    if name == "target_modules":
        if isinstance(given, str):
            return given == card.settings.target_modules or (
                given == "all-linear" and (set(value) >= _USUAL_LINEARS or not set(value) & _USUAL_LINEARS)
            )
        return {each.rpartition(".")[2] for each in given} == set(value)
    if name == "trainable_token_indices" and any(isinstance(each, str) for each in given):
        return len(given) == len(value)  # texts become ids only with the tokenizer; the runner loads the adapter's
    if isinstance(value, list):
        return sorted(given) == sorted(value)
    return bool(given == value)


def _is_nobodys(resolved: Resolved, dotted: str) -> bool:
    return resolved.source(dotted).code in NOBODYS


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
