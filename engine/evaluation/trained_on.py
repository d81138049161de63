"""Whether a run was trained on rows: by the hashes of its own rows without those that it held out.

What an adapter goes back to counts too: a run that goes on from one may be measured on rows which that one has learnt,
as another seed draws others, and a mix has learnt what each of its parents has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.common.errors import TunedeckError
from engine.common.files import read_json
from engine.config import toml
from engine.data import run_source
from engine.data.dedup.exact import keys_of
from engine.data.reader import Reading, index_of, parts_of
from engine.data.rows.messages import Row
from engine.messages.message import Message
from engine.models.adapter.card import read_adapter
from engine.models.adapter.config import RECORD_FILE, parents_in
from engine.runs import mixes
from engine.runs.directory import RunDir
from engine.runs.phases import Phases
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


def learned_before(run: RunDir, rows: Sequence[Row], phases: Phases) -> list[Message]:
    """Which of ``rows``, that ``run`` holds out, the runs were trained on whose adapters it goes back to.

    ``phases`` may end the reading.
    """
    told = []
    for earlier in trained_runs(run) if rows else ():
        if earlier.id == run.id:
            continue
        phases.begin("read")
        known = trained_on(earlier, lambda done: phases.check())
        learnt, _ = known.among(rows)
        if learnt:
            told.append(Message("evaluate.learned-before", run=earlier.name, rows=len(learnt), of=len(rows)))
        elif not known.is_whole:
            told.append(Message("evaluate.trained-on-unknown", run=earlier.name, known=len(known.rows)))
    return told


def trained_runs(run: RunDir) -> list[RunDir]:
    """Those whose training is in the adapter of ``run``, the nearest first: its own, and all that it goes back to.

    A mix is none of them, as it was never trained.
    """
    found: dict[str, RunDir] = {}
    waiting = [run]
    while waiting:
        each = waiting.pop(0)
        if each.id not in found:
            found[each.id] = each
            waiting += _parents(each)
    return [each for each in found.values() if mixes.read(each) is None]


def _parents(run: RunDir) -> Iterator[RunDir]:
    """The runs of the adapters that ``run`` was mixed of or goes on from, and of those merged into its base."""
    mix = mixes.read(run)
    adapters = [each.path for each in mix.recipe.parents] if mix else []
    allow_pickle = False
    with suppress(TunedeckError):
        config = toml.load(run.config).config
        base = Path(config.model.name_or_path).expanduser()
        adapters += [each.path for each in parents_in(read_json(base / RECORD_FILE).get("adapters"))]
        adapters += [config.strategy.adapter] if config.strategy.kind != "fresh" else []
        allow_pickle = config.model.allow_pickle
    for adapter in adapters:
        with suppress(TunedeckError):
            card = read_adapter(adapter, allow_pickle)
            if card.run:
                yield RunDir(card.path.absolute().parent)


def _not_among(words: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Which of ``words`` (n, 2) are none of ``held`` (m, 2), a bool each."""
    known = set(map(tuple, held.tolist()))
    return np.array([pair not in known for pair in map(tuple, words.tolist())], bool)
