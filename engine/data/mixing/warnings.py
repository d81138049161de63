"""What should be known of a mix before it is trained on: sources that repeat, dominate, hardly come, or are lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.config.rules import replay_effect
from engine.data.mixing.parts import Part
from engine.messages.catalogue import text

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
    """``source`` is the index of the one that it is about. ``title`` is a sentence that can stand alone."""

    kind: Kind
    source: int
    title: str
    message: str = ""
    hint: str = ""


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
            found.append(
                MixWarning(
                    "replay", index, f"{source.name}: {part.share:.1%} of the mix is replay, which {text(effect)}."
                )
            )
        if several and part.tokens > DOMINATES * total:
            found.append(
                MixWarning(
                    "dominates", index,
                    f"{source.name} is {part.tokens / total:.0%} of all tokens: the others are hardly learnt.",
                    hint="Give the others shares, or balance them.",
                )
            )  # fmt: skip
        if source.dropped >= NEARLY_ALL:
            found.append(
                MixWarning(
                    "dropped", index, f"{source.name}: {source.dropped:.0%} of its rows are dropped.",
                    "They are too long, or nothing in them is trained.", "Raise dataset.max_length, or check its rows.",
                )
            )  # fmt: skip
    return found


def _asked(sources: Sequence[MixSource], parts: Sequence[Part], index: int) -> float | None:
    """The part of the mix that the source's share means; where all have one they count against each other."""
    share = sources[index].share
    there = [source.share for source, part in zip(sources, parts, strict=True) if part.rows]
    given = [one for one in there if one is not None]
    return share / sum(given) if share is not None and given and len(given) == len(there) else share


def _unmet(index: int, source: MixSource, part: Part, asked: float | None) -> Iterator[MixWarning]:
    if not part.rows:
        yield MixWarning(
            "unmet", index, f"{source.name}: not one of its rows can be used.", hint="Check its rows, or remove it."
        )
    elif part.capped:
        yield MixWarning(
            "unmet", index, f"{source.name} gets {part.share:.1%} of the mix instead of {asked or 0:.1%}.",
            f"More would pass over its {part.rows:,} rows more than dataset.epochs_cap allows.",
            "Raise the cap, or give it more rows.",
        )  # fmt: skip
    elif asked is not None and part.drawn == 1 and part.share > 2 * asked:
        yield MixWarning(
            "unmet", index, f"{source.name} gets {part.share:.1%} of the mix instead of {asked:.1%}.",
            "One of its rows is more than that.", "Raise its share, or remove it.",
        )  # fmt: skip


def _repeated(
    index: int, source: MixSource, part: Part, passes: float, epochs_cap: float | None
) -> Iterator[MixWarning]:
    """Of a source that comes more often than the run passes over the mix: that many passes were asked for."""
    over_the_run = part.repeats * passes
    most = OFTEN if epochs_cap is None else epochs_cap
    if part.repeats > 1.01 and over_the_run > most and not part.capped:
        yield MixWarning(
            "repeated", index, f"{source.name} is repeated {over_the_run:.1f} times in the run.",
            f"Its {part.rows:,} rows may be learnt by heart.", "Lower its share, or set dataset.epochs_cap.",
        )  # fmt: skip
