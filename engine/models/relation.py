"""What an adapter has learnt and what new rows want: the measured relation of the two, and what to make of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from engine.data.similarity.compare import Likeness, Portrait
from engine.messages.message import Message

Verdict = Literal["same", "related", "unrelated"]
Strategy = Literal["continue", "merge", "fresh"]

SAME_GAIN = 0.5
"""Of what the adapter gained on its own rows, the share it must bring to the new ones for these to be the same task."""
HELPS = 0.1
"""Share of the new rows' loss that the adapter must take away to be of help."""
MIXED = 0.25
"""``Relation.mixing`` from which old and new rows look the same: same tasks gave 0.35 to 0.99, others 0.10 at most."""
SOME_OVERLAP = 0.15
_SHAPES = {
    "JSON": "models.shape-json", "number": "models.shape-number", "word": "models.shape-word",
    "line": "models.shape-line", "several lines": "models.shape-lines", "plain text": "models.shape-text",
}  # fmt: skip
_WOULD_CHANGE: dict[Verdict, str] = {
    "same": "models.if-same", "related": "models.if-related", "unrelated": "models.if-unrelated"
}  # fmt: skip
RECOMMENDED: dict[Verdict, Strategy] = {"same": "continue", "related": "merge", "unrelated": "fresh"}


@dataclass(frozen=True)
class Relation:
    """Losses are means over supervised tokens of samples; None where rows are missing.

    ``mixing`` is 1 where old and new rows can't be told apart by the base model's hidden states, 0 where every row's
    nearest neighbour is of its own set. ``missing`` says what could not be measured, and why.
    """

    new_rows: int
    base_new: float
    adapter_new: float
    old_rows: int = 0
    base_old: float | None = None
    adapter_old: float | None = None
    mixing: float | None = None
    likeness: Likeness | None = None
    missing: tuple[Message, ...] = ()

    @property
    def gain_new(self) -> float:
        """Share of the base's loss on the new rows that the adapter takes away; negative where it does harm."""
        return 1 - self.adapter_new / self.base_new if self.base_new else 0.0

    @property
    def gain_old(self) -> float | None:
        """The same on the adapter's own rows: what it has learnt."""
        if self.base_old is None or self.adapter_old is None or not self.base_old:
            return None
        return 1 - self.adapter_old / self.base_old

    @property
    def transfer(self) -> float | None:
        """Of the gain on its own rows, the share that the adapter brings to the new ones."""
        if self.gain_old is None or self.gain_old <= 0.02:
            return None
        return self.gain_new / self.gain_old


@dataclass(frozen=True)
class Advice:
    """``reasons`` are what speaks for it, the most telling first; ``would_change`` is what might."""

    verdict: Verdict
    strategy: Strategy
    confidence: Literal["low", "fair", "high"]
    reasons: tuple[Message, ...]
    would_change: Message


def advise(relation: Relation) -> Advice:
    """What the figures speak for. Sameness asks for all signs at once, unrelatedness for the lack of each."""
    signs = _signs(relation)
    verdict: Verdict
    serves = learnt_little(relation) or (signs["helps"] and signs["as well as on its own rows"])
    if serves and signs["looks alike"] and signs["same format"]:
        verdict = "same"
    elif signs["helps"] or signs["shares phrases"]:
        verdict = "related"
    else:
        verdict = "unrelated"
    return Advice(
        verdict, RECOMMENDED[verdict], _confidence(relation, verdict), tuple(_reasons(relation)),
        _would_change(relation, verdict),
    )  # fmt: skip


def learnt_little(relation: Relation) -> bool:
    """Whether the adapter hardly helps with its own rows: then its help with others tells nothing."""
    return relation.gain_old is not None and relation.gain_old < HELPS


def to_json(relation: Relation) -> dict[str, object]:
    """Plain values for a JSON line."""
    values: dict[str, object] = msgspec.to_builtins(relation)
    return values


def from_json(values: object) -> Relation:
    """The relation of ``to_json``'s values. Raises ValueError for anything else."""
    return msgspec.convert(values, Relation)


def _signs(relation: Relation) -> dict[str, bool]:
    transfer, mixing, texts = relation.transfer, relation.mixing, relation.likeness
    return {
        "helps": relation.gain_new >= HELPS,
        # Where the old rows are gone nothing speaks against it.
        "as well as on its own rows": transfer is None or transfer >= SAME_GAIN,
        "looks alike": mixing is None or mixing >= MIXED,
        "same format": texts is None or (texts.same_format and texts.same_language),
        "shares phrases": texts is not None and max(texts.prompt_overlap, texts.answer_overlap) >= SOME_OVERLAP,
    }


def _confidence(relation: Relation, verdict: Verdict) -> Literal["low", "fair", "high"]:
    few = min(relation.new_rows, relation.old_rows or relation.new_rows) < 30
    if relation.missing or few or learnt_little(relation):
        return "low"
    near = abs(relation.gain_new - HELPS) < 0.05
    if verdict == "same":
        near = near or (relation.transfer or 0) < SAME_GAIN + 0.15 or (relation.mixing or 0) < MIXED + 0.1
    return "fair" if near or verdict == "related" else "high"


def _reasons(relation: Relation) -> Iterator[Message]:
    gain = relation.gain_new
    code = "models.loss-lower" if gain >= 0 else "models.loss-higher"
    yield Message(code, gain=abs(gain), adapted=relation.adapter_new, base=relation.base_new)
    if relation.gain_old is not None:
        yield Message("models.loss-old", gain=relation.gain_old, adapted=relation.adapter_old, base=relation.base_old)
    if learnt_little(relation):
        yield Message("models.learned-little")
    if relation.mixing is not None:
        yield Message("models.similarity", mixing=relation.mixing)
    texts = relation.likeness
    if texts is not None:
        yield Message("models.shared-phrases", share=texts.prompt_overlap)
        if not texts.same_language:
            yield Message("models.other-language", old=texts.old.language, new=texts.new.language)
        if not texts.same_format:
            yield Message("models.other-format", old=_form(texts.old), new=_form(texts.new))
    for what in relation.missing:
        yield Message("models.not-measured", what=what)


def _form(portrait: Portrait) -> Message:
    shape, fields = Message(_SHAPES[portrait.shape]), sorted(portrait.fields)[:4]
    return Message("models.format-with-fields", format=shape, fields=fields) if fields else shape


def _would_change(relation: Relation, verdict: Verdict) -> Message:
    return Message("models.with-old-rows" if relation.old_rows == 0 else _WOULD_CHANGE[verdict])
