"""The old adapter of a draft as far as its files tell: sound, on this base, with its rows or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.models.adapter.card import AdapterCard
    from engine.models.adapter.match import Match
    from engine.models.adapter.tensors import Soundness
    from engine.models.adapter.training_data import Replay
    from engine.models.card import ModelCard


@dataclass(frozen=True)
class OldAdapter:
    """What was found of the adapter called ``named`` and its match with the model in ``base`` ("": no model yet).

    ``error`` says why it can't be read; then the rest is None. ``match`` is None where there is no model to compare
    with, ``soundness`` for a pickle.
    """

    named: str
    base: str = ""
    card: AdapterCard | None = None
    soundness: Soundness | None = None
    match: Match | None = None
    replay: Replay | None = None
    error: TunedeckError | None = None

    @property
    def needs_trust(self) -> bool:
        """Whether only the base's identity stands against it, which a person may vouch for."""
        against = self.match.refusals() if self.match else ()
        return bool(against) and all(reason.about == "identity" for reason in against)


def look_at(
    named: str,
    allow_pickle: bool,
    base: ModelCard | None,
    base_named: str,
    on_progress: Callable[[int, int], None] | None = None,
) -> OldAdapter:
    """Read the adapter whole and compare it with ``base``, whose weights are hashed once; takes seconds at most.

    What ``on_progress`` (bytes done and in all) raises ends that; errors come back in the result.
    """
    from engine.models.adapter.card import examine_adapter, read_adapter
    from engine.models.adapter.match import match
    from engine.models.adapter.training_data import replay_of

    where = str(base.path) if base else ""
    try:
        card = read_adapter(named, allow_pickle)
        found = match(card, base, base_named, on_progress) if base else None
        return OldAdapter(named, where, card, examine_adapter(card), found, replay_of(card))
    except TunedeckError as error:
        return OldAdapter(named, where, error=error)


def refusal(old: OldAdapter | None, kind: str, trusts_base: bool = False) -> Message | None:
    """Why strategy ``kind`` can't begin with ``old``, in a sentence; None when it can. Fresh always can."""
    if kind == "fresh":
        return None
    if old is None:
        return Message("adapter.none-chosen")
    if old.error is not None:
        return Message("adapter.as-told", reason=old.error.reason)
    if old.soundness is not None and old.soundness.not_finite:
        return Message("adapter.not-finite-in", tensor=old.soundness.not_finite[0])
    against = old.match.refusals(trust_base=trusts_base, continuing=kind == "continue") if old.match else ()
    if against:
        return Message("adapter.against", reasons=[reason.message for reason in against])
    if kind == "merge" and old.card is not None and old.card.is_pickle:
        return Message("adapter.pickle-unmergeable")
    return None


def doubts(old: OldAdapter | None) -> list[Message]:
    """What is not against it and should be known."""
    if old is None or old.card is None:
        return []
    found = [old.card.note] if old.card.note else []
    if old.soundness is not None and old.soundness.without_effect:
        found.append(Message("adapter.without-effect"))
    if old.match is None:
        found.append(Message("adapter.base-not-here"))
    else:
        found += [reason.message for reason in old.match.reasons if reason.level == "unsure"]
    return found


def shape(card: AdapterCard) -> Message:
    """ "r 16, 7 kinds of layers"; one that is known by another name is that, too."""
    parts: list[str | Message] = [*(["DoRA"] if card.settings.use_dora else []), f"r {card.settings.r}"]
    parts += [Message("adapter.kinds-of-layers", kinds=len(card.targets))] if card.targets else []
    return Message("adapter.shape", parts=parts)
