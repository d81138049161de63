"""Tokenised rows on disk: flat files that are mapped into memory, and a light sequence of examples over them."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, overload

import msgspec
import numpy as np

from engine.data.batches import Skipped
from engine.data.rows.messages import Row
from engine.data.splitting.draw import Columns
from engine.messages.message import Message
from engine.tokens.examples import Example, Fate
from engine.tokens.render import NOT_TRAINED

ROW = np.dtype(
    [
        ("draw", "<u8", (2,)), ("group", "<u8"), ("content", "<u8"), ("prompt", "<u8"), ("weight", "<f8"),
        ("number", "<u4"), ("file", "<u4"), ("length", "<u4"), ("pieces", "<u4"), ("stratum", "<u4"),
        ("source", "<u2"), ("fate", "u1"), ("reason", "u1"), ("answered", "u1"), ("dialogue", "u1"),
    ]
)  # fmt: skip
"""A row that was read: what it is drawn and compared by, where it stands, and what became of it.

``length`` is in tokens before any cut, ``pieces`` how many examples it gave. ``answered`` is 1 for a dialogue that
ends with the assistant, ``dialogue`` for any. ``reason`` numbers why it was refused.
"""
PIECE = np.dtype([("offset", "<u8"), ("length", "<u4"), ("row", "<u4"), ("supervised", "<u4")])
"""An example: ``length`` tokens from ``offset`` on."""
BLOCK = np.dtype([("row", "<u8"), ("offset", "<u8")])
"""Rows as they were, packed together: the first of them, and where they begin."""
TOKEN = np.dtype("<u4")
_TRAINED = np.uint32(1 << 31)  # a token's highest bit; no vocabulary reaches it
INDEX = "store.json"


@dataclass
class Facts:
    """What is known beside the arrays: ``files`` that rows are in, those ``skipped`` while reading, and refusals.

    ``refused`` are rows with the reason of their refusal, the first thousand; ``reasons`` the codes of all refusals,
    which ROW's ``reason`` numbers, and ``hints`` what would help against each.
    ``unused`` are columns, by the
    number of the source, that nothing was read from; ``remarks`` count codes of what was not taken as it stands there.
    ``read`` are rows read by file, of those read whole. ``text_bytes`` hold the rows themselves, in ``blocks``.
    """

    rows: int
    pieces: int
    tokens: int
    files: list[str]
    skipped: list[Skipped]
    skipped_count: int
    refused: list[tuple[int, Message]]
    reasons: list[str]
    hints: list[Message]
    unused: list[list[str]]
    remarks: dict[str, int]
    read: dict[str, int] = field(default_factory=dict)
    blocks: int = 0
    text_bytes: int = 0


def packed(ids: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Ids (n,) and labels (n,) as one array (n,) of TOKEN; labels are ids or -100."""
    return np.where(labels >= 0, ids.astype(TOKEN) | _TRAINED, ids.astype(TOKEN))


def packed_rows(rows: Sequence[Row]) -> bytes:
    """``rows`` of one batch as they are, without their source and file."""
    bare = [replace(row, source="", file="") for row in rows]
    try:
        text = msgspec.json.encode(bare)
    except UnicodeEncodeError:  # half a surrogate
        text = json.dumps(msgspec.to_builtins(bare)).encode()
    return zlib.compress(text, 1) if rows else b""


def unpacked_rows(packed: bytes) -> list[Row]:
    text = zlib.decompress(packed)
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError:
        return msgspec.convert(json.loads(text), list[Row])


_decoder = msgspec.json.Decoder(list[Row])


class Writer:
    """Writes a store into ``folder``, which exists, as rows and pieces come. Raises OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {
            name: (folder / f"{name}.bin").open("wb", 1 << 20)
            for name in ("rows", "pieces", "tokens", "blocks", "texts")
        }
        self.rows = self.pieces = self.tokens = self.blocks = self.text_bytes = 0

    def add(self, rows: np.ndarray, pieces: np.ndarray, tokens: np.ndarray, texts: bytes = b"") -> None:
        """Append ROW (n,), PIECE (m,) with rows and offsets counted from these, TOKEN (k,), and ``packed_rows``."""
        placed = pieces.copy()
        placed["row"] += self.rows
        placed["offset"] += self.tokens
        for name, array in (("rows", rows), ("pieces", placed), ("tokens", tokens)):
            self._files[name].write(array.tobytes())
        if texts:
            self._files["blocks"].write(np.array((self.rows, self.text_bytes), BLOCK).tobytes())
            self._files["texts"].write(texts)
            self.blocks += 1
        self.rows += len(rows)
        self.pieces += len(pieces)
        self.tokens += len(tokens)
        self.text_bytes += len(texts)

    def flush(self) -> None:
        for file in self._files.values():
            file.flush()

    def end(self, facts: Facts) -> None:
        """Put all on the disk; the index last: without it there is no store."""
        self.close(on_disk=True)
        with (self._folder / INDEX).open("w", encoding="utf-8") as file:
            json.dump(msgspec.to_builtins(facts), file)
            file.flush()
            os.fsync(file.fileno())

    def close(self, on_disk: bool = False) -> None:
        for file in self._files.values():
            if on_disk and not file.closed:
                file.flush()
                os.fsync(file.fileno())
            file.close()


class TokenStore:
    """A store opened for reading: ``rows`` (n,) of ROW, ``pieces`` (m,) of PIECE, ``tokens`` (k,) of TOKEN, mapped.

    ``held`` is whatever has to live as long as the store is in use. Raises OSError or ValueError for one that is not
    whole.
    """

    def __init__(self, folder: Path) -> None:
        facts = json.loads((folder / INDEX).read_text("utf-8"))
        facts["skipped"] = [
            Skipped(each["file"], each["row"], Message.from_json(each["reason"])) for each in facts["skipped"]
        ]
        facts["refused"] = [(int(row), Message.from_json(reason)) for row, reason in facts["refused"]]
        facts["hints"] = [Message.from_json(hint) for hint in facts["hints"]]
        self.folder, self.facts = folder, Facts(**facts)
        self.held: Any = None
        self.rows = _mapped(folder / "rows.bin", ROW, self.facts.rows)
        self.pieces = _mapped(folder / "pieces.bin", PIECE, self.facts.pieces)
        self.tokens = _mapped(folder / "tokens.bin", TOKEN, self.facts.tokens)
        self._blocks = _mapped(folder / "blocks.bin", BLOCK, self.facts.blocks)
        self._texts = _mapped(folder / "texts.bin", np.dtype("u1"), self.facts.text_bytes)

    @property
    def kept(self) -> np.ndarray:
        """Indices of the rows that no other row repeats, ascending."""
        return np.flatnonzero(self.rows["fate"] != Fate.REPEATED)

    @property
    def repeated(self) -> int:
        """How many rows others repeat."""
        return self.facts.rows - len(self.kept)

    def columns(self, rows: np.ndarray) -> Columns:
        """What the split draws ``rows`` by."""
        held = self.rows
        return Columns(held["draw"][rows], held["stratum"][rows], held["group"][rows], held["source"][rows])

    def originals(self, which: Sequence[int], sources: Sequence[str]) -> dict[int, Row]:
        """The rows numbered ``which`` as they were read, by number; ``sources`` are the names of theirs now."""
        begins, offsets = self._blocks["row"], [*self._blocks["offset"].tolist(), self.facts.text_bytes]
        found: dict[int, Row] = {}
        place, rows = -1, []
        for number in sorted(which):
            at = int(np.searchsorted(begins, number, "right")) - 1
            if at != place:
                place, rows = at, unpacked_rows(self._texts[offsets[at] : offsets[at + 1]].tobytes())
            held = self.rows[number]
            found[number] = replace(
                rows[number - int(begins[at])], source=sources[held["source"]], file=self.facts.files[held["file"]]
            )
        return found

    def pieces_of(self, rows: np.ndarray) -> np.ndarray:
        """Indices of the pieces of ``rows``, in that order."""
        counts = self.rows["pieces"].astype(np.int64)
        ends = np.cumsum(counts)
        begins, wanted = (ends - counts)[rows], counts[rows]
        shifts = np.repeat(begins - (np.cumsum(wanted) - wanted), wanted)
        return shifts + np.arange(int(wanted.sum()))


class Head(Sequence[Row]):
    """Of ``count`` rows the first ones, which are all that is ever asked for."""

    def __init__(self, rows: Sequence[Row], count: int) -> None:
        self._rows, self._count = list(rows), count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        return self._rows[index]


class Examples(Sequence[Example]):
    """The pieces ``which`` (n,) of ``store`` as examples, each made when it is asked for.

    ``lengths``, ``supervised``, ``sources``, ``rows`` (n,) are of int64, ``weights`` (n,) of float64: each row's times
    its source's.
    """

    def __init__(self, store: TokenStore, which: np.ndarray, source_weights: Sequence[float]) -> None:
        self._store = store
        pieces = store.pieces
        self._offsets, self.lengths, self.supervised, self.rows = (
            pieces[name][which].astype(np.int64) for name in ("offset", "length", "supervised", "row")
        )
        self.sources = store.rows["source"][self.rows].astype(np.int64)
        self.weights = store.rows["weight"][self.rows] * np.asarray(source_weights, np.float64)[self.sources]

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...

    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self._at(each) for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._at(int(index) % len(self))

    def __iter__(self) -> Iterator[Example]:
        return map(self._at, range(len(self)))

    def keys(self, indices: Sequence[int] | np.ndarray | None = None) -> list[str]:
        """What the rows of ``indices`` (None: of all examples) say, as a hash each, the same for one seed."""
        rows = self.rows if indices is None else self.rows[np.asarray(indices, np.int64)]
        return [f"{first:016x}{second:016x}" for first, second in self._store.rows["draw"][rows].tolist()]

    def originals(self, indices: Sequence[int], sources: Sequence[str]) -> list[Row]:
        """The rows of ``indices`` as they were read; ``sources`` are the names of theirs."""
        numbers = self.rows[np.asarray(indices, np.int64)].tolist()
        found = self._store.originals(list(dict.fromkeys(numbers)), sources)
        return [found[number] for number in numbers]

    def _at(self, index: int) -> Example:
        offset = self._offsets[index]
        held = np.asarray(self._store.tokens[offset : offset + self.lengths[index]])
        ids = (held & ~_TRAINED).astype(np.int32)
        labels = np.where(held & _TRAINED, ids, np.int32(NOT_TRAINED))
        return Example(ids, labels, int(self.sources[index]), int(self.rows[index]), float(self.weights[index]))


def lengths_of(examples: Sequence[Example]) -> np.ndarray:
    """Tokens (n,) of each of ``examples``, int64."""
    if isinstance(examples, Examples):
        return examples.lengths
    return np.array([len(example.ids) for example in examples], dtype=np.int64)


def supervised_of(examples: Sequence[Example]) -> np.ndarray:
    """Predicted tokens (n,) of each of ``examples``, int64."""
    if isinstance(examples, Examples):
        return examples.supervised
    return np.array([example.supervised for example in examples], dtype=np.int64)


def sources_of(examples: Sequence[Example]) -> np.ndarray:
    """The number (n,) of each example's source, int64."""
    if isinstance(examples, Examples):
        return examples.sources
    return np.array([example.source for example in examples], dtype=np.int64)


def _mapped(path: Path, kind: np.dtype[Any], count: int) -> np.ndarray:
    if path.stat().st_size != count * kind.itemsize:
        raise ValueError(f"{path} is not whole")
    return np.memmap(path, kind, "r", shape=(count,)) if count else np.zeros(0, kind)
