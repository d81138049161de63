"""Which column of a file is what, while a person says it: the choices there are, and the source they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from engine.common.errors import DataError
from engine.config.schema import DataSource
from engine.data.rows.fields import CONTENT_KEYS, FIELDS, ROLE_KEYS, TAGS, needed
from engine.data.rows.formats import Detected
from engine.data.rows.turns import listed

if TYPE_CHECKING:
    from engine.data.files.preview import Head

AUTO = "auto"
TURNS = ("messages", "sharegpt")
READING = ("format", "columns", "tags", "labels")
_MOST_LABELS = 30
# What stays what it is when another format is chosen.
_ALIKE = {
    "prompt": "asked", "instruction": "asked", "text": "asked",
    "completion": "answered", "output": "answered", "label": "answered",
    "messages": "turns", "conversations": "turns",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """Something that can be said: the format, the column of a field, a tag, or the name of a label."""

    kind: Literal["format", "field", "tag", "label"]
    name: str

    @property
    def id(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass
class ColumnMap:
    """What has been said so far of the rows in ``head``. A field of ``columns`` at "" has no column."""

    head: Head
    source: dict[str, Any]
    format: str = AUTO
    columns: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begun(cls, head: Head, source: Mapping[str, Any]) -> ColumnMap:
        """As ``source`` says it, else as the rows are recognised, else the likeliest format with nothing mapped."""
        made = cls(head, {name: value for name, value in source.items() if name not in READING})
        try:
            found = head.read_as(DataSource.model_validate(dict(source)))
        except DataError:
            made.format = str(source.get("format", AUTO))
            if made.format == AUTO:
                made.format = made._likely()
            given = dict(source.get("columns") or {})
            made.columns = made._guessed(made.format) | {name: str(column) for name, column in given.items()}
            made.tags, made.labels = dict(source.get("tags") or {}), dict(source.get("labels") or {})
        else:
            made.format, made.tags, made.labels = found.format, dict(found.tags), dict(found.labels)
            made.columns = {name: found.columns.get(name, "") for name in FIELDS[found.format]}
        return made

    # What can be said

    def lines(self) -> list[Line]:
        lines = [Line("format", "format")]
        if self.format == AUTO:
            return lines
        lines += [Line("field", name) for name in FIELDS[self.format]]  # type: ignore[index]
        if self.format in TURNS:
            lines += [Line("tag", name) for name in TAGS]
        if self.format == "classification":
            lines += [Line("label", value) for value in self.label_values()]
        return lines

    def options(self, line: Line) -> list[str]:
        """What ``line`` may be, "" for nothing; [] for a name that is typed."""
        if line.kind == "format":
            return [AUTO, *FIELDS]
        if line.kind == "field":
            return ["", *self.head.columns]
        if line.name in ("role", "content"):
            return ["", *self._turn_keys()]
        return ["", *self._roles()] if line.kind == "tag" else []

    def value(self, line: Line) -> str:
        if line.kind == "format":
            return self.format
        held = {"field": self.columns, "tag": self.tags, "label": self.labels}[line.kind]
        return held.get(line.name, "")

    def set(self, line: Line, value: str) -> None:
        if line.kind == "format":
            self._take_format(value)
        else:
            {"field": self.columns, "tag": self.tags, "label": self.labels}[line.kind][line.name] = value

    def is_needed(self, line: Line) -> bool:
        return line.kind == "field" and line.name in needed(self.format)

    def label_values(self) -> list[str]:
        """The labels of the sample that names help: numbers, or those that have names already."""
        column = self.columns.get("label", "")
        found = {_text(raw.values.get(column)) for raw in self.head.rows if raw.values.get(column) is not None}
        numbers = all(value.lstrip("-").isdigit() for value in found)
        shown = sorted(found, key=lambda value: (len(value), value)) if numbers or self.labels else []
        return list(dict.fromkeys([*self.labels, *shown]))[:_MOST_LABELS]

    # What it comes to

    def reading(self) -> dict[str, Any]:
        """The fields of the source: format, columns, tags and labels, each at its default where nothing is said."""
        if self.format == AUTO:
            return {"format": AUTO, "columns": {}, "tags": {}, "labels": {}}
        by_name = self._guessed(self.format)
        fields = FIELDS[self.format]  # type: ignore[index]
        columns = {}
        for name in fields:
            column = self.columns.get(name, "")
            # Left out, a field is found by its name; an empty one is not.
            if column or (by_name.get(name) and not fields[name][0]):
                columns[name] = column
        tags = {name: value for name, value in self.tags.items() if value} if self.format in TURNS else {}
        named = self.format == "classification" and any(self.labels.values())
        labels = {value: self.labels.get(value) or value for value in self.label_values()} if named else {}
        return {"format": self.format, "columns": columns, "tags": tags, "labels": labels}

    def found(self) -> Detected:
        """How the rows are read so. Raises DataError."""
        given = {name: value for name, value in self.reading().items() if value}
        return self.head.read_as(DataSource.model_validate({**self.source, **given}))

    # What is likely

    def _take_format(self, format: str) -> None:
        meant = {_ALIKE[name]: column for name, column in self.columns.items() if column and name in _ALIKE}
        before, self.format = self.columns, format
        if format == AUTO:
            return
        guessed = self._guessed(format)
        self.columns = {}
        for name in FIELDS[format]:  # type: ignore[index]
            column = before.get(name) or guessed.get(name) or meant.get(_ALIKE.get(name, ""), "")
            self.columns[name] = "" if column in self.columns.values() else column

    def _guessed(self, format: str) -> dict[str, str]:
        """The columns known by their names."""
        by_name = {name.strip().lower(): name for name in reversed(list(self.head.columns))}
        columns: dict[str, str] = {}
        for name, (_, known) in FIELDS.get(format, {}).items():  # type: ignore[call-overload]
            free = [by_name[each] for each in known if each in by_name and by_name[each] not in columns.values()]
            columns[name] = free[0] if free else ""
        return columns

    def _likely(self) -> str:
        values = self.head.columns
        if any(_is_turns(value) for value in values.values()):
            return "sharegpt"
        return "text" if len(values) == 1 else "prompt_completion"

    def _turns(self) -> list[dict[str, Any]]:
        column = self.columns.get("messages" if self.format == "messages" else "conversations", "")
        held = [listed(raw.values.get(column)) for raw in self.head.rows]
        return [turn for value in held if isinstance(value, list) for turn in value if isinstance(turn, dict)]

    def _turn_keys(self) -> list[str]:
        return list(dict.fromkeys(str(key) for turn in self._turns() for key in turn))

    def _roles(self) -> list[str]:
        keys = (self.tags["role"],) if self.tags.get("role") else ROLE_KEYS
        held = [next((turn[key] for key in keys if key in turn), None) for turn in self._turns()]
        return list(dict.fromkeys(value for value in held if isinstance(value, str)))[:_MOST_LABELS]


def _is_turns(value: object) -> bool:
    turns = listed(value)
    if not isinstance(turns, list) or not turns or not isinstance(turns[0], dict):
        return False
    return len(turns[0]) >= 2 or any(key in turns[0] for key in (*ROLE_KEYS, *CONTENT_KEYS))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
