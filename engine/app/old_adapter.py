"""The old adapter of a draft as far as its files tell: sound, on this base, with its rows or without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.common.errors import TunedeckError
from engine.messages.catalogue import text

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


def refusal(old: OldAdapter | None, kind: str, trusts_base: bool = False) -> str:
    """Why strategy ``kind`` can't begin with ``old``, in a sentence; "" when it can. Fresh always can."""
    if kind == "fresh":
        return ""
    if old is None:
        return "there is no adapter to go on from."
    if old.error is not None:
        return old.error.said
    if old.soundness is not None and old.soundness.not_finite:
        return f"it is broken: NaN or infinite numbers in {old.soundness.not_finite[0]}. Its training diverged."
    against = old.match.refusals(trust_base=trusts_base, continuing=kind == "continue") if old.match else ()
    if against:
        return " ".join(text(reason.message) for reason in against)
    if kind == "merge" and old.card is not None and old.card.is_pickle:
        return "a pickled adapter is not merged. Convert it to safetensors first."
    return ""


def doubts(old: OldAdapter | None) -> list[str]:
    """What is not against it and should be known."""
    if old is None or old.card is None:
        return []
    found = [text(old.card.note)] if old.card.note else []
    if old.soundness is not None and old.soundness.without_effect:
        found.append("Every B matrix is zero: it changes nothing yet.")
    if old.match is None:
        found.append("Whether it fits is checked once the model is on this machine.")
    else:
        found += [text(reason.message) for reason in old.match.reasons if reason.level == "unsure"]
    return found


def shape(card: AdapterCard) -> str:
    """ "r 16, 7 kinds of layers"; one that is known by another name is that, too."""
    count = len(card.targets)
    kind = "DoRA, " if card.settings.use_dora else ""
    return f"{kind}r {card.settings.r}" + (f", {count} kind{'s' * (count != 1)} of layers" if count else "")
