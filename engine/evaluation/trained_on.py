"""Whether a run was trained on rows: by the hashes of its own rows without those that it held out.

A run that goes on from an adapter may be measured on rows which that one has learnt: another seed draws others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.config.schema import RunConfig
from engine.data import run_source
from engine.data.dedup.exact import keys_of
from engine.data.reader import Reading, index_of, parts_of
from engine.data.rows.messages import Row
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.runs.directory import RunDir
from engine.tokens import held_out


@dataclass(frozen=True)
class TrainedOn:
    """Keys (n,) of the rows that a run was trained on, and of what stands before their last answers.

    Not ``is_whole``: the files are gone or can't be read, and only the rows that the run recorded are known.
    """

    rows: np.ndarray
    prompts: np.ndarray
    is_whole: bool = True

    def among(self, rows: Sequence[Row]) -> tuple[list[int], list[int]]:
        """Places in ``rows`` of those that were trained on, and of those of which the question was, blanks apart."""
        keys = np.array([keys_of(row) for row in rows], np.uint64).reshape(-1, 2)
        trained = np.isin(keys[:, 0], self.rows)
        asked = np.isin(keys[:, 1], self.prompts) & (keys[:, 1] != 0) & ~trained
        return np.flatnonzero(trained).tolist(), np.flatnonzero(asked).tolist()


def trained_on(run: RunDir, on_rows: Callable[[int], object] = lambda done: None) -> TrainedOn:
    """The rows behind ``run``, read again. ``on_rows`` hears how many were seen, and may raise to end it."""
    try:
        config = toml.load(run.config).config
        reading, index = Reading(config), index_of(config)
        reading.observe([index], on_rows=on_rows)
        held = held_out.read(run)
        words = index.columns(np.arange(len(index))).words
        is_trained = parts_of(reading, index).is_trained if held is None else _not_among(words, held.words)
    except TunedeckError:
        keys = np.array([keys_of(row) for row in run_source.read_sample(run)], np.uint64).reshape(-1, 2)
        return TrainedOn(keys[:, 0], keys[:, 1], is_whole=False)
    return TrainedOn(index.content[is_trained], index.prompt[is_trained])


def learned_before(config: RunConfig, rows: Sequence[Row], check: Callable[[], None]) -> list[Message]:
    """Which of ``rows``, that a run by ``config`` is measured on, the adapter that it goes on from was trained on.

    So are those that this one goes back to. ``check`` may raise to end the reading.
    """
    told = []
    for run in _before(config):
        known = trained_on(run, lambda done: check())
        learnt, _ = known.among(rows)
        title = str(run.read_run_json().get("name") or run.id)
        if learnt:
            told.append(Message("evaluate.learned-before", run=title, rows=len(learnt), of=len(rows)))
        elif not known.is_whole:
            told.append(Message("evaluate.trained-on-unknown", run=title, known=len(known.rows)))
    return told


def _before(config: RunConfig) -> list[RunDir]:
    """The runs behind the adapter that ``config`` goes on from, the nearest first."""
    found: dict[str, RunDir] = {}
    with suppress(TunedeckError):
        while config.strategy.kind != "fresh":
            card = read_adapter(config.strategy.adapter, config.model.allow_pickle)
            if not card.run or card.run in found:
                break
            found[card.run] = run = RunDir(card.path.absolute().parent)
            config = toml.load(run.config).config
    return list(found.values())


def _not_among(words: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Which of ``words`` (n, 2) are none of ``held`` (m, 2), a bool each."""
    known = set(map(tuple, held.tolist()))
    return np.array([pair not in known for pair in map(tuple, words.tolist())], bool)
