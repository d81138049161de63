"""One of several answers to a question; apart from the rest, so that asking needs no config's schema."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages.message import Message


@dataclass(frozen=True)
class Option:
    """One of several answers: ``id`` for the program, the rest for people. One that is ``refused`` can't be chosen."""

    id: str
    title: str
    about: str = ""
    refused: Message | None = None
