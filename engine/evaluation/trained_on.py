"""Whether a run was trained on rows: by the hashes of its own rows without those that it held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.data import run_source
from engine.data.dedup.exact import keys_of
from engine.data.reader import Reading, index_of, parts_of
from engine.data.rows.messages import Row
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


def _not_among(words: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Which of ``words`` (n, 2) are none of ``held`` (m, 2), a bool each."""
    known = set(map(tuple, held.tolist()))
    return np.array([pair not in known for pair in map(tuple, words.tolist())], bool)
