"""The lines of the columns' screen: what can be said, in which words, and what a file holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean, shorten
from engine.common.errors import TunedeckError
from engine.config.schema import DataSource
from engine.data.rows.convert import problem
from tui.widgets.choosers import Pick
from tui.wizard.columns.mapping import AUTO, READING, ColumnMap, Line
from tui.wizard.data.text import row_lines

if TYPE_CHECKING:
    from engine.data.files.preview import Head
    from engine.data.rows.messages import RawRow, Row

NONE = "- none -"
TITLE_WIDTH = 26
_MOST_CHARACTERS = 300
ABOUT = {
    "format": "Which kind of rows these are. auto: it is found out.",
    "prompt": "What is asked. Never trained, only read.",
    "instruction": "What is asked. Never trained, only read.",
    "completion": "The answer: what the model learns to say.",
    "output": "The answer: what the model learns to say.",
    "context": "A passage that stands before the question.",
    "input": "Stands below the instruction, an empty line between.",
    "reasoning": "What is thought before the answer; learnt with it.",
    "history": "Earlier turns, a list of pairs [asked, answered].",
    "messages": "The dialogue: a list of turns.",
    "conversations": "The dialogue: a list of turns.",
    "system": "What the system message says.",
    "tools": "The functions that may be called, as JSON.",
    "text": "The text itself.",
    "text_pair": "A second text, below the first.",
    "label": "The class: what the model learns to say.",
    "weight": "A number: how much the row counts. 0 counts nothing, 2 twice.",
    "group": "Rows with the same value (a document, a person) are held out together or not at all.",
}
_TAGS = {
    "role": "The key inside a turn that says who speaks.",
    "content": "The key inside a turn that holds what is said.",
    "user": "What the person's turns are called.",
    "assistant": "What the answering turns are called: these are learnt.",
    "tool": "What the turns with a tool's result are called.",
    "call": "What the turns that call a tool are called.",
    "system": "What the system's turns are called.",
}


def by_itself(head: Head, source: Mapping[str, Any]) -> str:
    """How the rows are read where nobody says anything, and how sure that is."""
    plain = {name: value for name, value in source.items() if name not in READING}
    try:
        found = head.read_as(DataSource.model_validate(plain))
    except TunedeckError:
        return "It is not recognised by itself: say what its columns are."
    return f"By itself it is read as {found.format} ({found.confidence * 100:.0f}% sure)."


def picks(mapping: ColumnMap, row: RawRow) -> list[Pick]:
    """A line for all that can be said, with the value chosen and what the row has there."""
    return [Pick(line.id, _title(mapping, line), _detail(mapping, line, row)) for line in mapping.lines()]


def about(line: Line) -> str:
    if line.kind == "label":
        return f"The name of the class that the file calls {shorten(line.name, 30)}: type it."
    return _TAGS[line.name] if line.kind == "tag" else ABOUT[line.name]


def column_picks(mapping: ColumnMap, row: RawRow) -> list[Pick]:
    """The file's columns, each with its value in this row, or the first one there is."""
    used = {column: name for name, column in mapping.columns.items() if column} if mapping.format != AUTO else {}
    return [
        Pick(name, name, shown(row.values.get(name, first)) or "(empty)", tail=used.get(name, ""))
        for name, first in mapping.head.columns.items()
    ]


def row_as_it_comes_out(row: Row, width: int, height: int) -> Iterator[str]:
    """The canonical row, with what is not in its turns, and why it is left out if it is."""
    beside = [f"weight {row.weight:g}"] if row.weight != 1 else []
    beside += [f"group {shorten(row.group, 30)}"] if row.group else []
    beside += [f"{len(row.tools)} tool{'s' if len(row.tools) > 1 else ''}"] if row.tools else []
    reason = problem(row)
    if reason:
        yield f"! Left out: {reason}."
    if beside:
        yield ", ".join(beside)
    yield from row_lines(row, width, max(2, height - bool(reason) - bool(beside)))


def trouble(error: TunedeckError) -> str:
    """An error in words that belong to this screen: what is accepted in a file is no use here."""
    where = clean(error.message, keep_newlines=False).rpartition("/")[2]
    return f"! {clean(error.title, keep_newlines=False)}: {where}"


def shown(value: Any) -> str:
    """A value of a file on one line."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shorten(text, _MOST_CHARACTERS)


def _title(mapping: ColumnMap, line: Line) -> str:
    if line.kind == "format":
        return "format"
    if line.kind == "tag":
        return f"  in a turn: {line.name}"
    if line.kind == "label":
        return f"  label {shorten(line.name, 16)}"
    return f"{line.name}{'  (needed)' if mapping.is_needed(line) else ''}"


def _detail(mapping: ColumnMap, line: Line, row: RawRow) -> str:
    value = mapping.value(line)
    if line.kind == "label":
        return f"{value}_"
    if line.kind == "format":
        options = mapping.options(line)
        return f"< {value} >  {options.index(value) + 1} of {len(options)}"
    if not value:
        return f"< {NONE} >" if line.kind == "field" else "< found by itself >"
    sample = shown(row.values.get(value)) if line.kind == "field" else ""
    return f"< {shorten(value, 40)} >  {sample}"
