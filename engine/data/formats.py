"""Which format the rows have and which column is what, found from a sample or taken from the config."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from engine.config.schema import DataSource
from engine.data.messages import RawRow
from engine.data.text import clean
from engine.errors import DataError

Format = Literal["alpaca", "messages", "sharegpt", "prompt_completion", "text"]

# Our field -> (needed, column names it is known by, the most usual first).
FIELDS: dict[Format, dict[str, tuple[bool, tuple[str, ...]]]] = {
    "messages": {
        "messages": (True, ("messages", "conversation", "conversations", "dialogue", "dialog", "chat", "turns")),
        "system": (False, ("system", "system_prompt")),
    },
    "sharegpt": {
        "conversations": (True, ("conversations", "conversation", "messages", "dialogue", "dialog", "items")),
        "system": (False, ("system", "system_prompt")),
    },
    "alpaca": {
        "instruction": (True, ("instruction",)),
        "input": (False, ("input", "context")),
        "output": (True, ("output", "response", "answer", "completion")),
        "history": (False, ("history",)),
        "system": (False, ("system", "system_prompt")),
    },
    "prompt_completion": {
        "prompt": (True, ("prompt", "question", "query", "input", "user", "source")),
        "completion": (True, ("completion", "answer", "response", "output", "assistant", "target")),
        "system": (False, ("system", "system_prompt")),
    },
    "text": {"text": (True, ("text", "content", "document", "body"))},
}
ACCEPTED = "messages | conversations | instruction + output (+ input) | prompt + completion | question + answer | text"


@dataclass(frozen=True)
class Detected:
    """The format of a source. ``columns`` maps our field to the file's column; ``confidence`` is 0 to 1.

    ``evidence`` says in one sentence what the finding rests on.
    """

    format: Format
    columns: dict[str, str]
    confidence: float
    evidence: str


def detect(sample: Sequence[RawRow], source: DataSource) -> Detected:
    """Find the format of ``sample`` (a source's first rows); ``source.format`` and ``source.columns`` win.

    Raises DataError that lists the columns found, what is accepted, and how to map one to the other.
    """
    found = _columns(sample)
    given = {field: str(column) for field, column in source.columns.items()}
    wanted: Format | None = None if source.format == "auto" else source.format
    if given and wanted is None:
        wanted = _format_of(given, found, sample)
    if wanted is not None:
        columns = _complete(wanted, given, found, sample)
        how = "set in the config" if source.format != "auto" or given else ""
        return Detected(wanted, columns, 1.0, _evidence(columns, found, how))
    for candidate in ("messages", "sharegpt", "alpaca", "prompt_completion", "text"):
        matched = _match(candidate, found)
        if matched is None or not _shape_fits(candidate, matched, found):
            continue
        usual = all(column == FIELDS[candidate][field][1][0] for field, column in matched.items())
        return Detected(candidate, matched, 0.95 if usual else 0.8, _evidence(matched, found, ""))
    return _by_shape(found, sample)


def _by_shape(found: Mapping[str, list[Any]], sample: Sequence[RawRow]) -> Detected:
    """No known name: a column of turns still leaves no doubt. Text is not guessed, or it would be trained on unseen."""
    for column, values in found.items():
        for candidate, field in (("messages", "messages"), ("sharegpt", "conversations")):
            if _turns(values) == candidate:
                columns = {field: column}
                return Detected(candidate, columns, 0.7, _evidence(columns, found, "from its shape"))
    raise unknown_columns(sample, found)


def unknown_columns(sample: Sequence[RawRow], found: Mapping[str, object], problem: str = "") -> DataError:
    """The error for columns that fit no format, or not the one asked for (``problem`` says which)."""
    file = sample[0].file if sample else ""
    shown = ", ".join(clean(name, keep_newlines=False)[:40] for name in list(found)[:20])
    hint = f'Accepted are: {ACCEPTED}. Map yours in [[data]]: columns = {{prompt = "...", completion = "..."}}'
    if {"chosen", "rejected"} <= {name.lower() for name in found}:
        hint = (
            "These are preference pairs, which this version does not train on. To learn the preferred answers: "
            'columns = {prompt = "prompt", completion = "chosen"}'
        )
    return DataError(problem or "The columns are not known", f"{file} has the columns: {shown or 'none'}", hint)


def _columns(sample: Sequence[RawRow]) -> dict[str, list[Any]]:
    """Every column of the sample with its values that are not null."""
    found: dict[str, list[Any]] = {}
    for raw in sample:
        for name, value in raw.values.items():
            held = found.setdefault(str(name), [])
            if value is not None:
                held.append(value)
    return found


def _match(candidate: Format, found: Mapping[str, object]) -> dict[str, str] | None:
    """Our fields to the columns known by their names, whatever the case; None if a needed one is missing."""
    by_name = {name.strip().lower(): name for name in reversed(list(found))}
    columns: dict[str, str] = {}
    for field, (needed, names) in FIELDS[candidate].items():
        column = next(
            (by_name[name] for name in names if name in by_name and by_name[name] not in columns.values()), None
        )
        if column is not None:
            columns[field] = column
        elif needed:
            return None
    return columns


def _shape_fits(candidate: Format, columns: Mapping[str, str], found: Mapping[str, list[Any]]) -> bool:
    """Names alone mislead: turns must be lists of turns, everything else must not be."""
    if candidate == "messages":
        return _turns(found[columns["messages"]]) == "messages"
    if candidate == "sharegpt":
        return _turns(found[columns["conversations"]]) == "sharegpt"
    if candidate == "text":
        return not any(isinstance(value, (list, dict)) for value in found[columns["text"]])
    return True


def _turns(values: Sequence[Any]) -> Format | None:
    """Whether values are lists of turns, and of which kind."""
    for value in map(listed, values):
        if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
            return None
        for turn in value:
            if "role" in turn and ("content" in turn or "tool_calls" in turn):
                return "messages"
            return "sharegpt" if "from" in turn and "value" in turn else None
    return None


def listed(value: Any) -> Any:
    """A list that a table holds as JSON text; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _format_of(given: Mapping[str, str], found: Mapping[str, list[Any]], sample: Sequence[RawRow]) -> Format:
    """The format whose fields the mapping in the config names."""
    for candidate in get_args(Format):
        fields: Mapping[str, tuple[bool, tuple[str, ...]]] = FIELDS[candidate]
        needed = {field for field, (is_needed, _) in fields.items() if is_needed}
        if set(given) <= set(fields) and needed & set(given):
            return candidate  # type: ignore[no-any-return]
    known = sorted({field for fields in FIELDS.values() for field in fields})
    raise unknown_columns(
        sample,
        found,
        f"columns = {{{', '.join(given)} = ...}} names no field of a format; fields are {', '.join(known)}",
    )


def _complete(
    wanted: Format, given: Mapping[str, str], found: Mapping[str, list[Any]], sample: Sequence[RawRow]
) -> dict[str, str]:
    """The mapping from the config, with what it leaves out found by name."""
    fields = FIELDS[wanted]
    for field, column in given.items():
        if field not in fields:
            raise unknown_columns(sample, found, f"'{field}' is not a field of {wanted}: {', '.join(fields)}")
        if column not in found:
            raise unknown_columns(sample, found, f"There is no column '{clean(column, keep_newlines=False)}'")
    by_name = {name.strip().lower(): name for name in reversed(list(found))}
    columns = dict(given)
    for field, (needed, names) in fields.items():
        if field in columns:
            continue
        free = [by_name[name] for name in names if name in by_name and by_name[name] not in columns.values()]
        if free:
            columns[field] = free[0]
        elif needed:
            raise unknown_columns(sample, found, f"No column for '{field}' of the format {wanted}")
    return {field: columns[field] for field in fields if field in columns}


def _evidence(columns: Mapping[str, str], found: Mapping[str, object], how: str) -> str:
    used = ", ".join(
        clean(column, keep_newlines=False) if field == column else f"{clean(column, keep_newlines=False)} as {field}"
        for field, column in columns.items()
    )
    unused = [clean(name, keep_newlines=False)[:40] for name in found if name not in columns.values()]
    text = f"columns {used}" + (f" ({how})" if how else "")
    return text + (f"; not used: {', '.join(unused[:8])}" if unused else "")
