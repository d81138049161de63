"""Counts findings row by row: how many, in how much text, the first of them by name, and which repairs helped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.data.convert import problem
from engine.data.doctor.catalogue import CATALOGUE, fix_text
from engine.data.doctor.findings import MOST_PLACES, Finding, Place, Remedy
from engine.data.doctor.inspection import faults_of, whole_text
from engine.data.fix_names import Fix
from engine.data.fixes import row_change
from engine.data.messages import Row
from engine.data.text import shorten

_MOST_TRIED = 1000
SEEN_CHARACTERS = 60


@dataclass
class _Count:
    count: int = 0
    characters: int = 0
    places: list[Place] = field(default_factory=list)
    tried: int = 0
    still: dict[Fix, int] = field(default_factory=dict)
    lost: dict[Fix, int] = field(default_factory=dict)


class Tally:
    """The findings of one source."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._counts: dict[str, _Count] = {}
        self._changes: dict[Fix, Callable[[Row], Row | None]] = {}

    def note(self, row: Row, faults: dict[str, str]) -> None:
        """Count the faults of ``row``, and try their repairs on copies of the first 1,000 rows with each."""
        size = len(whole_text(row))
        for code, seen in faults.items():
            self.add(code, Place(row.file, row.number, shorten(seen, SEEN_CHARACTERS)), size)
            count = self._counts[code]
            if count.tried < _MOST_TRIED:
                count.tried += 1
                for fix in CATALOGUE[code].fixes:
                    self._try(count, code, fix, row, faults)

    def add(self, code: str, place: Place, characters: int = 0) -> None:
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

    def _try(self, count: _Count, code: str, fix: Fix, row: Row, faults: dict[str, str]) -> None:
        change = self._changes.setdefault(fix, row_change([fix]))
        after = change(row)
        remaining = {} if after is None else faults_of(after)
        is_still = after == row or code in remaining or not set(remaining) <= set(faults)
        is_lost = not is_still and (after is None or bool(problem(after)))
        count.still[fix] = count.still.get(fix, 0) + is_still
        count.lost[fix] = count.lost.get(fix, 0) + is_lost

    def _remedies(self, count: _Count, rows: int) -> tuple[Remedy, ...]:
        """The repairs that made the finding rarer, and would leave rows to train on."""
        remedies = []
        for fix, still in count.still.items():
            if still < count.tried and (count.lost[fix] < count.tried or count.count < rows):
                remedies.append(Remedy(fix_text(fix), count.tried, still, fix))
        return tuple(remedies)
