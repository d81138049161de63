"""Everything about an adapter as labels with values: the table of `tunedeck adapter inspect` and of its screen.

Names and numbers that stand for themselves are literal messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.common import file_hash
from engine.messages import formats
from engine.messages.message import Message
from engine.models.adapter.card import PICKLE_FILE, WEIGHTS_FILE, AdapterCard
from engine.models.adapter.config import CONFIG_FILE, Parent
from engine.models.adapter.tensors import Soundness

LEVELS = {"ok": Message("adapter.fits"), "unsure": Message("adapter.unsure"), "refused": Message("adapter.refused")}
"""Of a reason of a match."""
_UNKNOWN = Message("adapter.unknown")
_METHODS = {
    (False, False): "adapter.lora", (False, True): "adapter.lora-rs",
    (True, False): "adapter.dora", (True, True): "adapter.dora-rs",
}  # fmt: skip
"""By use_dora and use_rslora."""


def facts(card: AdapterCard, soundness: Soundness | None) -> Iterator[tuple[Message, Message]]:
    """Every fact as (what, value); what is not known is said to be unknown."""
    settings, record, modules = card.settings, card.record, card.contents.modules
    base = Message.literal(card.base) if card.base else _UNKNOWN
    if settings.revision:
        base = Message("adapter.base-with-revision", base=base, revision=settings.revision)
    yield Message("adapter.folder"), Message.literal(str(card.path))
    yield Message("adapter.base-model"), base
    yield Message("adapter.base-weights"), _hashes(card)
    yield Message("adapter.method"), Message(_METHODS[settings.use_dora, settings.use_rslora])
    yield Message("adapter.rank"), _varied(settings.r, settings.rank_pattern)
    yield Message("adapter.alpha"), _varied(settings.lora_alpha, settings.alpha_pattern)
    yield Message("adapter.dropout"), Message.literal(f"{settings.lora_dropout:g}")
    names = card.targets or (_UNKNOWN,)
    counted = Message("adapter.layers-counted", names=names, count=len(modules))
    yield Message("adapter.layers"), counted if modules else Message("adapter.names", names=names)
    if saved := settings.modules_to_save or tuple(card.contents.whole):
        yield Message("adapter.saved-whole"), Message("adapter.names", names=saved)
    if settings.trainable_token_indices:
        count = sum(map(len, settings.trainable_token_indices.values()))
        yield Message("adapter.trained-tokens"), Message.literal(f"{count:,}")
    if settings.bias != "none":
        yield Message("adapter.bias"), Message.literal(settings.bias)
    yield Message("adapter.parameters"), _parameters(card)
    yield Message("adapter.values"), _soundness(soundness)
    yield Message("adapter.made-by"), _maker(card)
    if record is None:
        yield Message("adapter.trained-on"), Message("adapter.trained-on-unknown")
        return
    yield Message("adapter.strategy"), Message.literal(record.strategy) if record.strategy else _UNKNOWN
    for parent in record.parents:
        yield Message("adapter.parent"), _parent(parent)
    for source in record.data:
        code = "adapter.source-counted" if source.tokens else "adapter.source"
        yield Message("adapter.trained-on"), Message(code, path=source.path, role=source.role, tokens=source.tokens)


def _parent(parent: Parent) -> Message:
    """Which it is, the weight of a mix, and what became of it since."""
    named: Message = Message.literal(parent.run or parent.path)
    if parent.kind == "mix":
        named = Message("adapter.parent-weighed", parent=named, weight=formats.weight(parent.weight))
    since = became(parent)
    return Message("adapter.parent-since", parent=named, since=since) if since else named


def became(parent: Parent) -> Message | None:
    """That ``parent`` is gone, or has other weights or another strength than then; None where it is as it was."""
    if parent.kind == "model":
        return None if Path(parent.path).is_dir() else Message("adapter.parent-gone")
    files = (Path(parent.path) / name for name in (WEIGHTS_FILE, PICKLE_FILE))
    try:
        file = next((each for each in files if each.is_file()), None)
        if file is None:
            return Message("adapter.parent-gone")
        noted = ((file, parent.sha256), (Path(parent.path) / CONFIG_FILE, parent.config_sha256))
        changed = any(digest and file_hash.sha256_of(each) != digest for each, digest in noted)
    except OSError:
        return Message("adapter.parent-gone")
    return Message("adapter.parent-changed") if changed else None


def _hashes(card: AdapterCard) -> Message:
    recorded = card.record.weights_sha256 if card.record else {}
    if not recorded:
        return Message("adapter.no-hash")
    shown = [Message("adapter.hash", file=name, hash=digest[:12]) for name, digest in list(recorded.items())[:2]]
    if len(recorded) > len(shown):
        return Message("adapter.hashes-more", hashes=shown, more=len(recorded) - len(shown))
    return Message("adapter.hashes", hashes=shown)


def _varied(value: float, pattern: object) -> Message:
    return Message("adapter.varied", value=f"{value:g}") if pattern else Message.literal(f"{value:g}")


def _parameters(card: AdapterCard) -> Message:
    if card.parameters is None:
        return Message("adapter.parameters-unknown", size=card.size_bytes)
    return Message("adapter.parameters-in-file", count=card.parameters, size=card.size_bytes, dtype=card.dtype)


def _maker(card: AdapterCard) -> Message:
    if card.run:
        return Message("adapter.made-by-run", run=card.run)
    version = card.settings.peft_version
    return Message("adapter.made-by-peft", version=version) if version else Message("adapter.made-by-unknown")


def _soundness(soundness: Soundness | None) -> Message:
    if soundness is None:
        return Message("adapter.values-pickled")
    if soundness.not_finite:
        return Message("adapter.values-broken", tensor=soundness.not_finite[0], bad=len(soundness.not_finite))
    return Message("adapter.values-no-effect" if soundness.without_effect else "adapter.values-finite")
