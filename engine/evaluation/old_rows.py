"""Rows that earlier runs held out and never trained on: by them a later run is asked what it forgot."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.common.errors import DataError, TunedeckError, reason_of
from engine.config import toml
from engine.config.schema import RUN_PREFIX, DataSource, RunConfig
from engine.data import run_source
from engine.data.reader import Reading
from engine.data.rows.messages import Row
from engine.data.splitting.split import content_hash
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.runs.directory import RunDir
from engine.tokens import held_out

MOST_ROWS = 100
MOST_READ = 200_000
"""Rows of an earlier run that are looked through for those it held out."""


@dataclass(frozen=True)
class OldRows:
    """``rows`` of the run called ``name``, in the order of its draw. ``note`` says what a reader must know of them."""

    name: str
    rows: tuple[Row, ...]
    note: Message | None = None


def old_rows(config: RunConfig, most: int = MOST_ROWS) -> list[OldRows]:
    """Those of every earlier run that ``config`` builds on or replays; one that can't be asked has only a note."""
    found = []
    for run in earlier_runs(config):
        try:
            found.append(_of_run(run, most))
        except (TunedeckError, OSError) as error:
            reason = reason_of(error)
            found.append(OldRows(run.id, (), Message("forgetting.old-unreadable", run=run.id, reason=reason)))
    return found


def earlier_runs(config: RunConfig) -> list[RunDir]:
    """The runs behind the adapter that ``config`` goes on from, and behind its ``run:`` sources; each once."""
    names = [source.path for source in config.data if source.is_run]
    if config.strategy.kind != "fresh":
        try:
            card = read_adapter(config.strategy.adapter, config.model.allow_pickle)
            names[:0] = [f"{RUN_PREFIX}{card.run}"] if card.run else []
        except TunedeckError:
            pass  # preparing the run says so
    found: dict[str, RunDir] = {}
    for name in names:
        try:
            run = run_source.run_of(DataSource(path=name))
        except DataError:
            continue
        found.setdefault(run.id, run)
    return list(found.values())


def _of_run(run: RunDir, most: int) -> OldRows:
    """Up to ``most`` rows that ``run`` held out; where none can be had, the sample that it recorded of its own rows.

    Raises DataError.
    """
    held = held_out.read(run)
    wanted = held.words[:most] if held is not None else np.zeros((0, 2), np.uint64)
    rows: list[Row] = []
    if len(wanted):
        try:
            rows = _with_words(run, wanted)
        except TunedeckError:
            rows = []  # the sample stands for files that are gone
    if rows:
        return OldRows(run.id, tuple(rows))
    sample = run_source.read_sample(run)[:most]
    if not sample:
        raise DataError("forgetting.no-old-rows", run=run.id)
    return OldRows(run.id, tuple(sample), Message("forgetting.old-sample", run=run.id, rows=len(sample)))


def _with_words(run: RunDir, words: np.ndarray) -> list[Row]:
    """The rows of ``run`` with the hashes ``words`` (n, 2), in that order; of equal rows one."""
    config = toml.load(run.config).config
    places = {pair: at for at, pair in enumerate(map(tuple, words.tolist()))}
    found: dict[int, Row] = {}
    read = 0
    for rows in Reading(config, (run.id,), tolerant=True).rows():
        for row in rows.used:
            pair = tuple(np.frombuffer(content_hash(row, config.run.seed), ">u8").astype("uint64").tolist())
            if pair in places:
                found.setdefault(places[pair], replace(row, source=run.id))
        read += len(rows.used)
        if len(found) == len(places) or read > MOST_READ:
            break
    return [found[at] for at in sorted(found)]
