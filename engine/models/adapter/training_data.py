"""The rows an adapter was trained on: read again to compare, or mixed in as replay, so that it forgets less of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.common.errors import DataError, TunedeckError
from engine.config.schema import RUN_PREFIX, DataSource, ModelSection, RunConfig
from engine.data import run_source
from engine.data.files.sources import source_files
from engine.data.reader import load, run_rows
from engine.data.rows.messages import Row
from engine.data.run_source import SAMPLE_ROWS
from engine.messages.message import Message
from engine.models.adapter.card import AdapterCard

SHARE = 0.1
"""Of the tokens of each pass."""
MOST_ROWS = 5000
"""Read of an earlier run before a sample is drawn."""
_AT_HAND = Message("adapter.data-at-hand")


@dataclass(frozen=True)
class Replay:
    """``sources`` are entries of ``[[data]]``, none where ``level`` is gone.

    ``level``: files (all old rows), sample (only those the run recorded), gone. ``message`` says which and why.
    """

    level: Literal["files", "sample", "gone"]
    sources: tuple[Mapping[str, Any], ...]
    message: Message


def replay_of(card: AdapterCard) -> Replay:
    """What of the old rows of ``card`` can be mixed in, a tenth of the tokens in all."""
    if card.run:
        return _of_run(card.run)
    there, trouble = _recorded_files(card)
    if not there:
        return Replay("gone", (), trouble or _AT_HAND)
    share = round(SHARE / len(there), 4)
    return Replay("files", tuple(_entry(path, share) for path in there), _AT_HAND)


def _recorded_files(card: AdapterCard) -> tuple[list[str], Message | None]:
    """The data files that an adapter's record names and that are still there, and what is to be said of the others."""
    named = [data.path for data in card.record.data] if card.record else []
    there = [path for path in named if Path(path).is_file()]
    if not named:
        return [], Message("adapter.data-unknown")
    if not there:
        return [], Message("adapter.data-gone", path=named[0])
    gone = len(named) - len(there)
    return there, Message("adapter.data-partly-gone", gone=gone, of=len(named)) if gone else None


def has_replay(config: RunConfig) -> bool:
    return any(source.role == "replay" for source in config.data)


def _of_run(run: str) -> Replay:
    path = f"{RUN_PREFIX}{run}"
    source = DataSource(path=path)
    try:
        for part in run_source.parts(source):
            source_files(part, fetch=False)
    except DataError as error:
        if _has_sample(source):
            return Replay("sample", (_entry(path, SHARE),), Message("adapter.data-sample", rows=SAMPLE_ROWS))
        return Replay("gone", (), Message("adapter.data-unreadable", reason=error.reason))
    skipped = run_source.skipped_rows(source)
    message = Message("adapter.data-at-hand-skipped", rows=skipped) if skipped else _AT_HAND
    return Replay("files", (_entry(path, SHARE),), message)


def _has_sample(source: DataSource) -> bool:
    try:
        return bool(run_source.read_sample(run_source.run_of(source)))
    except DataError:
        return False


def _entry(path: str, share: float) -> dict[str, Any]:
    return {"path": path, "role": "replay", "share": share}


def rows_behind(card: AdapterCard) -> tuple[list[Row], Message | None]:
    """Rows that ``card`` learned from, and why there are none (or fewer): None when all is well.

    From the run that made it, else from the files its record names.
    """
    try:
        if card.run:
            source = DataSource(path=f"{RUN_PREFIX}{card.run}")
            found = itertools.islice(run_rows(source, "old"), MOST_ROWS)
            return [row for row, _ in found], None
        there, trouble = _recorded_files(card)
        if not there:
            return [], trouble
        config = RunConfig(model=ModelSection(name_or_path="-"), data=[DataSource(path=path) for path in there])
        return load(config).rows[:MOST_ROWS], trouble
    except TunedeckError as error:
        return [], Message("adapter.data-unreadable", reason=error.reason)
