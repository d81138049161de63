"""Tables and facts of a report, as plain texts that its template lays out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """``kind``: head (of its row), number, code or ""; ``tone``: good, bad, look or ""; ``note`` stands below."""

    text: str
    kind: str = ""
    tone: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """One column for each text of ``head``; numbers are right-aligned with their heads."""

    caption: str
    head: list[str]
    rows: list[list[Cell]]

    def kind(self, column: int) -> str:
        """What most of a column holds."""
        return self.rows[0][column].kind if self.rows else ""


@dataclass(frozen=True)
class Fact:
    """A line of a list of facts; ``note`` says more, ``kind`` "code" is set as written."""

    label: str
    value: str
    note: str = ""
    kind: str = ""
