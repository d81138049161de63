"""What an adapter is, in words for people: the table of `tunedeck adapter inspect` and of its screen."""

from __future__ import annotations

from collections.abc import Iterator

from engine.models.adapter.card import AdapterCard
from engine.models.adapter.tensors import Soundness

UNKNOWN = "unknown"
LEVELS = {"ok": "fits", "unsure": "unsure", "refused": "does not fit"}
"""A reason of a match, by its level."""


def rows(card: AdapterCard, soundness: Soundness | None) -> Iterator[tuple[str, str]]:
    """Everything about an adapter as (what, value), for people; what is not known is said to be unknown."""
    settings, record = card.settings, card.record
    yield "folder", str(card.path)
    yield "base model", card.base + (f", revision {settings.revision}" if settings.revision else "") or UNKNOWN
    yield "base weights", _hash(card)
    yield "method", _method(card)
    yield "rank", str(settings.r) + _pattern(settings.rank_pattern)
    yield "alpha", f"{settings.lora_alpha:g}" + _pattern(settings.alpha_pattern)
    yield "dropout", f"{settings.lora_dropout:g}"
    count = f" ({len(card.contents.modules):,} in all)" if card.contents.modules else ""
    yield "layers", f"{', '.join(card.targets) or UNKNOWN}{count}"
    if settings.modules_to_save or card.contents.whole:
        yield "saved whole", ", ".join(settings.modules_to_save or card.contents.whole)
    if settings.trainable_token_indices:
        yield "trained tokens", f"{sum(map(len, settings.trainable_token_indices.values())):,}"
    if settings.bias != "none":
        yield "bias", settings.bias
    trained = UNKNOWN if card.parameters is None else f"{card.parameters:,}"
    yield "trained numbers", f"{trained}, {_size(card.size_bytes)} {card.dtype}".rstrip()
    yield "numbers", _soundness(card, soundness)
    yield "made by", f"run {card.run}" if card.run else f"PEFT {settings.peft_version or 'of unknown version'}"
    if record is None:
        yield "trained on", f"{UNKNOWN}: it has no tunedeck.json"
        return
    yield "strategy", record.strategy or UNKNOWN
    for parent in record.parents:
        yield "goes back to", parent.run or parent.path
    for source in record.data:
        tokens = f", {source.tokens:,} tokens" if source.tokens else ""
        yield "trained on", f"{source.path} ({source.role}{tokens})"


def _method(card: AdapterCard) -> str:
    kind = "DoRA" if card.settings.use_dora else "LoRA"
    return f"{kind}, scaled by alpha / {'sqrt(rank), rsLoRA' if card.settings.use_rslora else 'rank'}"


def _hash(card: AdapterCard) -> str:
    recorded = card.record.weights_sha256 if card.record else {}
    if not recorded:
        return f"{UNKNOWN}: no hash was recorded"
    return ", ".join(f"{name} {digest[:12]}" for name, digest in list(recorded.items())[:2]) + (
        f" and {len(recorded) - 2} more" if len(recorded) > 2 else ""
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e6 else f"{size_bytes / 1e3:,.0f} kB"


def _pattern(pattern: object) -> str:
    return ", other values for some layers" if pattern else ""


def _soundness(card: AdapterCard, soundness: Soundness | None) -> str:
    if soundness is None:
        return f"{UNKNOWN}: the file is pickled"
    if soundness.not_finite:
        first, more = soundness.not_finite[0], len(soundness.not_finite) - 1
        return f"BROKEN: NaN or infinite in {first}" + (f" and {more:,} more tensors" if more else "")
    if soundness.without_effect:
        return "all finite, but every B is zero: it changes nothing"
    return "all finite"
