"""Batches of rows on their way from a file to whoever looks at them: as read, and what became of each row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

from engine.common.errors import DataError
from engine.config.fix_names import Fix
from engine.data.dedup.exact import keys_of
from engine.data.files.lenient import Block, Unreadable, rows_of
from engine.data.fixes import row_change
from engine.data.rows.convert import problem, to_row
from engine.data.rows.formats import Detected
from engine.data.rows.messages import RawRow, Row, whole_text
from engine.data.rows.unused import Unused
from engine.messages.message import Message

DROPPED = Message("rows.dropped")


@dataclass(frozen=True)
class Batch:
    """Rows of source number ``source``, called ``name``: read already, or as lines that any process can decode.

    ``faults`` are rows among and before them that can't be read. ``refused`` is why there are none at all.
    """

    source: int
    name: str
    rows: Sequence[RawRow | Row] | Block
    detected: Detected | None
    faults: Sequence[Unreadable] = ()
    refused: DataError | None = None


@dataclass(frozen=True)
class Skipped:
    """A row that was left out, and why."""

    file: str
    row: int
    reason: Message


@dataclass(frozen=True)
class Account:
    """What is to be told of a batch: how many rows were ``read`` and are ``used``, and what became of the others.

    ``remarks`` count codes of what was not taken as it stands in used rows; ``files`` the rows read, by file.
    """

    source: int
    used: int
    skipped: list[Skipped]
    faults: Sequence[Unreadable]
    refused: DataError | None
    detected: Detected | None
    unused: Sequence[str]
    remarks: Counter[str]
    files: Counter[str]

    @property
    def read(self) -> int:
        return self.files.total()


@dataclass
class Rows:
    """A batch's rows in their order, as ``dataset.fixes`` leave them; ``why`` nothing is learnt from one, or None.

    A row that the fixes leave out is there as it was read, with DROPPED. ``unused`` are columns that nothing is read
    from. Columns that several observers need are made once.
    """

    source: int
    name: str
    detected: Detected | None
    refused: DataError | None
    all: list[Row] = field(default_factory=list)
    why: list[Message | None] = field(default_factory=list)
    faults: list[Unreadable] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    files: Counter[str] = field(default_factory=Counter)

    @cached_property
    def texts(self) -> list[str]:
        """All that each row of ``all`` says."""
        return [whole_text(row) for row in self.all]

    @cached_property
    def used(self) -> list[Row]:
        """Those that something can be learnt from."""
        return [row for row, why in zip(self.all, self.why, strict=True) if not why]

    @cached_property
    def used_texts(self) -> list[str]:
        """All that each row of ``used`` says."""
        return [text for text, why in zip(self.texts, self.why, strict=True) if not why]

    @cached_property
    def keys(self) -> list[tuple[int, int]]:
        """Of each row of ``used`` the key of its content and that of its prompt, see ``dedup.exact``."""
        return [keys_of(row) for row in self.used]

    @property
    def in_order(self) -> Iterator[tuple[Row, Message | None] | Unreadable]:
        """Rows with why nothing is learnt from them, and those that can't be read, as they stand in their file."""
        every: list[tuple[int, tuple[Row, Message | None] | Unreadable]] = [(each.row, each) for each in self.faults]
        every += [(row.number, (row, why)) for row, why in zip(self.all, self.why, strict=True)]
        # Rows of an earlier run come from several files, and without faults.
        return (each for _, each in (sorted(every, key=lambda entry: entry[0]) if self.faults else every))

    @property
    def account(self) -> Account:
        skipped = [
            Skipped(row.file, row.number, why) for row, why in zip(self.all, self.why, strict=True) if why
        ]  # fmt: skip
        remarks = Counter(code for row in self.used for code, _ in row.remarks)
        return Account(
            self.source, len(self.used), skipped, self.faults, self.refused, self.detected, self.unused, remarks,
            self.files,
        )  # fmt: skip


class Observer(Protocol):
    """Sees every batch once. An empty copy of it may do so in another process, and is merged in the batches' order."""

    def see(self, rows: Rows) -> None: ...

    def merge(self, later: Self) -> None: ...


Kind = TypeVar("Kind", bound=Observer)


class BySource(Generic[Kind]):
    """One observer for each source, made by ``make`` with its name; ``of`` has them by the source's number."""

    def __init__(self, make: Callable[[str], Kind]) -> None:
        self._make = make
        self.of: dict[int, Kind] = {}

    def see(self, rows: Rows) -> None:
        self.at(rows.source, rows.name).see(rows)

    def merge(self, later: BySource[Kind]) -> None:
        for source, seen in later.of.items():
            if source in self.of:
                self.of[source].merge(seen)
            else:
                self.of[source] = seen

    def at(self, source: int, name: str) -> Kind:
        """The observer of ``source``, an empty one where nothing was seen of it."""
        if source not in self.of:
            self.of[source] = self._make(name)
        return self.of[source]


def rows_of_batch(batch: Batch, fixes: Sequence[Fix]) -> Rows:
    """Decode ``batch`` and repair each row by itself as ``fixes`` ask."""
    found = Rows(batch.source, batch.name, batch.detected, batch.refused, faults=list(batch.faults))
    if batch.detected is None:
        return found
    change, unused = row_change(fixes), Unused(batch.detected)
    rows = rows_of(batch.rows, batch.name, found.faults.append) if isinstance(batch.rows, Block) else batch.rows
    for read in rows:
        found.files[read.file] += 1
        if isinstance(read, Row):
            row = read
        else:
            unused.see(read.values)
            try:
                row = to_row(read, batch.detected)
            except DataError as error:
                found.faults.append(Unreadable(read.file, read.number, error))
                continue
        changed = change(row)
        found.all.append(row if changed is None else changed)
        found.why.append(DROPPED if changed is None else problem(changed))
    found.unused = unused.names
    if len(found.faults) > 1:
        found.faults.sort(key=lambda fault: fault.row)
    return found
