"""What a reader of a comparison must know: what can't be compared, and why, and how far a verdict reaches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.app.compare.figures import RowSet
from engine.app.compare.sides import Side
from engine.messages.message import Message
from engine.metrics import words
from engine.runs import story
from engine.runs.directory import RunDir
from engine.runs.one_seed import half, usual_range


def notes(sides: Sequence[Side], row_sets: Sequence[RowSet], looked_at: int, secondary: int) -> list[Message]:
    """What a reader must know, the most serious first."""
    told: list[Message] = []
    kinds = {side.kind for side in sides if side.kind}
    if len(kinds) > 1:
        texts = [side.letter for side in sides if side.kind == "text"]
        told.append(Message("compare.other-kinds", texts=texts))
    models = {side.model for side in sides if side.model}
    if len(models) > 1:
        told.append(Message("compare.other-bases", models=sorted(models)))
    for side in sides:
        if side.state == "created":
            told.append(Message("compare.not-begun", side=side.letter))
        elif side.state not in ("finished", "stopped"):
            state = Message(story.state(side.state).code)
            told.append(Message("compare.not-finished", side=side.letter, state=state, steps=side.cost.steps))
    measured = {letter for each in row_sets for letter in each.letters}
    told += [_not_measured(side) for side in sides if side.letter not in measured or _is_logged(side, row_sets)]
    measured -= {side.letter for side in sides if _is_logged(side, row_sets)}
    apart = [side for side in sides if side.letter in measured and not _shares(side.letter, row_sets)]
    if apart and len(measured) > 1:
        other = next(side for side in sides if side is not apart[0] and side.letter in measured)
        told.append(Message(
            "compare.different-rows", sides=[side.letter for side in apart], run=apart[0].target.runs[0].id,
            other=other.target.runs[0].id,
        ))  # fmt: skip
    told += dict.fromkeys(figure.barred for each in row_sets for figure in each.figures if figure.barred)
    told += dict.fromkeys(note for each in row_sets for note in each.notes)
    untold = [
        words.metric(figure.metric)
        for each in row_sets
        for figure in each.figures
        if not figure.barred and len(figure.versus) < len(figure.values) - 1
    ]
    if untold:
        told.append(Message("compare.no-verdict", metrics=untold))
    if looked_at + secondary > 1:
        told.append(Message("compare.corrected", comparisons=looked_at, secondary=secondary))
    if any(versus.test == "seeds" for each in row_sets for figure in each.figures for versus in figure.versus):
        told.append(Message("compare.over-seeds"))
    told += _about_losses(sides)
    alone = [side.letter for side in sides if side.target.group is None]
    if alone and looked_at + secondary:
        told.append(_one_seed(alone, sides, row_sets))
    return told


def _is_logged(side: Side, row_sets: Sequence[RowSet]) -> bool:
    return any(each is logged for each in row_sets for logged in side.logged)


def _not_measured(side: Side) -> Message:
    """That a side has no answers, and what makes some."""
    able = next((run for run in side.target.runs if run.has_adapter), None)
    if able is None:
        return Message("compare.no-adapter", side=side.letter)
    return Message("compare.no-answers" if side.logged else "compare.no-evaluation", side=side.letter, run=able.id)


def _shares(letter: str, row_sets: Sequence[RowSet]) -> bool:
    return any(each.is_shared and letter in each.letters for each in row_sets)


def _about_losses(sides: Sequence[Side]) -> list[Message]:
    """Whether the losses of the held-out rows are of the same rows; of other tokenizers they don't compare anyway."""
    having = [side for side in sides if side.losses]
    if len(having) < 2 or len({side.model for side in having}) > 1:
        return []
    held_out = [_held_out(side.target.runs[0]) for side in having]
    if any(each is None for each in held_out):
        return [Message("compare.losses-unknown")]
    return [] if len(set(held_out)) == 1 else [Message("compare.losses-of-other-rows")]


def _held_out(run: RunDir) -> bytes | None:
    try:
        return np.sort(np.load(run.held_out, allow_pickle=False), axis=0).tobytes()
    except (OSError, ValueError, EOFError):
        return None


def _one_seed(letters: Sequence[str], sides: Sequence[Side], row_sets: Sequence[RowSet]) -> Message:
    """That a run of one seed tells nothing of other seeds; with how much groups vary here, once there are any."""
    metric = next((figure.metric for each in row_sets for figure in each.figures if figure.versus), "")
    usual = usual_range(sides[0].target.runs[0].path.parent, metric)
    if usual is None:
        return Message("compare.one-seed", sides=letters)
    by = half(usual, metric)
    return Message("compare.one-seed-varies", sides=letters, groups=usual.groups, by=by, metric=words.metric(metric))
