"""Safetensors files read and written piece by piece, so that memory never depends on how large they are."""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engine.models.weights import read_header

DTYPES: dict[str, torch.dtype] = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
_CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class Slot:
    """Where a tensor lies in its file: ``begin`` and ``size_bytes`` count from the file's start."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    size_bytes: int

    @property
    def row_bytes(self) -> int:
        return self.size_bytes // max(1, self.shape[0]) if self.shape else self.size_bytes


class TensorFile:
    """One safetensors file, opened for reading parts of it; nothing is mapped, so nothing stays in memory."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError for a file that is missing, cut off or no safetensors."""
        self.path = path
        read_header(path)  # says in words what is wrong with a broken file
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header: dict[str, Any] = json.loads(file.read(length))
        self.metadata: dict[str, str] = header.pop("__metadata__", None) or {}
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        self.slots = {
            name: Slot(
                str(entry["dtype"]), tuple(entry["shape"]), 8 + length + entry["data_offsets"][0],
                entry["data_offsets"][1] - entry["data_offsets"][0],
            )
            for name, entry in entries
        }  # fmt: skip
        self._file = path.open("rb", buffering=0)

    def close(self) -> None:
        self._file.close()

    def rows(self, name: str, start: int = 0, stop: int | None = None) -> torch.Tensor:
        """Rows ``start`` to ``stop`` (all of a tensor without a first dimension) in the file's own dtype."""
        slot = self.slots[name]
        count = slot.shape[0] if slot.shape else 1
        stop = count if stop is None else stop
        wanted = (stop - start) * slot.row_bytes
        raw = self._read(slot.begin + start * slot.row_bytes, wanted)
        flat = torch.frombuffer(raw, dtype=DTYPES[slot.dtype]) if wanted else torch.empty(0, dtype=DTYPES[slot.dtype])
        return flat.reshape((stop - start, *slot.shape[1:]) if slot.shape else ())

    def chunks(self, name: str) -> Iterator[bytearray]:
        """The tensor's bytes as they are, a few megabytes at a time."""
        slot = self.slots[name]
        for at in range(0, slot.size_bytes, _CHUNK_BYTES):
            yield self._read(slot.begin + at, min(_CHUNK_BYTES, slot.size_bytes - at))

    def _read(self, begin: int, size: int) -> bytearray:
        buffer = bytearray(size)
        view, got = memoryview(buffer), 0
        while got < size:
            count = os.preadv(self._file.fileno(), [view[got:]], begin + got)
            if not count:
                raise OSError(f"{self.path} ended early")
            got += count
        return buffer


class TensorWriter:
    """Writes one safetensors file front to back; tensors come in the order in which they were announced."""

    def __init__(
        self, path: Path, tensors: Sequence[tuple[str, str, tuple[int, ...]]], metadata: Mapping[str, str]
    ) -> None:
        """``tensors``: name, dtype as the format spells it, shape."""
        header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
        at = 0
        for name, dtype, shape in tensors:
            size = tensor_bytes(dtype, shape)
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        self._left = at
        self._hash = hashlib.sha256()
        self._file = path.open("xb", buffering=0)
        self._put(struct.pack("<Q", len(text)) + text)

    def write(self, data: bytearray | torch.Tensor) -> int:
        """Append the next bytes, or the bytes of the next rows; returns how many those were."""
        if isinstance(data, torch.Tensor):
            array: Any = data.contiguous().view(torch.uint8).reshape(-1).numpy() if data.numel() else b""
            view = memoryview(array)
        else:
            view = memoryview(data)
        self._left -= len(view)
        self._put(view)
        return len(view)

    def finish(self) -> str:
        """Force the file to disk; its SHA-256."""
        assert self._left == 0, f"{self._file.name}: {self._left} bytes are missing"
        os.fsync(self._file.fileno())
        self._file.close()
        return self._hash.hexdigest()

    def abandon(self) -> None:
        self._file.close()

    def _put(self, data: bytes | memoryview) -> None:
        self._hash.update(data)
        view, sent = memoryview(data), 0
        while sent < len(view):
            sent += self._file.write(view[sent:]) or 0


def tensor_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    """Bytes of a tensor by the format's names for dtypes; those below one byte do not occur in 16-bit models."""
    digits = "".join(letter for letter in dtype.partition("_")[0] if letter.isdigit())
    bits = 8 if dtype == "BOOL" else int(digits)
    return bits // 8 * _product(shape)


def _product(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
