"""Whether adapters can be mixed into one, what that gives, and what a reader must know of it, from their files alone.

A mix is a LoRA whose update is made of its parents' updates s B A. ``linear`` is their weighted sum, exact: the factors
of all stand side by side, so that ranks add up (PEFT's ``cat``). TIES (arXiv 2306.01708) and DARE (arXiv 2311.03099)
trim the updates themselves, which then are of any rank: the largest singular parts are kept (PEFT's ``_svd`` forms).
PEFT's plain ``linear``, ``ties`` and ``dare_*`` mix the factors instead, which adds products of one parent's B with
another's A; they also keep rsLoRA's factor and pass over rank patterns, magnitudes and what is saved whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from engine.common.errors import ConfigError, ModelError
from engine.common.files import read_json
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard
from engine.models.adapter.config import CONFIG_FILE
from engine.models.adapter.strength import kept, why_not
from engine.models.for_use import ForUse
from engine.models.tokenizer_files import brings_tokenizer, tokens_with

COMBINATIONS = {"linear": "cat", "ties": "ties_svd", "dare_linear": "dare_linear_svd", "dare_ties": "dare_ties_svd"}
"""What PEFT calls the form that each method is carried out in."""
METHODS = tuple(COMBINATIONS)
TRIMS = ("ties", "dare_linear", "dare_ties")
MOST_RANK = 1024
_NUMBER_BYTES = 4


def check_request(parents: int, weights: Sequence[float], method: str, density: float, rank: int) -> None:
    """Raise ConfigError for what is senseless whatever the parents are."""
    if parents < 2:
        raise ConfigError("mixes.too-few", count=parents)
    if method not in METHODS:
        raise ConfigError("mixes.no-method", method=method, known=METHODS)
    if len(weights) != parents:
        raise ConfigError("mixes.weights-uneven", weights=len(weights), parents=parents)
    bad = [weight for weight in weights if not math.isfinite(weight) or not weight]
    if bad:
        raise ConfigError("mixes.bad-weight", weight=str(bad[0]))
    if not 0 < density <= 1:
        raise ConfigError("mixes.bad-density", density=density)
    if not 0 <= rank <= MOST_RANK:
        raise ConfigError("mixes.bad-rank", rank=rank, most=MOST_RANK)


def check_parents(parents: Sequence[ForUse], method: str) -> list[Message]:
    """What must be known of mixing ``parents``. Raises ModelError for what can't be mixed, each with a way round."""
    adapters = [_adapter(each) for each in parents]
    for place, adapter in enumerate(adapters):
        if adapter.path.resolve() in [other.path.resolve() for other in adapters[:place]]:
            raise ModelError("mixes.twice", adapter=adapter.path)
    for found, adapter in zip(parents, adapters, strict=True):
        _require_plain(found, adapter, method)
    first = parents[0]
    for other in parents[1:]:
        if other.card.path.resolve() != first.card.path.resolve():
            raise _other_base(first, other)
    return [*_notes_of_layers(parents, adapters, method), *_notes_of_use(parents, adapters)]


def _adapter(found: ForUse) -> AdapterCard:
    if found.adapter is None:
        raise ModelError("mixes.is-model", name=found.title)
    return found.adapter


def _other_base(first: ForUse, other: ForUse) -> ModelError:
    """The error for two bases: one that was made by merging is told apart, since its name says little."""
    merged = next((each for each in (other, first) if each.config and each.config.strategy.kind == "merge"), None)
    bases = {"one": first.title, "base": first.card.path, "other": other.title, "other_base": other.card.path}
    if merged is not None:
        return ModelError("mixes.merged-base", run=merged.title, merged=merged.card.path, **bases)
    return ModelError("mixes.other-base", **bases)


def _require_plain(found: ForUse, adapter: AdapterCard, method: str) -> None:
    """Raise ModelError unless everything that ``adapter`` changes is a matrix with an update s B A."""
    settings, raw = adapter.settings, read_json(adapter.path / CONFIG_FILE)
    about = {"adapter": found.title, "base": found.name if found.adapter is None else found.card.path}
    if adapter.is_pickle:
        raise ModelError("mixes.pickle", path=adapter.file, **about)
    lacking: list[Message] = []
    if settings.use_dora:
        lacking.append(Message("mixes.has-dora"))
    reason = why_not(adapter.path)
    if reason is not None and not settings.use_dora:
        lacking.append(Message("mixes.has-init", init=str(raw.get("init_lora_weights"))))
    if settings.modules_to_save or adapter.contents.whole:
        lacking.append(Message("mixes.has-whole", modules=settings.modules_to_save or [*adapter.contents.whole][:3]))
    if adapter.contents.token_rows:
        lacking.append(Message("mixes.has-tokens", tokens=sum(adapter.contents.token_rows.values())))
    if settings.bias != "none" or raw.get("lora_bias"):
        lacking.append(Message("mixes.has-bias"))
    if settings.target_parameters or any(module.kind == "other" for module in adapter.contents.modules):
        lacking.append(Message("mixes.has-experts"))
    if lacking:
        raise ModelError("mixes.beyond", parts=lacking, **about)
    embeddings = [module.name for module in adapter.contents.modules if module.kind == "embedding"]
    if embeddings and method in TRIMS:
        raise ModelError("mixes.embedding", layer=embeddings[0], method=method, **about)


def _notes_of_layers(parents: Sequence[ForUse], adapters: Sequence[AdapterCard], method: str) -> list[Message]:
    every = {module.name for adapter in adapters for module in adapter.contents.modules}
    shared = set.intersection(*({module.name for module in adapter.contents.modules} for adapter in adapters))
    notes = []
    if every - shared:
        notes.append(Message("mixes.layers-differ", layers=len(every - shared), of=len(every)))
    ranks = {rank for adapter in adapters for rank in _ranks(adapter).values()}
    if len(ranks) > 1:
        notes.append(Message("mixes.ranks-differ", least=min(ranks), most=max(ranks)))
    if any(adapter.settings.use_rslora for adapter in adapters):
        notes.append(Message("mixes.scaling-taken"))
    for found, adapter in zip(parents, adapters, strict=True):
        scale = kept(adapter.path)
        if scale != 1:
            notes.append(Message("mixes.kept-strength", adapter=found.title, scale=scale))
    notes.append(Message("mixes.form-sum" if method == "linear" else "mixes.form-trimmed"))
    return notes


def _notes_of_use(parents: Sequence[ForUse], adapters: Sequence[AdapterCard]) -> list[Message]:
    """Parents that were trained with another chat template, or over another precision of the base, than the first."""
    notes = []
    templates = [_template(found) for found in parents]
    others = [found.title for found, each in zip(parents, templates, strict=True) if each != templates[0]]
    if others:
        notes.append(Message("mixes.templates-differ", first=parents[0].title, others=others))
    precisions = [found.model.quantization for found in parents]
    if len(set(precisions)) > 1:
        notes.append(Message("mixes.precisions-differ", first=parents[0].title, precisions=sorted(set(precisions))))
    elsewhere = [
        found.title for found, adapter in zip(parents, adapters, strict=True)
        if adapter.record is None or not adapter.record.weights_sha256
    ]  # fmt: skip
    if elsewhere:
        notes.append(Message("mixes.base-by-name", adapters=elsewhere))
    return notes


def _template(found: ForUse) -> str:
    own = found.adapter.path if found.adapter and brings_tokenizer(found.adapter.path) else None
    return tokens_with(found.card.path, own, read_json(found.card.path / "config.json")).chat_template


def _ranks(adapter: AdapterCard) -> dict[str, int]:
    return {module.name: module.rank for module in adapter.contents.modules}


def layer_ranks(adapters: Sequence[AdapterCard], rank: int) -> dict[str, int]:
    """The rank of each layer of the mix: those of its parents added up, at most ``rank`` (0: any)."""
    total: dict[str, int] = {}
    widths = _widths(adapters)
    for adapter in adapters:
        for name, own in _ranks(adapter).items():
            total[name] = total.get(name, 0) + own
    return {name: min(own, rank or own, MOST_RANK, *widths[name]) for name, own in total.items()}


def size_of(adapters: Sequence[AdapterCard], rank: int) -> int:
    """Bytes of the tensors of the mix, which are float32."""
    widths = _widths(adapters)
    return sum(own * sum(widths[name]) * _NUMBER_BYTES for name, own in layer_ranks(adapters, rank).items())


def work_bytes(adapters: Sequence[AdapterCard], method: str) -> int:
    """Bytes that one layer takes while it is mixed: the updates of all parents in float32 where they are trimmed."""
    largest = max(math.prod(width) for width in _widths(adapters).values())
    return (2 * len(adapters) + 4 if method in TRIMS else 1) * largest * _NUMBER_BYTES


def _widths(adapters: Sequence[AdapterCard]) -> Mapping[str, tuple[int, int]]:
    return {module.name: (module.inputs, module.outputs) for adapter in adapters for module in adapter.contents.modules}
