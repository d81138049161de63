"""The lines of the columns' screen: what can be said, in which words, and what a file holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.common.clean_text import clean, shorten
from engine.common.errors import TunedeckError
from engine.config.schema import DataSource
from engine.data.rows.convert import problem
from engine.messages.catalogue import text
from tui.flow.mapping import AUTO, READING, ColumnMap, Line
from tui.widgets.choosers import Pick
from tui.wizard.data.text import row_lines

if TYPE_CHECKING:
    from engine.data.files.preview import Head
    from engine.data.rows.messages import RawRow, Row

TITLE_WIDTH = 26
_MOST_CHARACTERS = 300
ABOUT = {
    "format": "columns.format", "prompt": "columns.prompt", "instruction": "columns.instruction",
    "completion": "columns.completion", "output": "columns.output", "context": "columns.context",
    "input": "columns.input", "reasoning": "columns.reasoning", "history": "columns.history",
    "messages": "columns.messages", "conversations": "columns.conversations", "system": "columns.system",
    "tools": "columns.tools", "text": "columns.text", "text_pair": "columns.text-pair", "label": "columns.label",
    "weight": "columns.weight", "group": "columns.group",
}  # fmt: skip
_TAGS = {
    "role": "columns.tag-role", "content": "columns.tag-content", "user": "columns.tag-user",
    "assistant": "columns.tag-assistant", "tool": "columns.tag-tool", "call": "columns.tag-call",
    "system": "columns.tag-system",
}  # fmt: skip


def by_itself(head: Head, source: Mapping[str, Any]) -> str:
    """How the rows are read where nobody says anything, and how sure that is."""
    plain = {name: value for name, value in source.items() if name not in READING}
    try:
        found = head.read_as(DataSource.model_validate(plain))
    except TunedeckError:
        return text("columns.unknown-format")
    return text("columns.detected", format=found.format, confidence=found.confidence)


def picks(mapping: ColumnMap, row: RawRow) -> list[Pick]:
    """A line for all that can be said, with the value chosen and what the row has there."""
    return [Pick(line.id, _title(mapping, line), _detail(mapping, line, row)) for line in mapping.lines()]


def about(line: Line) -> str:
    if line.kind == "label":
        return text("columns.name-of-class", name=shorten(line.name, 30))
    return text(_TAGS[line.name] if line.kind == "tag" else ABOUT[line.name])


def column_picks(mapping: ColumnMap, row: RawRow) -> list[Pick]:
    """The file's columns, each with its value in this row, or the first one there is."""
    used = {column: name for name, column in mapping.columns.items() if column} if mapping.format != AUTO else {}
    return [
        Pick(name, name, shown(row.values.get(name, first)) or text("columns.empty"), tail=used.get(name, ""))
        for name, first in mapping.head.columns.items()
    ]


def row_as_it_comes_out(row: Row, width: int, height: int) -> Iterator[str]:
    """The canonical row, with what is not in its turns, and why it is left out if it is."""
    beside = [text("columns.beside-weight", weight=row.weight)] if row.weight != 1 else []
    beside += [text("columns.beside-group", group=shorten(row.group, 30))] if row.group else []
    beside += [text("columns.beside-tools", tools=len(row.tools))] if row.tools else []
    reason = problem(row)
    if reason:
        yield text("columns.left-out", reason=reason)
    if beside:
        yield text("rows.names", names=beside)
    yield from row_lines(row, width, max(2, height - bool(reason) - bool(beside)))


def trouble(error: TunedeckError) -> str:
    """An error in words that belong to this screen: what is accepted in a file is no use here."""
    where = clean(error.message, keep_newlines=False).rpartition("/")[2]
    return text("columns.trouble", title=error.title, where=where)


def shown(value: Any) -> str:
    """A value of a file on one line."""
    if value is None:
        return ""
    said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return shorten(said, _MOST_CHARACTERS)


def _title(mapping: ColumnMap, line: Line) -> str:
    if line.kind == "format":
        return text("columns.field-format")
    if line.kind == "tag":
        return text("columns.field-tag", name=line.name)
    if line.kind == "label":
        return text("columns.field-label", name=shorten(line.name, 16))
    return text("columns.field-needed", name=line.name) if mapping.is_needed(line) else line.name


def _detail(mapping: ColumnMap, line: Line, row: RawRow) -> str:
    value = mapping.value(line)
    if line.kind == "label":
        return f"{value}_"
    if line.kind == "format":
        options = mapping.options(line)
        return text("columns.option", value=value, at=options.index(value) + 1, options=len(options))
    if not value:
        return f"< {text('columns.none' if line.kind == 'field' else 'columns.automatic')} >"
    sample = shown(row.values.get(value)) if line.kind == "field" else ""
    return f"< {shorten(value, 40)} >  {sample}"
