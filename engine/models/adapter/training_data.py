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
from engine.models.adapter.card import AdapterCard

SHARE = 0.1
"""Of the tokens of each pass."""
MOST_ROWS = 5000
"""Read of an earlier run before a sample is drawn."""


@dataclass(frozen=True)
class Replay:
    """``sources`` are entries of ``[[data]]``, none where ``level`` is gone.

    ``level``: files (all old rows), sample (only those the run recorded), gone. ``text`` says which, in a sentence.
    """

    level: Literal["files", "sample", "gone"]
    sources: tuple[Mapping[str, Any], ...]
    text: str


def replay_of(card: AdapterCard) -> Replay:
    """What of the old rows of ``card`` can be mixed in, a tenth of the tokens in all."""
    if card.run:
        return _of_run(card.run)
    if card.record is None or not card.record.data:
        return Replay("gone", (), "Nothing says which rows this adapter was trained on.")
    there = [data.path for data in card.record.data if Path(data.path).is_file()]
    if not there:
        return Replay("gone", (), f"Its old rows are gone: {card.record.data[0].path} is not there any more.")
    share = round(SHARE / len(there), 4)
    return Replay("files", tuple(_entry(path, share) for path in there), "Its old rows are at hand.")


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
            text = f"Its files are gone; {SAMPLE_ROWS} rows at most that the run recorded stand for them."
            return Replay("sample", (_entry(path, SHARE),), text)
        return Replay("gone", (), f"Its old rows can't be read: {error.title.lower()} ({error.message}).")
    return Replay("files", (_entry(path, SHARE),), "Its old rows are at hand.")


def _has_sample(source: DataSource) -> bool:
    try:
        return bool(run_source.read_sample(run_source.run_of(source)))
    except DataError:
        return False


def _entry(path: str, share: float) -> dict[str, Any]:
    return {"path": path, "role": "replay", "share": share}


def rows_behind(card: AdapterCard) -> tuple[list[Row], str]:
    """Rows that ``card`` learnt from, and in words why there are none (or fewer): "" when all is well.

    From the run that made it, else from the files its record names.
    """
    if card.run:
        source = DataSource(path=f"{RUN_PREFIX}{card.run}")
        try:
            found = itertools.islice(run_rows(source, "old"), MOST_ROWS)
            return [row for row, _ in found], ""
        except TunedeckError as error:
            return [], f"the old rows can't be read: {error.message}"
    if card.record is None or not card.record.data:
        return [], "nothing says which rows the adapter was trained on"
    there = [data.path for data in card.record.data if Path(data.path).is_file()]
    if not there:
        return [], f"the old rows are gone: {card.record.data[0].path}"
    try:
        config = RunConfig(model=ModelSection(name_or_path="-"), data=[DataSource(path=path) for path in there])
        rows = load(config).rows[:MOST_ROWS]
    except TunedeckError as error:
        return [], f"the old rows can't be read: {error.message}"
    missing = len(card.record.data) - len(there)
    return rows, f"{missing} of {len(card.record.data)} old sources are gone" if missing else ""
