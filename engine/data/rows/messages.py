"""The two forms of a row: as it is read from a file, and the one canonical form everything else works on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.messages.message import Message as Said

ROLES = ("system", "user", "assistant", "tool")


@dataclass(frozen=True)
class ToolCall:
    """A call of a function. ``arguments`` is JSON text, nearly always of an object; ``id`` is "" for none."""

    name: str
    arguments: str
    id: str = ""

    @property
    def text(self) -> str:
        """The call as a model writes it that has no form of its own for calls."""
        return f'{{"name": {json.dumps(self.name, ensure_ascii=False)}, "arguments": {self.arguments}}}'


@dataclass(frozen=True)
class Message:
    """One turn. ``role`` is one of ROLES; everything but ``content`` may be empty.

    ``reasoning`` is what was thought before ``content``, where the row keeps it apart. ``calls`` are an assistant's;
    ``name`` and ``call_id`` say what a tool's message answers. ``untrained`` is the mark by which the row says that
    this turn is not to be trained, as ``loss = false``.
    """

    role: str
    content: str
    reasoning: str = ""
    calls: tuple[ToolCall, ...] = ()
    name: str = ""
    call_id: str = ""
    untrained: str = ""

    @property
    def text(self) -> str:
        """All that the turn says, calls as JSON, one a line."""
        if not self.calls:
            return self.thought
        return "\n".join(part for part in (self.thought, *(call.text for call in self.calls)) if part)

    @property
    def thought(self) -> str:
        """``content`` behind its reasoning, in the tags that most models use."""
        return f"<think>\n{self.reasoning}\n</think>\n\n{self.content}" if self.reasoning else self.content


@dataclass(frozen=True)
class RawRow:
    """A row as a file holds it.

    ``number`` is 1-based: the line a row begins on in JSONL, CSV and text, its place in a JSON list, a parquet or an
    Arrow file. ``end_byte`` is about how far into the file's text it ends; 0 where that is unknown.
    """

    values: Mapping[str, Any]
    source: str
    file: str
    number: int
    end_byte: int = 0


@dataclass(frozen=True)
class Row:
    """A dialogue (``messages``, the system message first) or plain ``text``; the other one is empty.

    ``source`` is the short name of where it came from, ``file`` and ``number`` the exact place. ``tools`` are the
    schemas of the functions that may be called, each as JSON text. ``weight`` is what the row counts for in the loss;
    rows of one ``group`` (a document, a person) stay on one side of the split, "" for a row by itself. ``untrained`` is
    the mark by which the row says that it is not to be trained. ``remarks`` say what was not taken as it stands there:
    the code of a finding and what was seen.
    """

    messages: tuple[Message, ...]
    text: str
    source: str
    file: str
    number: int
    tools: tuple[str, ...] = ()
    weight: float = 1.0
    group: str = ""
    untrained: str = ""
    remarks: tuple[tuple[str, Said], ...] = ()

    @property
    def kind(self) -> Literal["messages", "text"]:
        return "messages" if self.messages else "text"

    def first(self, role: str) -> str:
        """What the first message with that role says; "" if there is none."""
        return next((message.text for message in self.messages if message.role == role), "")


def whole_text(row: Row) -> str:
    """All that a row says, its turns parted by empty lines."""
    return "\n\n".join([message.text for message in row.messages]) if row.messages else row.text
