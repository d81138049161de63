"""Events to lines of the log and back, with what is broken, unknown or of version 1 told apart."""

from __future__ import annotations

import math
from typing import Any, cast, get_args

import msgspec

from engine.runs import events as ev
from engine.runs import events_v1

_decoder = msgspec.json.Decoder(ev.AnyEvent, strict=False)
_encoder = msgspec.json.Encoder()
_REWORDED = (ev.Rows, ev.OutOfMemory, ev.MemoryMeasured, ev.Checkpoint)
"""Types whose lines of version 1 can be taken for ones of today, and mean something else."""


class Head(msgspec.Struct):
    """What can be told of a line whatever its type: enough to number and to skip it."""

    type: str
    seq: int


_head_decoder = msgspec.json.Decoder(Head, strict=False)
_TYPES = frozenset(str(kind.__struct_config__.tag) for kind in get_args(ev.AnyEvent))


def decode(line: bytes) -> ev.AnyEvent | None:
    """The event of one complete line, or None for a line that is broken or of an unknown type."""
    try:
        event: ev.AnyEvent = _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _earlier(line)
    return _earlier(line) if _is_reworded(event) else event


def _is_reworded(event: ev.AnyEvent) -> bool:
    return event.v < ev.VERSION and isinstance(event, _REWORDED)


def _earlier(line: bytes) -> ev.AnyEvent | None:
    """The event of a line of version 1, None for one that is none."""
    try:
        found = events_v1.reworded(msgspec.json.decode(line))
        event: ev.AnyEvent | None = msgspec.convert(found, ev.AnyEvent, strict=False) if found else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event


def decode_head(line: bytes) -> Head | None:
    """Type and number of one line, of whatever type, or None where it is broken."""
    try:
        return _head_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def is_unknown_type(line: bytes) -> bool:
    """Whether ``line`` is a whole event of a type that this version does not know."""
    head = decode_head(line)
    return head is not None and head.type not in _TYPES


def decode_batch(lines: list[bytes]) -> list[ev.AnyEvent] | None:
    """The events of many complete lines at once, or None if any of them is broken or of an unknown type."""
    try:
        events = cast("list[ev.AnyEvent]", _decoder.decode_lines(b"\n".join(lines)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if len(events) != len(lines) or any(map(_is_reworded, events)):  # a line was empty, or held two values
        return None
    return events


def encode(event: ev.Event) -> bytes:
    """One line without its newline; non-finite floats become "NaN", "Infinity" and "-Infinity".

    Half surrogates, which rows can hold and UTF-8 can't, become "?".
    """
    return _encoder.encode(_writable(msgspec.to_builtins(event)))


def _writable(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value
