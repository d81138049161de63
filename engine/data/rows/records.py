"""Rows as JSON records and back, whole: what one holds in OpenAI's manner, with its place."""

from __future__ import annotations

from typing import Any

from engine.data.rows.messages import Message, RawRow, Row


def record_of(row: Row) -> dict[str, Any]:
    """``row`` as values of JSON; its tools and the arguments of calls stay JSON text.

    Its source is left out: it belongs to the run that reads it.
    """
    record: dict[str, Any] = {"messages": [turn_of(message) for message in row.messages], "text": row.text}
    if row.tools:
        record["tools"] = list(row.tools)
    if row.weight != 1.0:
        record["weight"] = row.weight
    if row.group:
        record["group"] = row.group
    return record | {"file": row.file, "row": row.number}


def row_of(record: dict[str, Any], source: str = "") -> Row:
    """The row that ``record`` was made of. Raises KeyError, ValueError or DataError for one that is none."""
    from engine.data.rows.convert import to_row
    from engine.data.rows.formats import Detected

    file, number = str(record["file"]), int(record["row"])
    if not record["messages"]:
        weight, group = float(record.get("weight", 1.0)), str(record.get("group", ""))
        return Row((), str(record["text"]), source, file, number, weight=weight, group=group)
    columns = {name: name for name in record if name in ("messages", "tools", "weight", "group")}
    return to_row(RawRow(record, source, file, number), Detected("messages", columns, 1.0))


def turn_of(message: Message) -> dict[str, Any]:
    """A message as an object in OpenAI's manner; what it lacks is left out."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning:
        turn["reasoning_content"] = message.reasoning
    if message.calls:
        turn["tool_calls"] = [
            {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            | ({"id": call.id} if call.id else {})
            for call in message.calls
        ]
    extras = (("name", message.name), ("tool_call_id", message.call_id))
    turn |= {key: value for key, value in extras if value}
    return turn | {"loss": False} if message.untrained else turn
