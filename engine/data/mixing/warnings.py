"""What should be known of a mix before it is trained on: sources that repeat, dominate, hardly come, or are lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.config.rules import replay_effect
from engine.data.mixing.parts import Part
from engine.messages.message import Message

OFTEN = 4.0
"""Passes over a source that is repeated more than the others, from which its rows begin to be learnt by heart."""
DOMINATES = 0.9
NEARLY_ALL = 0.9


Kind = Literal["unmet", "repeated", "replay", "dominates", "dropped"]


@dataclass(frozen=True)
class MixSource:
    """A source as far as warnings go. ``share`` is what was asked for; ``dropped`` the part of its rows left out."""

    name: str
    role: str = "new"
    share: float | None = None
    dropped: float = 0.0


@dataclass(frozen=True)
class MixWarning:
    """``source`` is the index of the one that it is about. The part ``hint`` of ``what`` says what to do."""

    kind: Kind
    source: int
    what: Message


def mix_warnings(
    sources: Sequence[MixSource], parts: Sequence[Part], passes: float = 1.0, epochs_cap: float | None = None
) -> list[MixWarning]:
    """All that is to be said of ``sources`` that give ``parts`` in each of ``passes`` passes."""
    if len(sources) < 2:
        return []
    total = sum(part.tokens for part in parts) or 1.0
    several = sum(source.role == "new" for source in sources) > 1
    found: list[MixWarning] = []
    for index, (source, part) in enumerate(zip(sources, parts, strict=True)):
        found += _unmet(index, source, part, _asked(sources, parts, index))
        found += _repeated(index, source, part, passes, epochs_cap)
        effect = replay_effect(round(part.share, 3)) if source.role == "replay" and part.rows else None
        if effect is not None:
            what = Message("mixing.replay", source=source.name, share=part.share, effect=effect)
            found.append(MixWarning("replay", index, what))
        if several and part.tokens > DOMINATES * total:
            what = Message("mixing.dominates", source=source.name, share=part.tokens / total)
            found.append(MixWarning("dominates", index, what))
        if source.dropped >= NEARLY_ALL:
            what = Message("mixing.dropped", source=source.name, share=source.dropped)
            found.append(MixWarning("dropped", index, what))
    return found


def _asked(sources: Sequence[MixSource], parts: Sequence[Part], index: int) -> float | None:
    """The part of the mix that the source's share means; where all have one they count against each other."""
    share = sources[index].share
    there = [source.share for source, part in zip(sources, parts, strict=True) if part.rows]
    given = [one for one in there if one is not None]
    return share / sum(given) if share is not None and given and len(given) == len(there) else share


def _unmet(index: int, source: MixSource, part: Part, asked: float | None) -> Iterator[MixWarning]:
    told = {"source": source.name, "share": part.share, "asked": asked or 0.0}
    if not part.rows:
        yield MixWarning("unmet", index, Message("mixing.unusable", source=source.name))
    elif part.capped:
        yield MixWarning("unmet", index, Message("mixing.capped", rows=part.rows, **told))
    elif asked is not None and part.drawn == 1 and part.share > 2 * asked:
        yield MixWarning("unmet", index, Message("mixing.one-row", **told))


def _repeated(
    index: int, source: MixSource, part: Part, passes: float, epochs_cap: float | None
) -> Iterator[MixWarning]:
    """Of a source that comes more often than the run passes over the mix: that many passes were asked for."""
    over_the_run = part.repeats * passes
    most = OFTEN if epochs_cap is None else epochs_cap
    if part.repeats > 1.01 and over_the_run > most and not part.capped:
        what = Message("mixing.repeated", source=source.name, times=over_the_run, rows=part.rows)
        yield MixWarning("repeated", index, what)
