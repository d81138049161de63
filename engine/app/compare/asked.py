"""Whether sides were asked alike: how long their answers may be, and what the prompts of the same rows were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.app.compare.kept import Kept
from engine.messages.message import Message
from engine.metrics.words import LOWER_IS_BETTER


def limits(kept: Kept) -> list[int]:
    """The tokens that answers of a side may have, each limit once; [] where none was recorded."""
    return sorted({each.new_tokens for each, _ in kept if each.new_tokens})


def cut_otherwise(metric: str, members: Mapping[str, Kept]) -> Message | None:
    """That answers of the sides were cut at different lengths, which tells on ``metric``; None where none was.

    Greedy answers that are shorter than the lowest limit are what they would have been with any other. Losses are those
    of the rows, whatever was answered.
    """
    by_side = {letter: limits(kept) for letter, kept in members.items()}
    every = sorted({limit for found in by_side.values() for limit in found})
    if metric in LOWER_IS_BETTER or len(every) < 2:
        return None
    lowest = every[0]
    answers = [answer for kept in members.values() for _, rows in kept for answer in rows.values()]
    told = sum(answer.tokens >= lowest and (answer.tokens > lowest or not answer.ended) for answer in answers)
    if not told:
        return None
    return Message("compare.other-limits", limits=list(_said(by_side)), answers=told, of=len(answers))


def _said(by_side: Mapping[str, Sequence[int]]) -> Iterator[Message]:
    for letter, found in by_side.items():
        if found:
            yield Message("compare.limit", side=letter, tokens=[str(each) for each in found])


def asked_otherwise(members: Mapping[str, Kept], models: Mapping[str, str]) -> list[str]:
    """The sides whose prompts to the same rows are others than the first one's, on the same base; [] for none.

    On another base they are others anyway. Evaluations of earlier versions did not record them.
    """
    by_side = {letter: {each.prompts_sha256 for each, _ in kept} - {""} for letter, kept in members.items()}
    known = [letter for letter, found in by_side.items() if found]
    if not known:
        return []
    first, *others = known
    same_base = [letter for letter in others if models.get(letter) == models.get(first)]
    return [letter for letter in same_base if by_side[letter] != by_side[first]]


def unrecorded(members: Mapping[str, Kept]) -> list[str]:
    """The sides of which nothing tells how they were asked, while it is known of others."""
    unknown = [letter for letter, kept in members.items() if not limits(kept) and _has_answers(kept)]
    return unknown if any(limits(kept) for kept in members.values()) else []


def _has_answers(kept: Kept) -> bool:
    return any(answer.answer for _, rows in kept for answer in rows.values())
