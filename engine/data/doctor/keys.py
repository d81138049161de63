"""What is kept of every row to compare it with all others: a few numbers, and a signature of a sample."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from engine.data.doctor.findings import Place
from engine.data.doctor.inspection import whole_text
from engine.data.messages import Row
from engine.data.sameness import content_key, prompt_key
from engine.data.split import content_hash

if TYPE_CHECKING:
    import numpy as np

NEAR_ROWS = 200_000
"""Rows compared for being nearly the same; of more, a sample is."""
_HASH_BYTES = 16


class Keys:
    """Collects the keys of rows as they pass: about 50 bytes a row, and 256 for those compared for nearness."""

    def __init__(self, seed: int, expected_rows: int) -> None:
        from engine.data.near import Signatures

        self._seed = seed
        self._content, self._prompt = array("Q"), array("Q")
        self._sizes, self._numbers = array("L"), array("L")
        self._files, self._sources = array("H"), array("H")
        self._names: list[str] = []
        self._index: dict[str, int] = {}
        self._hashes = bytearray()
        self._signer = Signatures()
        self._near_rows = array("L")
        self._signatures = bytearray()
        # By content and not by place, so that copies are in the sample together.
        self._every = max(1, -(-expected_rows // NEAR_ROWS))
        self.sampled = self._every > 1

    def __len__(self) -> int:
        return len(self._content)

    def add(self, row: Row, source: int) -> None:
        if row.file not in self._index:
            self._index[row.file] = len(self._names)
            self._names.append(row.file)
        key = content_key(row)
        if key % self._every == 0 and len(self._near_rows) < 2 * NEAR_ROWS:
            self._near_rows.append(len(self._content))
            self._signatures += self._signer.of(row).tobytes()
        self._content.append(key)
        self._prompt.append(prompt_key(row))
        self._sizes.append(len(whole_text(row)))
        self._numbers.append(row.number)
        self._files.append(min(self._index[row.file], 65_535))
        self._sources.append(source)
        self._hashes += content_hash(row, self._seed)

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

    def hash(self, index: int) -> bytes:
        """What the split draws the row by."""
        return bytes(self._hashes[index * _HASH_BYTES : (index + 1) * _HASH_BYTES])

    def place(self, index: int, seen: str = "") -> Place:
        return Place(self._names[self._files[index]], self._numbers[index], seen)


def _array(values: array[int], kind: str) -> np.ndarray:
    import numpy as np

    return np.frombuffer(values, dtype=kind) if len(values) else np.zeros(0, kind)
