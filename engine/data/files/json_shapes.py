"""The shapes in which one JSON value holds rows: turns of one conversation, a table by columns, rows by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.data.rows.fields import CONTENT_KEYS, FIELDS, ROLE_KEYS, ROLE_NAMES
from engine.data.rows.flags import is_mark

WRAPPERS = ("data", "rows", "train", "examples", "instances")
_PARTS = frozenset(("train", "training", "test", "validation", "valid", "val", "dev", "eval", "evaluation", "holdout"))
_OF_MANY = re.compile(r"conv|dialog|session|thread|chat|group|sample|row", re.IGNORECASE)
"""In the name of a key that may say which of several conversations a turn belongs to."""
_COLUMN_NAMES = frozenset(name for fields in FIELDS.values() for _, names in fields.values() for name in names)
_SPEAKERS = tuple(key for key in ROLE_KEYS if key != "author")  # texts have authors too
_SEVERAL = 3  # two lists of turns may be a better and a worse answer
_SPLIT = frozenset(("columns", "index", "data", "index_names", "column_names"))


def is_turn(value: Any) -> bool:
    """Whether ``value`` is one turn, of the conversation that it stands in: a known role, and what was said."""
    if not isinstance(value, dict) or any(_OF_MANY.search(key) and not is_mark(key) for key in value):
        return False
    role = next((value[key] for key in _SPEAKERS if value.get(key) is not None), None)
    said = any(key in value for key in (*CONTENT_KEYS, "tool_calls"))
    return isinstance(role, str) and role.strip().lower() in ROLE_NAMES and said


def are_turns(value: Any) -> bool:
    """Whether ``value`` is one conversation: a list of nothing but turns."""
    return isinstance(value, list) and bool(value) and all(map(is_turn, value))


def _is_conversation(value: Any) -> bool:
    """Whether ``value`` is a row that holds its turns."""
    return isinstance(value, dict) and not is_turn(value) and any(map(are_turns, value.values()))


def parts_in(value: Mapping[str, Any]) -> list[str]:
    """The parts of a data set that an object holds, as ``{"train": [...], "test": [...]}``; [] where it is only one."""
    held = [name for name, rows in value.items() if name.lower() in _PARTS and isinstance(rows, (list, dict)) and rows]
    return held if len(held) > 1 else []


def rows_in(value: Mapping[str, Any]) -> list[Any]:
    """The rows that an object holds, wrapped or as a table in any of pandas' ways; else itself as the only one.

    Raises ValueError for a table whose columns are not of one length.
    """
    for shape in (_of_split, _wrapped, _of_lists, _of_objects):
        if (rows := shape(value)) is not None:
            return list(rows)
    return [value]


def _wrapped(value: Mapping[str, Any]) -> Iterable[Any] | None:
    """``{"data": [...]}``: the rows under the first name that wraps some, or under the only one, if no column's."""
    if len(value) == 1:
        (only,) = value.values()
        are_rows = isinstance(only, list) and only and all(isinstance(item, dict) for item in only)
        if are_rows and (all(map(_is_conversation, only)) or not _names_columns(value)):
            return [only] if are_turns(only) else only
    for held in (value[name] for name in WRAPPERS if name in value):
        if isinstance(held, list):
            return [held] if are_turns(held) else held
        if isinstance(held, dict) and (rows := rows_in(held)) != [held]:
            return rows
    return None


def _of_split(value: Mapping[str, Any]) -> Iterable[Any] | None:
    """``{"columns": [...], "data": [[...], ...]}``: pandas' orient "split" and "tight"."""
    columns, data = value.get("columns"), value.get("data")
    if not isinstance(columns, list) or not isinstance(data, list) or not _SPLIT.issuperset(value):
        return None
    if not all(isinstance(row, list) and len(row) == len(columns) for row in data):
        return None
    return (dict(zip(map(str, columns), row, strict=True)) for row in data)


def _of_lists(value: Mapping[str, Any]) -> Iterable[Any] | None:
    """``{"instruction": [...], "output": [...]}``: what ``to_dict`` of datasets gives. Lists of objects are a row's."""
    columns = list(value.values())
    if not columns or not all(isinstance(column, list) and column for column in columns):
        return None
    if len(columns) >= _SEVERAL and all(map(are_turns, columns)) and not _names_columns(value):
        return columns  # conversations by their names
    if any(isinstance(item, dict) for column in columns for item in column):
        return None
    if len({len(column) for column in columns}) > 1:
        lengths = ", ".join(f"'{name[:40]}' {len(column):,}" for name, column in list(value.items())[:4])
        raise ValueError(lengths)
    return (dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True))


def _of_objects(value: Mapping[str, Any]) -> Iterable[Any] | None:
    """Objects in an object: columns by the names of rows (pandas' default) or rows by their names (orient "index").

    Which of the two is told by the names that are known for columns; None where it can't be.
    """
    inner = list(value.values())
    if not inner or not all(isinstance(each, dict) and each for each in inner):
        return None
    outer_named, inner_named = _names_columns(value), all(map(_names_columns, inner))
    if outer_named and not inner_named and all(each.keys() == inner[0].keys() for each in inner):
        return ({column: value[column][row] for column in value} for row in inner[0])
    return inner if inner_named and not outer_named else None


def _names_columns(value: Mapping[str, Any]) -> bool:
    return any(name.strip().lower() in _COLUMN_NAMES for name in value)
