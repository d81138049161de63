"""From a raw row to the canonical one: every format becomes messages or plain text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from engine.data.formats import FIELDS, Detected, listed
from engine.data.messages import Message, RawRow, Row, where
from engine.data.text import clean
from engine.errors import DataError

ROLE_NAMES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant",
    "function_call": "assistant", "tool_call": "assistant",
    "tool": "tool", "observation": "tool", "function": "tool", "function_response": "tool", "tool_response": "tool",
}  # fmt: skip
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_row(raw: RawRow, detected: Detected) -> Row:
    """The canonical form of ``raw``. Raises DataError naming file, row and field for a row that can't be read.

    Alpaca's instruction and input become one user message, joined by an empty line. Calls of functions become
    assistant messages that hold the call as JSON. Empty contents are left to ``problem``.
    """
    reader = _Reader(raw, detected)
    if detected.format == "text":
        return Row((), reader.text("text"), raw.source, raw.file, raw.number)
    if detected.format == "messages":
        messages = reader.turns("messages", "role", "content")
    elif detected.format == "sharegpt":
        messages = reader.turns("conversations", "from", "value")
    elif detected.format == "alpaca":
        parts = [reader.text("instruction"), reader.text("input")]
        user = "\n\n".join(part for part in parts if part.strip())
        messages = [*reader.history(), Message("user", user), Message("assistant", reader.text("output"))]
    else:
        messages = [*reader.side("prompt", "user"), *reader.side("completion", "assistant")]
    system = reader.text("system")
    if system.strip() and not any(message.role == "system" for message in messages):
        messages.insert(0, Message("system", system))
    return Row(tuple(messages), "", raw.source, raw.file, raw.number)


def problem(row: Row) -> str:
    """Why nothing can be learnt from ``row``; "" if something can."""
    if not row.messages:
        return "" if row.text.strip() else "it holds no text"
    if not any(message.role == "assistant" and message.content.strip() for message in row.messages):
        return "no assistant text"
    before = [message for message in row.messages if message.role != "system"]
    if before[0].role == "user" and not before[0].content.strip():
        return "the prompt is empty"
    return ""


class _Reader:
    """Reads the fields of one raw row, so that every error says where it is."""

    def __init__(self, raw: RawRow, detected: Detected) -> None:
        self._raw, self._columns = raw, detected.columns
        self._needed = {field for field, (needed, _) in FIELDS[detected.format].items() if needed}

    def _value(self, field: str) -> Any:
        """The field's value; None for null and for fields without a column. Missing needed ones raise."""
        column = self._columns.get(field)
        if column is None:
            return None
        if column not in self._raw.values and field in self._needed:
            raise self._error(f"has no '{column}'", "Every row needs it; remove the row or give it one.")
        return self._raw.values.get(column)

    def text(self, field: str) -> str:
        return self._text(self._value(field), self._columns.get(field, field))

    def _text(self, value: Any, name: str) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return _SURROGATE.sub("\ufffd", value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return str(value)
        if isinstance(value, list) and all(isinstance(part, dict) and part.get("type") == "text" for part in value):
            return "".join(self._text(part.get("text"), name) for part in value)
        kind = "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else type(value).__name__
        raise self._error(f"'{name}' is {kind}, not text", "Write it as text; JSON as a quoted string.")

    def turns(self, field: str, role_key: str, content_key: str) -> list[Message]:
        return self._turns(self._value(field), self._columns[field], role_key, content_key)

    def _turns(self, value: Any, name: str, role_key: str, content_key: str) -> list[Message]:
        value = listed(value)
        if not isinstance(value, list):
            raise self._error(f"'{name}' is not a list of turns", f"Each turn has '{role_key}' and '{content_key}'.")
        messages = []
        for number, turn in enumerate(value, start=1):
            if not isinstance(turn, dict) or role_key not in turn:
                raise self._error(
                    f"turn {number} has no '{role_key}'", f"Each turn has '{role_key}' and '{content_key}'."
                )
            role = ROLE_NAMES.get(str(turn[role_key]).strip().lower())
            if role is None:
                shown = clean(str(turn[role_key]), keep_newlines=False)[:40]
                raise self._error(f"turn {number} has the unknown role '{shown}'", "Known: " + ", ".join(ROLE_NAMES))
            content = self._text(turn.get(content_key), f"{content_key} of turn {number}")
            calls = turn.get("tool_calls")
            if role == "assistant" and calls:
                content = "\n".join(part for part in (content, _calls(calls)) if part)
            messages.append(Message(role, content))
        return messages

    def side(self, field: str, role: str) -> list[Message]:
        """A prompt or completion: text, or messages of its own."""
        value = self._value(field)
        if isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value):
            return self._turns(value, self._columns[field], "role", "content")
        return [Message(role, self.text(field))]

    def history(self) -> list[Message]:
        value = listed(self._value("history"))
        if value in (None, "", []):
            return []
        pairs: Sequence[Any] = value if isinstance(value, list) else [value]
        messages = []
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise self._error(
                    "'history' is not a list of pairs", "Each pair is [what was asked, what was answered]."
                )
            messages += [
                Message("user", self._text(pair[0], "history")),
                Message("assistant", self._text(pair[1], "history")),
            ]
        return messages

    def _error(self, what: str, hint: str) -> DataError:
        return DataError("A row can't be used", f"{where(self._raw.file, self._raw.number)}: {what}", hint)


def _calls(calls: Any) -> str:
    """Calls of functions as the compact JSON a model writes, one a line."""
    each = calls if isinstance(calls, list) else [calls]
    functions = [call.get("function", call) if isinstance(call, dict) else call for call in each]
    return _SURROGATE.sub("\ufffd", "\n".join(json.dumps(item, ensure_ascii=False, default=str) for item in functions))
