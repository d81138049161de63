"""Findings that take two rows: duplicates, answers in conflict, and held-out rows that are trained on as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.common.errors import ConfigError
from engine.config.fix_names import Fix
from engine.config.schema import DatasetSection
from engine.data.dedup import exact, near
from engine.data.fixes import SETS
from engine.data.quality.catalogue import CATALOGUE, fix_message
from engine.data.quality.findings import MOST_PLACES, Finding, Place, Remedy
from engine.data.splitting.draw import draw
from engine.data.splitting.row_index import RowIndex
from engine.messages.message import Message

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class _Pairs:
    """``rows`` (k,) have the finding because of ``others`` (k,); ``of`` are the rows looked at."""

    rows: np.ndarray
    others: np.ndarray
    of: np.ndarray


class Comparison:
    """Compares all rows of ``keys``. ``learnt`` are the indices of sources that are never held out.

    ``refused`` is why the split refuses the rows, once they are compared; None where it does not.
    """

    def __init__(self, keys: RowIndex, dataset: DatasetSection, learnt: Collection[int]) -> None:
        self._keys, self._dataset = keys, dataset
        self._learnt = list(learnt)
        self.refused: ConfigError | None = None
        self._clusters = keys.near_rows[near.near_to(keys.signatures)] if len(keys.near_rows) else keys.near_rows

    def findings(self, names: Sequence[str]) -> list[Finding]:
        """All of them by source, after the repairs that the config asks for already; each repair is tried on all."""
        import numpy as np

        kept = np.arange(len(self._keys))
        for fix in SETS:
            if fix in self._dataset.fixes:
                kept = self._after(kept, fix)
        found = self._compare(kept)
        refused = self.refused
        trials = {fix: self._compare(self._after(kept, fix), "leakage" in found) for fix in self._worth_trying(found)}
        self.refused = refused  # not of what a repair would leave
        made = []
        for code, pairs in found.items():
            entry = CATALOGUE[code]
            for source in np.unique(self._keys.sources[pairs.rows]).tolist():
                chosen = self._keys.sources[pairs.rows] == source
                remedies = tuple(
                    Remedy(fix_message(fix), int(chosen.sum()), self._count(trials[fix].get(code), source), fix)
                    for fix in entry.fixes
                    if self._count(trials[fix].get(code), source) < chosen.sum()
                )
                made.append(
                    self._finding(
                        code, names[source], pairs.rows[chosen], pairs.others[chosen], source, pairs, remedies
                    )
                )
        return made

    def _finding(
        self, code: str, name: str, rows: np.ndarray, others: np.ndarray, source: int, pairs: _Pairs,
        remedies: tuple[Remedy, ...],
    ) -> Finding:  # fmt: skip
        keys, entry = self._keys, CATALOGUE[code]
        size = int(keys.sizes[keys.sources == source].sum())
        places = tuple(
            Place(*keys.place(row), self._named(other, row))
            for row, other in zip(rows[:MOST_PLACES].tolist(), others[:MOST_PLACES].tolist(), strict=True)
        )
        looked_at = int((keys.sources[pairs.of] == source).sum())
        share = float(keys.sizes[rows].sum()) / size if size and looked_at == (keys.sources == source).sum() else None
        return Finding(
            code, entry.severity, name, len(rows), looked_at, entry.title, entry.why, text_share=share, places=places,
            remedies=remedies,
        )  # fmt: skip

    def _named(self, other: int, row: int) -> Message:
        (file, number), (own_file, _) = self._keys.place(other), self._keys.place(row)
        if file == own_file:
            return Message("quality.as-row", row=number)
        return Message("quality.as-row-of", row=number, file=Path(file).name)

    def _worth_trying(self, found: dict[str, _Pairs]) -> list[Fix]:
        wanted = [fix for code in found for fix in CATALOGUE[code].fixes]
        return list(dict.fromkeys(wanted))

    def _count(self, pairs: _Pairs | None, source: int) -> int:
        return 0 if pairs is None else int((self._keys.sources[pairs.rows] == source).sum())

    def _after(self, kept: np.ndarray, fix: Fix) -> np.ndarray:
        """Those of the rows ``kept`` that ``fix`` leaves."""
        import numpy as np

        if fix == "drop_near_duplicates":
            rows, firsts = self._near(kept)
            return np.setdiff1d(kept, rows[firsts != rows])
        values = self._keys.content if fix == "drop_exact_duplicates" else self._keys.prompt
        left: np.ndarray = kept[exact.first_of_each(values[kept]) == np.arange(len(kept))]
        return left

    def _near(self, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of the sampled rows among ``kept``: their indices (m,), and those of the rows they are near to (m,)."""
        import numpy as np

        sampled = np.flatnonzero(np.isin(self._keys.near_rows, kept, assume_unique=True))
        rows = self._keys.near_rows[sampled]
        # The first of a cluster may be gone: then the next one stands for it.
        return rows, rows[exact.first_of_each(self._clusters[sampled] + 1)]

    def _compare(self, kept: np.ndarray, with_leaks: bool = True) -> dict[str, _Pairs]:
        import numpy as np

        keys = self._keys
        found: dict[str, _Pairs] = {}

        def note(code: str, rows: np.ndarray, others: np.ndarray, of: np.ndarray) -> None:
            if len(rows):
                found[code] = _Pairs(rows, others, of)

        same = exact.first_of_each(keys.content[kept])
        copies = same != np.arange(len(kept))
        note("exact_duplicates", kept[copies], kept[same[copies]], kept)
        different = kept[~copies]
        asked = exact.first_of_each(keys.prompt[different])
        again = asked != np.arange(len(different))
        note("conflicts", different[again], different[asked[again]], kept)
        rows, firsts = self._near(different)
        note("near_duplicates", rows[firsts != rows], firsts[firsts != rows], rows)
        if with_leaks:
            self._leaks(kept, rows, firsts, note)
        return found

    def _leaks(self, kept: np.ndarray, rows: np.ndarray, firsts: np.ndarray, note: Callable[..., None]) -> None:
        """Held-out and test rows whose prompt is trained on with another answer, or that are near to a trained row."""
        import numpy as np

        keys = self._keys
        out = np.zeros(len(keys), bool)
        try:
            heldout, test = draw(keys.columns(kept), self._dataset, self._learnt)
        except ConfigError as error:
            self.refused = error
            return
        out[kept[heldout + test]] = True
        trained = kept[~out[kept]]
        twin = np.full(len(keys), -1)
        # Near ones first: an equal prompt is the better evidence, and overwrites them.
        cluster_trained = np.full(len(keys), -1)
        cluster_trained[firsts[~out[rows]]] = rows[~out[rows]]
        twin[rows[out[rows]]] = cluster_trained[firsts[out[rows]]]
        prompts, at = np.unique(keys.prompt[trained], return_index=True)
        tested = np.flatnonzero(out & (keys.prompt != exact.NONE))
        if len(prompts) and len(tested):
            found = np.minimum(np.searchsorted(prompts, keys.prompt[tested]), len(prompts) - 1)
            equal = prompts[found] == keys.prompt[tested]
            twin[tested[equal]] = trained[at[found[equal]]]
        leaked = np.flatnonzero(twin >= 0)
        note("leakage", leaked, twin[leaked], np.flatnonzero(out))
