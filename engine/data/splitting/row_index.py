"""What is kept of every row to split it and to compare it with all others: a few numbers, of some a signature."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from engine.data.batches import Rows
from engine.data.dedup.near import PERMUTATIONS, signature
from engine.data.splitting.draw import Columns
from engine.data.splitting.split import content_hash, group_of, stratum_of

if TYPE_CHECKING:
    import numpy as np

_MOST_FILES = 65_534  # told apart; rows of more are named by the last


class RowIndex:
    """Collects the keys of used rows as they pass: about 60 bytes a row, and 256 for those compared for nearness.

    ``near_every``: of so many rows one is compared for nearness, chosen by content, so that copies are together;
    0 for none.
    """

    def __init__(self, seed: int, near_every: int = 0) -> None:
        self._seed, self._near_every = seed, near_every
        self._content, self._prompt = array("Q"), array("Q")
        self._sizes, self._numbers = array("L"), array("L")
        self._files, self._sources = array("H"), array("H")
        self._strata, self._groups = array("I"), array("Q")
        self._names: list[str] = []
        self._hashes, self._signatures = bytearray(), bytearray()
        self._near_rows = array("L")

    def __len__(self) -> int:
        return len(self._content)

    @property
    def is_sampled(self) -> bool:
        """Whether only some rows are compared for nearness."""
        return self._near_every > 1

    def see(self, rows: Rows) -> None:
        for row, text, (content, prompt) in zip(rows.used, rows.used_texts, rows.keys, strict=True):
            if self._near_every and content % self._near_every == 0:
                self._near_rows.append(len(self))
                self._signatures += signature(text).tobytes()
            self._content.append(content)
            self._prompt.append(prompt)
            self._sizes.append(len(text))
            self._numbers.append(row.number)
            self._files.append(self._file(row.file))
            self._sources.append(rows.source)
            self._strata.append(stratum_of(row))
            self._groups.append(group_of(row, self._seed))
            self._hashes += content_hash(row, self._seed)

    def merge(self, later: RowIndex) -> None:
        self._near_rows.extend(index + len(self) for index in later._near_rows)
        files = [self._file(name) for name in later._names]
        self._files.extend(files[index] for index in later._files)
        for ours, theirs in (
            (self._content, later._content), (self._prompt, later._prompt), (self._sizes, later._sizes),
            (self._numbers, later._numbers), (self._sources, later._sources), (self._strata, later._strata),
            (self._groups, later._groups),
        ):  # fmt: skip
            ours.extend(theirs)
        self._hashes += later._hashes
        self._signatures += later._signatures

    def _file(self, name: str) -> int:
        """The index of a file; rows come file by file."""
        if not self._names or self._names[-1] != name:
            if len(self._names) > _MOST_FILES:
                return _MOST_FILES
            self._names.append(name)
        return len(self._names) - 1

    @property
    def content(self) -> np.ndarray:
        """Keys (n,) of whole rows, uint64."""
        return _array(self._content, "uint64")

    @property
    def prompt(self) -> np.ndarray:
        """Keys (n,) of what is before the last answer, uint64."""
        return _array(self._prompt, "uint64")

    @property
    def sizes(self) -> np.ndarray:
        """Characters (n,) of the rows."""
        return _array(self._sizes, "uint64")

    @property
    def sources(self) -> np.ndarray:
        """Index (n,) of each row's source."""
        return _array(self._sources, "uint16")

    @property
    def near_rows(self) -> np.ndarray:
        """Indices (m,) of the rows that have a signature."""
        return _array(self._near_rows, "uint64").astype("int64")

    @property
    def signatures(self) -> np.ndarray:
        """Signatures (m, 64), uint32."""
        import numpy as np

        return np.frombuffer(self._signatures, np.uint32).reshape(len(self._near_rows), PERMUTATIONS)

    def columns(self, rows: np.ndarray) -> Columns:
        """What the split draws ``rows`` by."""
        import numpy as np

        words = np.frombuffer(self._hashes, ">u8").reshape(-1, 2)[rows].astype("uint64")
        strata, groups = _array(self._strata, "uint32")[rows], _array(self._groups, "uint64")[rows]
        return Columns(words, strata, groups, self.sources[rows])

    def place(self, index: int) -> tuple[str, int]:
        """The file of a row and its number there."""
        return self._names[self._files[index]], self._numbers[index]


def _array(values: array[int], kind: str) -> np.ndarray:
    import numpy as np

    return np.frombuffer(values, dtype=kind) if len(values) else np.zeros(0, kind)
