"""Many small records packed in a nameless file: written once, any of them read again at once."""

from __future__ import annotations

import bisect
import struct
import tempfile
import zlib
from array import array
from collections import OrderedDict

_BLOCK_RECORDS, _BLOCK_BYTES = 64, 1 << 20
_BLOCKS_HELD = 4
_LENGTH = struct.Struct("<I")


class PackedRecords:
    """Records by their place from 0. ``packed_bytes`` is what they take on disk. To be closed."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="tunedeck-rows-")  # noqa: SIM115
        self.packed_bytes = 0
        self._blocks: list[tuple[int, int]] = []
        self._starts = array("Q")
        self._last: list[bytes] = []
        self._last_bytes = 0
        self._held: OrderedDict[int, list[bytes]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, record: bytes) -> None:
        """Raises OSError when the disk is full."""
        if not self._last:
            self._starts.append(self._count)
        self._last.append(record)
        self._count += 1
        self._last_bytes += len(record)
        if len(self._last) >= _BLOCK_RECORDS or self._last_bytes > _BLOCK_BYTES:
            self._pack()

    def __getitem__(self, place: int) -> bytes:
        if not 0 <= place < self._count:
            raise IndexError(place)
        block = bisect.bisect_right(self._starts, place) - 1
        return self._records(block)[place - self._starts[block]]

    def close(self) -> None:
        self._file.close()

    def _pack(self) -> None:
        packed = zlib.compress(b"".join(_LENGTH.pack(len(record)) + record for record in self._last), 1)
        self._file.seek(self.packed_bytes)
        self._file.write(packed)
        self._blocks.append((self.packed_bytes, len(packed)))
        self.packed_bytes += len(packed)
        self._last, self._last_bytes = [], 0

    def _records(self, block: int) -> list[bytes]:
        if block == len(self._blocks):
            return self._last
        if block not in self._held:
            start, size = self._blocks[block]
            self._file.seek(start)
            self._held[block] = _apart(zlib.decompress(self._file.read(size)))
            if len(self._held) > _BLOCKS_HELD:
                self._held.popitem(last=False)
        return self._held[block]


def _apart(data: bytes) -> list[bytes]:
    records, at = [], 0
    while at < len(data):
        (size,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        records.append(data[at : at + size])
        at += size
    return records
