"""Everything about an old adapter that can be said before a run builds on it: sound, on its base, complete."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from engine.app.findings import Finding, Remedy
from engine.common.errors import ModelError
from engine.config.rules import Issue
from engine.config.schema import AdapterSection, RunConfig
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard, optimizer_file, read_adapter, require_sound
from engine.models.adapter.match import match, require_match
from engine.models.adapter.training_data import SHARE, has_replay, replay_of
from engine.models.card import ModelCard
from engine.models.checks import mixer_outputs
from engine.models.dims import from_folder
from engine.models.weights import stored_tensors

_ATTENTION = re.compile(r"\.(?:self_attn|attention|attn)\.(\w+)\.weight$")


def check_old_adapter(
    config: RunConfig, named: str, base: ModelCard | None, on_hash: Callable[[int, int], None] | None = None
) -> Iterator[Finding]:
    """Findings about the adapter that was ``named``, on ``base``, which is None while it is still to be downloaded.

    Raises ModelError: it can't be read, holds NaN, does not fit the model, or comes from another one.
    """
    card = read_adapter(named, config.model.allow_pickle)
    if config.strategy.kind == "merge" and card.is_pickle:
        raise ModelError("check.adapter-pickled", path=card.file)
    soundness = require_sound(card)
    if soundness is not None and soundness.without_effect:
        yield _of("warning", Message("check.adapter-zero"))
    if card.note:
        yield _of("note", card.note)
    if base is not None:
        trust = config.strategy.trust_base
        found = match(card, base, config.model.name_or_path, on_hash)
        require_match(found, card, base, trust, config.strategy.kind == "continue")
        for reason in found.reasons:
            if reason.level == "unsure":
                yield _of("warning", reason.message)
            elif reason.level == "refused":
                yield _of("warning", Message("check.adapter-vouched", reason=reason.message))
    if config.strategy.kind == "continue" and not has_replay(config):
        yield _no_replay(card, len(config.data))
    if config.strategy.take_optimizer and config.strategy.kind == "continue" and optimizer_file(card) is None:
        yield Finding(Issue("warning", "strategy.take_optimizer", Message("check.no-optimizer-state")))


def check_targets(section: AdapterSection, base: ModelCard) -> Iterator[Issue]:
    """What ``adapter.target_modules`` names on ``base`` that no adapter can be put on."""
    stored = stored_tensors(base.path)
    left_out = mixer_outputs(stored)
    targets = section.target_modules
    yield from _unknown(targets, stored)
    yield from _fused_experts(section, base, stored)
    if not left_out:
        return
    if isinstance(targets, str):
        what = Message("check.mixers-left-out", targets=targets, count=len(left_out), first=left_out[0])
        yield Issue("note", "adapter.target_modules", what)
        return
    named = [name for name in targets if any(f".{layer}".endswith(f".{name}") for layer in left_out)]
    if named:
        yield Issue("error", "adapter.target_modules", Message("check.mixer-named", first=named[0], names=named))


def _unknown(targets: str | list[str], stored: Iterable[str]) -> Iterator[Issue]:
    """Names that no layer of the model has. A pattern is only warned of: a loaded model may name its layers anew."""
    layers = {name.removesuffix(".weight") for name in stored if name.endswith(".weight")}
    if not layers or targets == "all-linear":
        return
    field = "adapter.target_modules"
    if isinstance(targets, str):
        if any(re.fullmatch(targets, layer) for layer in layers):
            return
        if re.fullmatch(r"\w+", targets):
            yield Issue("error", field, Message("check.name-as-pattern", targets=targets))
        else:
            yield Issue("warning", field, Message("check.pattern-without-layer", targets=targets[:60]))
        return
    lost = [name for name in targets if not any(f".{layer}".endswith(f".{name}") for layer in layers)]
    if lost:
        some = difflib.get_close_matches(lost[0], {layer.rpartition(".")[2] for layer in layers}, n=1)
        what = Message("check.no-such-layer", name=lost[0])
        if some:
            what = Message("check.no-such-layer-but", name=lost[0], near=some[0])
        yield Issue("error" if len(lost) == len(targets) and some else "warning", field, what)


def _fused_experts(section: AdapterSection, base: ModelCard, names: Iterable[str]) -> Iterator[Issue]:
    """Whether all experts of a layer, kept as one tensor, get an adapter; "all-linear" gives them one unasked."""
    try:
        shape = from_folder(base.path)
    except ModelError:
        return
    attention = sorted({found[1] for name in names if (found := _ATTENTION.search(name)) and "norm" not in found[1]})
    if section.target_modules != "all-linear" or not shape.adapted_experts:
        return
    what = Message("check.fused-experts", experts=shape.experts)
    if attention:
        what = Message("check.fused-experts-but", experts=shape.experts, attention=json.dumps(attention))
    yield Issue("warning", "adapter.target_modules", what)


def _no_replay(card: AdapterCard, sources: int) -> Finding:
    """A config says what it trains on: nothing is added to it, but what could be is said."""
    replay = replay_of(card)
    settings = {
        f"data.{sources + number}.{name}": value
        for number, source in enumerate(replay.sources)
        for name, value in source.items()
    }
    what = Message("check.no-replay", why=replay.message if replay.level == "gone" else "")
    remedy = Remedy(Message("check.mix-in", share=SHARE), settings) if settings else None
    return Finding(Issue("warning", "data", what), remedy)


def _of(level: Literal["warning", "note"], what: Message) -> Finding:
    return Finding(Issue(level, "strategy.adapter", what))
