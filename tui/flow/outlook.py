"""How long the run will take and what it will write, for the review: figures, and where each is from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.clean_text import shorten
from engine.common.errors import ConfigError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.memory.disk import RunDisk
    from engine.memory.duration import DataSize, Duration
    from tui.draft.draft import Draft
    from tui.draft.facts import Facts

Row = tuple[str, str]
"""A label, and what is so."""

_GUESSES: dict[str, DataSize | None] = {}
"""The last one, by what the rows depend on: it is asked for again with every reading of the machine."""


def rows(draft: Draft, facts: Facts, free_bytes: int | None, whole: bool) -> list[Row]:
    """Time, disk, seeds and what the evaluation will show, as far as each can be told, behind its label.

    ``whole``: with tokens, rate and what merging takes later.
    """
    from tui.draft.consequences import disk_of

    time, disk = time_of(draft, facts), disk_of(facts.fit, facts)
    told = {
        "review.label-time": time_line(time, facts, whole),
        "review.label-disk": disk_line(disk, free_bytes, whole),
        "review.label-seeds": seeds_line(draft.seeds, time, disk),
        "review.label-result": evaluation_line(draft, facts, whole),
    }
    return [(text(label), said) for label, said in told.items() if said]


def time_of(draft: Draft, facts: Facts) -> Duration | None:
    """Time for the optimizer's steps; None where the rows can't be read, or no speed can be told."""
    from engine.app.plan import expected_time

    size = _size_of(draft, facts) if facts.fit is not None else None
    return expected_time(facts.fit, size, facts.machine) if facts.fit is not None and size is not None else None


def summary(draft: Draft, facts: Facts) -> str:
    """The run in a sentence: ``SmolLM2 learns 460 rows, 1 epoch, about 3 min.``; what is not known is left out."""
    size, steps = _size_of(draft, facts), draft.get("train.max_steps")
    name = facts.card.name if facts.card else Path(str(draft.get("model.name_or_path") or "")).name
    time = time_of(draft, facts)
    parts = [
        text("review.learns-rows", rows=size.rows) if size else text("review.learns-new"),
        text("settings.steps", steps=steps)
        if isinstance(steps, int) and steps
        else text("settings.epochs", epochs=draft.get("train.num_train_epochs")),
        *((text(time.short),) if time else ()),
    ]
    return text("review.summary", model=shorten(name, 40), parts=parts)


def evaluation_line(draft: Draft, facts: Facts, whole: bool) -> str:
    """What the evaluation of the run will be able to show; "" where that can't be told yet. ``whole``: by whom too."""
    from engine.app.evaluation_plan import device_of, evaluation_plan

    try:
        config = draft.resolve().config
    except ConfigError:
        return ""
    size = _size_of(draft, facts)
    found = evaluation_plan(config, size, device_of(facts.fit)) if size is not None else None
    if found is None or (size is not None and size.exact and found.finding(config)):  # a warning says it
        return ""
    return text(found.message if whole else found.short)


def seeds_line(seeds: int, time: Duration | None, disk: RunDisk | None) -> str:
    """What the whole group takes, where there is more than one run; the lines above are of one."""
    if seeds == 1:
        return ""
    if time is None or disk is None:
        return text("review.seeds", runs=seeds)
    return text("review.seeds-take", runs=seeds, time=seeds * time.seconds, bytes=seeds * disk.run)


def _size_of(draft: Draft, facts: Facts) -> DataSize | None:
    """The rows that are trained on; before they are checked their tokens are guessed from the heads of the files."""
    from tui.draft.mix_sources import inspection_of, size_of

    seen = inspection_of(draft, facts)
    known = seen.size if seen and seen.tokens_total else None
    size = known or size_of(draft, facts) or _guessed(draft, draft.rows_key())
    return size if size and size.rows > 0 else None


def _guessed(draft: Draft, rows_key: str) -> DataSize | None:
    from engine.memory.duration import guess_size

    if rows_key not in _GUESSES:
        _GUESSES.clear()
        try:
            _GUESSES[rows_key] = guess_size(draft.resolve().config)
        except ConfigError:
            return None
    return _GUESSES[rows_key]


def time_line(found: Duration | None, facts: Facts, whole: bool) -> str:
    """ "about 38 min, measured here in 3 runs", or with ``whole`` the tokens and the rate too."""
    if facts.fit is None:
        return ""
    if found is None:
        return text("review.time-unknown")
    told = text(found.message) if whole else text("review.time-origin", what=found.short, origin=found.origin)
    return told if found.is_measured else text("review.time-measure", line=told)


def disk_line(found: RunDisk | None, free_bytes: int | None, whole: bool) -> str:
    """What the run writes of what is free; with ``whole`` what merging and export take later."""
    if found is None:
        return ""
    written = {"bytes": found.run, "checkpoints": found.checkpoints}
    line = (
        text("review.disk", **written) if free_bytes is None else text("review.disk-free", **written, free=free_bytes)
    )
    return text("review.disk-later", line=line, later=found.later) if whole and found.later else line
