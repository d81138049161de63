"""The rows a run measures with, kept by their hashes: when its data changes, they are still not trained on."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from engine.models.origins import accepted_changes
from engine.runs.directory import RunDir

VALIDATION, TEST = 0, 1


@dataclass(frozen=True)
class HeldOut:
    """``words`` (n, 2) of uint64 are what rows are drawn by; ``parts`` (n,) VALIDATION or TEST; in the draw's order."""

    words: np.ndarray
    parts: np.ndarray

    def among(self, words: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Places in ``words`` (m, 2) of the rows that validated and of those that tested.

        None where of a part that had rows none is left: then there is nothing to measure with.
        """
        known = {pair: at for at, pair in enumerate(map(tuple, self.words.tolist()))}
        place = np.array([known.get(pair, -1) for pair in map(tuple, words.tolist())], np.int64)
        found = []
        for part in (VALIDATION, TEST):
            at = np.flatnonzero((place >= 0) & (self.parts[place] == part)) if len(self.parts) else place[:0]
            if (self.parts == part).any() and not len(at):
                return None
            found.append(at[np.argsort(place[at], kind="stable")])
        return found[0], found[1]


def before(run: RunDir) -> HeldOut | None:
    """What ``run`` held out while its data was another; None for one whose data never changed."""
    return read(run) if accepted_changes(run) else None


def keep(run: RunDir, held: HeldOut) -> None:
    """Write ``held`` beside the run. Raises OSError."""
    rows = np.column_stack([held.words, held.parts.astype(np.uint64)])
    partial = run.held_out.with_name(f".{run.held_out.name}.tmp")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        np.save(file, rows)
    partial.replace(run.held_out)


def read(run: RunDir) -> HeldOut | None:
    """What was kept; None where nothing was."""
    try:
        rows = np.load(run.held_out, allow_pickle=False)
        return HeldOut(rows[:, :2], rows[:, 2].astype(np.int64)) if rows.ndim == 2 and rows.shape[1] == 3 else None
    except (OSError, ValueError, EOFError):
        return None
