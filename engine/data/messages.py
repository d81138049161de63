"""The two forms of a row: as it is read from a file, and the one canonical form everything else works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class Message:
    """One turn. ``role`` is one of ROLES."""

    role: str
    content: str


@dataclass(frozen=True)
class RawRow:
    """A row as a file holds it.

    ``number`` is 1-based: the line a row begins on in JSONL, CSV and text, its place in a JSON list or a parquet
    file. ``end_byte`` is about how far into the file it ends; 0 where that is unknown.
    """

    values: Mapping[str, Any]
    source: str
    file: str
    number: int
    end_byte: int = 0


@dataclass(frozen=True)
class Row:
    """A dialogue (``messages``, the system message first) or plain ``text``; the other one is empty.

    ``source`` is the short name of where it came from, ``file`` and ``number`` the exact place.
    """

    messages: tuple[Message, ...]
    text: str
    source: str
    file: str
    number: int

    @property
    def kind(self) -> Literal["messages", "text"]:
        return "messages" if self.messages else "text"

    def first(self, role: str) -> str:
        """The content of the first message with that role; "" if there is none."""
        return next((message.content for message in self.messages if message.role == role), "")


def where(file: str, number: int) -> str:
    """A row's place the way all messages say it."""
    return f"{file}, row {number:,}"
