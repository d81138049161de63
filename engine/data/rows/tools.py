"""Functions a model may call: their schemas and the calls of them, from all the ways that rows write them."""

from __future__ import annotations

import re
from typing import Any

from engine.data.rows import json_text
from engine.data.rows.messages import ToolCall
from engine.messages.message import Message

_SURROGATE = re.compile("[\ud800-\udfff]")
_ARGUMENTS = ("arguments", "parameters", "args", "input")


class BadCall(ValueError):
    """A call or a tool that can't be read, and the ``reason``."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason.code)
        self.reason = reason


def calls_of(value: Any) -> tuple[ToolCall, ...]:
    """Calls from a list, one object, or JSON text of either; in the manner of OpenAI or as name and arguments.

    Raises BadCall.
    """
    value = _parsed(value)
    each = value if isinstance(value, list) else [value]
    return tuple(map(_call, each))


def calls_in(text: str) -> tuple[ToolCall, ...]:
    """The calls that ``text`` consists of; () when it says something else."""
    if not text.lstrip().startswith(("{", "[")):
        return ()
    try:
        return calls_of(text)
    except ValueError:
        return ()


def schemas_of(value: Any) -> tuple[str, ...]:
    """Schemas as JSON texts, each in the form ``{"type": "function", "function": {...}}``, which templates expect.

    ``value`` is a list, one schema, or JSON text of either; (), where it is empty. Raises BadCall.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    value = _parsed(value)
    each = value if isinstance(value, list) else [value] if value else []
    return tuple(json_text.dumps(_schema(item)) for item in each if item is not None)


def without_nulls(value: Any) -> Any:
    """``value`` without the fields that are null; JSON text stays as it was written.

    Tables give every object the fields of all others, as null, and what is written from one, as JSON too, keeps them.
    Raises BadCall when it is nested too deeply.
    """
    try:
        if isinstance(value, dict):
            return {key: without_nulls(item) for key, item in value.items() if item is not None}
        return [without_nulls(item) for item in value] if isinstance(value, list) else value
    except RecursionError:
        raise BadCall(Message("rows.too-deep")) from None


def _call(item: Any) -> ToolCall:
    if not isinstance(item, dict):
        raise BadCall(Message("rows.call-no-object"))
    function = item.get("function")
    named = function if isinstance(function, dict) else item
    name = named.get("name")
    if not isinstance(name, str) or not name:
        raise BadCall(Message("rows.call-unnamed"))
    found: Any = next((named[key] for key in _ARGUMENTS if named.get(key) is not None), {})
    arguments = found if not isinstance(found, str) else _object_in(found)
    identity = item.get("id")
    return ToolCall(
        _SURROGATE.sub("\ufffd", name), json_text.dumps(arguments), identity if isinstance(identity, str) else ""
    )  # fmt: skip


def _schema(item: Any) -> dict[str, Any]:
    item = _parsed(item)
    if not isinstance(item, dict):
        raise BadCall(Message("rows.tool-no-object"))
    inner = item.get("function", item)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise BadCall(Message("rows.tool-unnamed"))
    return item if "function" in item else {"type": "function", "function": item}


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json_text.loads(value)
    except RecursionError:
        raise BadCall(Message("rows.too-deep")) from None
    except ValueError:
        raise BadCall(Message("rows.not-json")) from None


def _object_in(text: str) -> Any:
    """Arguments written as JSON text; text that is none stays a text."""
    try:
        return json_text.loads(text)
    except (ValueError, RecursionError):
        return text
