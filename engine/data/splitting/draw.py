"""The draw behind the split: whole units of rows in the order of their hashes, validation from its head, the test
from its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config.schema import DatasetSection
from engine.data.rows.labels import are_labels
from engine.data.splitting.units import unit_words

if TYPE_CHECKING:
    import numpy as np

_REST = 0
"""The stratum of rows that have no label."""


@dataclass(frozen=True)
class Columns:
    """What ``n`` rows are drawn by: hashes (n, 2) of uint64; strata (n,) and groups (n,), 0 for none; sources (n,)."""

    words: np.ndarray
    strata: np.ndarray
    groups: np.ndarray
    sources: np.ndarray


def draw(columns: Columns, dataset: DatasetSection, learnt: Collection[int] = ()) -> tuple[list[int], list[int]]:
    """Hold out ``eval_rows`` rows, or else ``eval_share`` of them (at least one of two or more); the test likewise.

    Gives the indices of both in the order of the draw, so that the head of each is a sample of it. Rows are ranked by
    a hash of seed and content, so adding rows or reordering files moves few of them; validation takes the head of that
    order and the test its end. Equal rows and rows of one group stay on one side: an answer that was trained on is no
    test. Fewer rows are held out where they leave no other way; where even one group is more than was asked for, the
    smallest group is held out, if it is no more than half of the rows. With ``stratify`` the rows of a classification
    are held out in the shares of their labels, at least one of each that has two. Rows of the sources numbered
    ``learnt`` are never held out, nor are their equals and others of their groups, as the model may have seen them; of
    the rows that are left then at most half are, or new data that is mostly replayed would teach nothing new. Raises
    ConfigError when no row would be left to train on, or the groups leave none to hold out.
    """
    import numpy as np

    is_learnt = np.isin(columns.sources, list(learnt))
    fresh = np.flatnonzero(~is_learnt)
    heldout_rows, test_rows = wanted_rows(len(fresh), dataset)
    if not heldout_rows and not test_rows:
        return [], []
    words, groups = columns.words[fresh], columns.groups[fresh]
    has_groups = bool(groups.any())
    seen, may_go = _equal_to(columns.words[is_learnt], words), np.ones(len(fresh), bool)
    if has_groups:
        words, may_go = unit_words(words, groups, columns.groups[is_learnt])
    may_go &= ~np.isin(words[:, 0], words[seen, 0])  # with all that is drawn as one with it
    if not may_go.all():
        most = int(may_go.sum()) // 2
        heldout_rows = min(heldout_rows, most)
        test_rows = min(test_rows, most - heldout_rows)
    fresh, words = fresh[may_go], words[may_go]
    order = _ascending(words)
    drawn = words[order]
    begins = np.r_[True, (drawn[1:] != drawn[:-1]).any(axis=1)] if len(order) else np.zeros(0, bool)
    starts = [*np.flatnonzero(begins).tolist(), len(order)]
    strata = _strata(columns, fresh[order]) if dataset.stratify else None
    units = _Units(fresh[order], starts, strata)
    is_out: set[int] = set()
    found = []
    for number, (wanted, field) in enumerate(((heldout_rows, "eval"), (test_rows, "test"))):
        among = [unit for unit in range(len(starts) - 1)[:: 1 - 2 * number] if unit not in is_out]
        chosen = units.take(among, wanted)
        if has_groups and wanted and not chosen:
            chosen = [units.smallest(among, field)]
        is_out.update(chosen)
        found.append([row for unit in chosen for row in units.rows(unit)])
    return found[0], found[1]


def also_learnt(columns: Columns, learnt: Collection[int]) -> int:
    """How many rows of other sources equal one of the sources numbered ``learnt``."""
    import numpy as np

    is_learnt = np.isin(columns.sources, list(learnt))
    return int(_equal_to(columns.words[is_learnt], columns.words[~is_learnt]).sum())


def _equal_to(some: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Which of ``words`` (n, 2) are among ``some`` (m, 2): 64 bits of a hash tell."""
    import numpy as np

    return np.isin(words[:, 0], some[:, 0])


def wanted_rows(count: int, dataset: DatasetSection) -> tuple[int, int]:
    """How many of ``count`` rows are to validate and to test. Raises ConfigError when none would be left."""
    heldout = _validation_rows(count, dataset)
    if dataset.test_rows is not None:
        if dataset.test_rows and heldout + dataset.test_rows >= count > 0:
            most = max(0, count - 1 - heldout)
            raise ConfigError(
                "splitting.too-many-test-rows", asked=dataset.test_rows, heldout=heldout, rows=count, most=most
            )
        return heldout, min(dataset.test_rows, max(0, count - 1))
    if dataset.test_share == 0 or count < 2:
        return heldout, 0
    if heldout + dataset.test_share * count >= count:
        raise ConfigError(
            "splitting.too-large-test-share", asked=dataset.test_share, heldout=heldout, rows=count
        )  # fmt: skip
    return heldout, min(max(1, round(dataset.test_share * count)), count - 1 - heldout)


def _validation_rows(count: int, dataset: DatasetSection) -> int:
    if dataset.eval_rows is not None:
        if dataset.eval_rows >= count > 0:
            raise ConfigError(
                "splitting.too-many-eval-rows", asked=dataset.eval_rows, rows=count, most=count - 1
            )  # fmt: skip
        return min(dataset.eval_rows, max(0, count - 1))
    if dataset.eval_share == 0 or count < 2:
        return 0
    return min(max(1, round(dataset.eval_share * count)), count - 1)


class _Units:
    """``rows`` in the order of the draw, parted at ``starts`` into units that stay together; ``strata`` of the rows."""

    def __init__(self, rows: np.ndarray, starts: Sequence[int], strata: np.ndarray | None) -> None:
        self._rows, self._starts = rows, starts
        self._strata = None if strata is None else strata.tolist()
        self._all = Counter(self._strata or ())
        self._left = Counter(self._all)

    def rows(self, unit: int) -> list[int]:
        found: list[int] = self._rows[self._starts[unit] : self._starts[unit + 1]].tolist()
        return found

    def take(self, among: Sequence[int], wanted: int) -> list[int]:
        """Those of the units ``among`` that are held out, as many as fit into ``wanted`` rows."""
        if self._strata is None:
            return self._plain(among, wanted)
        most = {label: count - (label != _REST) for label, count in self._left.items()}
        quota = _shared_out(self._all, most, wanted)
        first = self._within(among, wanted, quota)
        taken = Counter(label for unit in first for label in self._labels(unit).elements())
        rest = {label: count - taken[label] for label, count in most.items()}
        # Where units do not fill the shares of the labels, others fill them up.
        chosen = {*first}
        others = [unit for unit in among if unit not in chosen] if taken.total() < wanted else []
        chosen.update(self._within(others, wanted - taken.total(), rest))
        for unit in chosen:
            self._left.subtract(self._labels(unit))
        return [unit for unit in among if unit in chosen]

    def smallest(self, among: Iterable[int], field: str) -> int:
        """The unit to hold out where each is more than was asked for. Raises ConfigError when that is most rows."""
        among = list(among)
        unit = min(among, key=self._size, default=None)
        if unit is None or 2 * self._size(unit) > sum(map(self._size, among)):
            raise ConfigError("splitting.groups-too-large", field=f"dataset.{field}_share")
        return unit

    def _plain(self, among: Sequence[int], wanted: int) -> list[int]:
        chosen, total = [], 0
        for unit in among:
            if total == wanted:
                break
            size = self._size(unit)
            if total + size <= wanted:
                chosen.append(unit)
                total += size
        return chosen

    def _within(self, among: Sequence[int], wanted: int, most: Mapping[int, int]) -> list[int]:
        """Units of at most ``wanted`` rows, and of each label at most ``most``."""
        chosen, left = [], dict(most)
        wanted = min(wanted, sum(left.values()))
        for unit in among:
            if wanted == 0:
                break
            labels = self._labels(unit)
            if labels.total() <= wanted and all(count <= left[label] for label, count in labels.items()):
                chosen.append(unit)
                wanted -= labels.total()
                for label, count in labels.items():
                    left[label] -= count
        return chosen

    def _labels(self, unit: int) -> Counter[int]:
        assert self._strata is not None
        return Counter(self._strata[self._starts[unit] : self._starts[unit + 1]])

    def _size(self, unit: int) -> int:
        return self._starts[unit + 1] - self._starts[unit]


def _ascending(words: np.ndarray) -> np.ndarray:
    """The order (n,) of the hashes ``words`` (n, 2), equal ones as they stand."""
    import numpy as np

    order = np.argsort(words[:, 0], kind="stable")
    drawn = words[order]
    if ((drawn[1:, 0] == drawn[:-1, 0]) & (drawn[1:, 1] < drawn[:-1, 1])).any():
        order = np.lexsort((words[:, 1], words[:, 0]))
    return order


def _strata(columns: Columns, rows: np.ndarray) -> np.ndarray | None:
    """The strata (n,) of ``rows`` where their source is a classification, elsewhere 0; None where none is one."""
    import numpy as np

    strata, sources = columns.strata[rows], columns.sources[rows]
    is_labelled = np.zeros(len(rows), bool)
    for source in np.unique(sources):
        here = sources == source
        if strata[here].all():
            is_labelled |= here & are_labels(len(np.unique(strata[here])), int(here.sum()))
    return np.where(is_labelled, strata, _REST) if is_labelled.any() else None


def _shared_out(counts: Mapping[int, int], most: Mapping[int, int], wanted: int) -> dict[int, int]:
    """``wanted`` rows shared out by ``counts``: at least one to each label that has two, the frequent ones first."""
    total = sum(counts.values())
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    exact = {label: wanted * counts[label] / total for label in ranked}
    quota = {label: min(most[label], max(int(exact[label]), int(label != _REST))) for label in ranked}
    while sum(quota.values()) > wanted:
        given = [label for label in ranked if quota[label]]
        # From whom has most beyond its share, the rarest first.
        quota[max(reversed(given), key=lambda label: (quota[label] > 1, quota[label] - exact[label]))] -= 1
    while sum(quota.values()) < wanted:
        open_ones = [label for label in ranked if quota[label] < most[label]]
        if not open_ones:
            break
        quota[max(open_ones, key=lambda label: exact[label] - quota[label])] += 1
    return quota
