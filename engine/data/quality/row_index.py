"""What is kept of every row to compare it with all others: a few numbers, and a signature of a sample."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from engine.data.dedup.exact import keys_of
from engine.data.dedup.near import signature
from engine.data.quality.findings import Place
from engine.data.rows.messages import Row
from engine.data.splitting.draw import Columns
from engine.data.splitting.split import content_hash, group_of, stratum_of

if TYPE_CHECKING:
    import numpy as np

NEAR_ROWS = 200_000
"""Rows that are all compared for being nearly the same; of more, a sample of half as many is."""
_MOST_FILES = 65_534  # told apart; rows of more are named by the last


class Keys:
    """Collects the keys of rows as they pass: about 60 bytes a row, and 256 for those compared for nearness.

    ``near_every``: of so many rows one is compared for nearness, chosen by content, so that copies are together.
    """

    def __init__(self, seed: int, near_every: int) -> None:
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

    def add(self, row: Row, source: int, text: str) -> int:
        """Keep the keys of ``row``, which says ``text``, and return that of its content."""
        content, prompt = keys_of(row)
        if content % self._near_every == 0:
            self._near_rows.append(len(self))
            self._signatures += signature(text).tobytes()
        self._content.append(content)
        self._prompt.append(prompt)
        self._sizes.append(len(text))
        self._numbers.append(row.number)
        self._files.append(self._file(row.file))
        self._sources.append(source)
        self._strata.append(stratum_of(row))
        self._groups.append(group_of(row, self._seed))
        self._hashes += content_hash(row, self._seed)
        return content

    def merge(self, other: Keys) -> None:
        """Put the rows of ``other`` behind those of this one."""
        self._near_rows.extend(index + len(self) for index in other._near_rows)
        files = [self._file(name) for name in other._names]
        self._files.extend(files[index] for index in other._files)
        for ours, theirs in (
            (self._content, other._content), (self._prompt, other._prompt), (self._sizes, other._sizes),
            (self._numbers, other._numbers), (self._sources, other._sources), (self._strata, other._strata),
            (self._groups, other._groups),
        ):  # fmt: skip
            ours.extend(theirs)
        self._hashes += other._hashes
        self._signatures += other._signatures

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

        return np.frombuffer(self._signatures, np.uint32).reshape(len(self._near_rows), -1)

    def columns(self, rows: np.ndarray) -> Columns:
        """What the split draws ``rows`` by."""
        import numpy as np

        words = np.frombuffer(self._hashes, ">u8").reshape(-1, 2)[rows].astype("uint64")
        strata, groups = _array(self._strata, "uint32")[rows], _array(self._groups, "uint64")[rows]
        return Columns(words, strata, groups, self.sources[rows])

    def place(self, index: int, seen: str = "") -> Place:
        return Place(self._names[self._files[index]], self._numbers[index], seen)


def _array(values: array[int], kind: str) -> np.ndarray:
    import numpy as np

    return np.frombuffer(values, dtype=kind) if len(values) else np.zeros(0, kind)
