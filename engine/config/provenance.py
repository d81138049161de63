"""Where the value of a field came from: a message, shown beside the value and compared by its code."""

from __future__ import annotations

import json
from typing import Any

from engine.messages.catalogue import part, text
from engine.messages.message import Message, is_code

DEFAULT = Message("source.default")
FILE = Message("source.file")
SET = Message("source.set")
YOU = Message("source.you")
DETECTED = Message("source.detected")
COMMAND_LINE = Message("source.command-line")
DEMO = Message("source.demo")
EARLIER_VERSION = Message("source.earlier-version")
"""What a file that a run was started with meant where it lacks a field that is newer."""
GROUP = Message("source.group")
"""What tells the runs of a group of seeds apart."""
THIRD = Message("source.third")
"""A learning rate that continuing takes: a third of that of a fresh start."""
REPLAY = Message("source.replay")
"""Rows of the earlier adapter, mixed in because it is continued."""
NOBODYS = frozenset(
    ("source.default", "source.preset", "source.detected", "source.auto", "source.adapter", "source.third",
     "source.replay")
)  # fmt: skip
"""Codes of sources nobody chose by hand: a default, a preset's advice, or what the program found itself."""
_PLAIN = {
    "default": DEFAULT, "file": FILE, "--set": SET, "you": YOU, "detected": DETECTED, "demo": DEMO,
    "command line": COMMAND_LINE, "strategy continue": REPLAY, "strategy continue: a third of fresh": THIRD,
}  # fmt: skip
"""What earlier versions wrote into a draft."""


def preset(name: str) -> Message:
    return Message("source.preset", name=name)


def adapter(name: str) -> Message:
    """The adapter that is continued: its fields are locked."""
    return Message("source.adapter", name=name)


def run(run_id: str) -> Message:
    """An earlier run, whose model is taken."""
    return Message("source.run", name=run_id)


def auto(reason: Message | str) -> Message:
    """What ``auto`` became, and why."""
    return Message("source.auto", reason=reason)


def of(source: Message | str) -> Message:
    """A source, also one in the words of an earlier version, or in a caller's own."""
    if isinstance(source, Message):
        return source
    kind, _, name = source.partition(" ")
    made = {"preset": preset, "adapter": adapter, "run": run, "auto:": auto}.get(kind)
    return _PLAIN.get(source) or (made(name) if made and name else Message.literal(source))


def short(source: Message) -> str:
    """In one word of at most eight letters: preset, adapter, auto, you, a file."""
    return part(source, "short") or text(source)


def written(source: Message) -> str:
    """``source`` as one text of a file; ``read`` takes it back."""
    return json.dumps(source.as_json()) if source.args else source.code


def read(stored: Any) -> Message:
    """What ``written`` wrote, or an earlier version's words."""
    stored = str(stored)
    if stored.startswith("{"):
        try:
            return Message.from_json(json.loads(stored))
        except ValueError:
            return Message.literal(stored)
    return Message(stored) if is_code(stored) else of(stored)
