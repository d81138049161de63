"""Counts findings row by row: how many, in how much text, the first of them by name, and which repairs helped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

from engine.common.clean_text import shorten
from engine.config.fix_names import Fix
from engine.data.batches import DROPPED, Rows
from engine.data.files.lenient import Unreadable
from engine.data.fixes import Change, row_change
from engine.data.quality.catalogue import CATALOGUE, fix_message
from engine.data.quality.findings import MOST_PLACES, Finding, Place, Remedy
from engine.data.quality.inspection import faults_of
from engine.data.quality.structure import Seen
from engine.data.rows.convert import problem
from engine.data.rows.messages import Row
from engine.messages.message import Message

SEEN_CHARACTERS = 60


@dataclass
class _Count:
    count: int = 0
    characters: int = 0
    places: list[Place] = field(default_factory=list)
    tried: int = 0
    still: Counter[Fix] = field(default_factory=Counter)
    lost: Counter[Fix] = field(default_factory=Counter)


class Counts:
    """Counts the findings of one source. ``most_tried`` rows of a batch with a fault are used to try its repairs.

    Rows that can't be read are none where ``passes_over`` says that the config passes over them.
    """

    def __init__(self, source: str, most_tried: int = 1000, passes_over: bool = False) -> None:
        self.source = source
        self._most_tried, self._passes_over = most_tried, passes_over
        self._counts: dict[str, _Count] = {}

    def see(self, rows: Rows) -> None:
        for fault in rows.faults:
            if fault.ends or not self._passes_over:
                self._unreadable(fault)
        for row, why, text in zip(rows.all, rows.why, rows.texts, strict=True):
            if why != DROPPED and (faults := faults_of(row, text)):
                self._note(row, faults, len(text))

    def merge(self, later: Counts) -> None:
        for code, theirs in later._counts.items():
            ours = self._counts.setdefault(code, _Count())
            ours.count += theirs.count
            ours.characters += theirs.characters
            ours.places = (ours.places + theirs.places)[:MOST_PLACES]
            ours.tried += theirs.tried
            ours.still.update(theirs.still)
            ours.lost.update(theirs.lost)

    def _unreadable(self, fault: Unreadable) -> None:
        parts = _said(fault)
        seen = Message("quality.row-ends" if fault.ends else "quality.row-says", parts=parts)
        hint = Message("quality.hint-of", reason=fault.error.reason) if fault.error.hint else None
        self._add("unreadable", Place(fault.file, fault.row, seen, hint))

    def _note(self, row: Row, faults: dict[str, Seen], size: int) -> None:
        """Count the faults of ``row``, which has ``size`` characters, and try their repairs on copies of it."""
        for code, seen in faults.items():
            seen = seen if isinstance(seen, Message) else shorten(seen, SEEN_CHARACTERS)
            self._add(code, Place(row.file, row.number, seen), size)
            count = self._counts[code]
            if count.tried < self._most_tried:
                count.tried += 1
                for fix in CATALOGUE[code].fixes:
                    _try(count, code, fix, row, faults)

    def _add(self, code: str, place: Place, characters: int = 0) -> None:
        count = self._counts.setdefault(code, _Count())
        count.count += 1
        count.characters += characters
        if len(count.places) < MOST_PLACES:
            count.places.append(place)

    def count(self, code: str) -> int:
        return self._counts[code].count if code in self._counts else 0

    def findings(self, rows: int, characters: int) -> list[Finding]:
        """All that was found among ``rows`` rows of ``characters`` in all."""
        made = []
        for code, count in self._counts.items():
            entry = CATALOGUE[code]
            share = count.characters / characters if characters and count.characters else None
            made.append(
                Finding(
                    code, entry.severity, self.source, count.count, rows, entry.title, entry.why,
                    text_share=share, places=tuple(count.places), remedies=self._remedies(count, rows),
                )
            )  # fmt: skip
        return made

    def _remedies(self, count: _Count, rows: int) -> tuple[Remedy, ...]:
        """The repairs that made the finding rarer, and would leave rows to train on."""
        remedies = []
        for fix, still in count.still.items():
            if still < count.tried and (count.lost[fix] < count.tried or count.count < rows):
                remedies.append(Remedy(fix_message(fix), count.tried, still, fix))
        return tuple(remedies)


def _said(fault: Unreadable) -> list[Message | str]:
    """What is wrong with the row; its place is told beside it."""
    reason = fault.error.reason
    return [reason.args[name] for name in ("place", "reason") if reason.args.get(name)] or [reason]


@cache
def _change(fix: Fix) -> Change:
    return row_change([fix])


def _try(count: _Count, code: str, fix: Fix, row: Row, faults: dict[str, Seen]) -> None:
    """Repair a copy of ``row`` by ``fix`` and look whether the fault is gone, and no other one has come."""
    after = _change(fix)(row)
    remaining = {} if after is None else faults_of(after)
    is_still = after == row or code in remaining or not set(remaining) <= set(faults)
    count.still[fix] += is_still
    count.lost[fix] += not is_still and (after is None or bool(problem(after)))
