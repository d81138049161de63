"""From a raw row to the canonical one: every format becomes messages or plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from engine.common.clean_text import shorten
from engine.common.errors import DataError
from engine.data.rows.fields import FIELDS, needed
from engine.data.rows.flags import is_mark, mark_of
from engine.data.rows.formats import Detected
from engine.data.rows.messages import Message, RawRow, Row
from engine.data.rows.tools import BadCall, schemas_of
from engine.data.rows.turns import TurnReader, listed
from engine.messages import message as codes

_TOOL = '{"name": "...", "description": "...", "parameters": {...}}'


def to_row(raw: RawRow, detected: Detected) -> Row:
    """The canonical form of ``raw``. Raises DataError naming file, row and field for a row that can't be read.

    Alpaca's instruction and input become one user message, joined by an empty line; so do a context and its question,
    and the two texts of a classified pair. Calls of functions keep their structure. Empty contents are left to
    ``problem``.
    """
    reader = _Reader(raw, detected)
    weight, group, untrained = reader.weight(), reader.text("group"), reader.untrained()
    if detected.format == "text":
        return Row(
            (), reader.text("text"), raw.source, raw.file, raw.number, weight=weight, group=group, untrained=untrained,
            remarks=reader.remarks,
        )  # fmt: skip
    if detected.format == "messages":
        messages = reader.turns("messages")
    elif detected.format == "sharegpt":
        messages = reader.turns("conversations")
    elif detected.format == "alpaca":
        user = reader.joined("instruction", "input")
        messages = [*reader.history(), Message("user", user), Message("assistant", reader.text("output"))]
    elif detected.format == "classification":
        messages = [Message("user", reader.joined("text", "text_pair")), Message("assistant", reader.label())]
    else:
        messages = reader.pair()
    reader.look_for_turns(messages)
    system = reader.system()
    if system.strip() and not any(message.role == "system" for message in messages):
        messages.insert(0, Message("system", system))
    return Row(
        tuple(messages), "", raw.source, raw.file, raw.number, reader.tools(), weight, group, untrained, reader.remarks
    )


def problem(row: Row) -> codes.Message | None:
    """Why nothing can be learnt from ``row``; None if something can."""
    if row.untrained:
        return codes.Message("rows.marked-untrained", mark=row.untrained)
    if not row.messages:
        return None if row.text.strip() else dict(row.remarks).get("empty_answers", codes.Message("rows.no-text"))
    if not any(message.role == "assistant" and message.text.strip() for message in row.messages):
        return codes.Message("rows.no-assistant-text")
    if mark := all_marked(row):
        return codes.Message("rows.answers-marked", mark=mark)
    before = [message for message in row.messages if message.role != "system"]
    if before[0].role == "user" and not before[0].content.strip():
        return codes.Message("rows.prompt-empty")
    return None


def all_marked(row: Row) -> str:
    """The mark of the first answer where every answer of ``row`` is marked as not to be trained; "" else."""
    if not any(message.untrained for message in row.messages):
        return ""
    marks = [message.untrained for message in row.messages if message.role == "assistant" and message.text.strip()]
    return marks[0] if all(marks) and marks else ""


class _Reader:
    """Reads the fields of one raw row, so that every error says where it is."""

    def __init__(self, raw: RawRow, detected: Detected) -> None:
        self._raw, self._columns, self._labels = raw, detected.columns, detected.labels
        self._needed, self._marks = needed(detected.format), detected.marks
        if not raw.values.keys() <= detected.known:
            self._read_late(raw.values.keys() - detected.known, detected)
        self._turns = TurnReader(self._error, detected.tags)

    def _read_late(self, late: set[str], detected: Detected) -> None:
        """Read fields and marks too that none of the rows had by which the format was found."""
        self._marks = (*self._marks, *(name for name in sorted(late) if detected.has_marks and is_mark(name)))
        fields = {detected.open_fields.get(name.strip().lower()): name for name in sorted(late)}
        self._columns = {field: name for field, name in fields.items() if field} | self._columns

    def _value(self, field: str) -> Any:
        """The field's value; None for null and for fields without a column. Missing needed ones raise."""
        column = self._columns.get(field)
        if column is None:
            return None
        if column not in self._raw.values and field in self._needed:
            raise self._error(codes.Message("rows.lacks-column", column=column), codes.Message("rows.cure-column"))
        return self._raw.values.get(column)

    def text(self, field: str) -> str:
        return self._turns.text(self._value(field), self._columns.get(field, field))

    def system(self) -> str:
        value = self._value("system")
        if isinstance(value, dict) and isinstance(value.get("parts"), list):  # a turn of its own, by Gemini
            value = value["parts"]
        return self._turns.text(value, self._columns.get("system", "system"))

    def joined(self, *fields: str) -> str:
        """The texts of ``fields``, an empty line between those that say something."""
        return "\n\n".join(part for part in map(self.text, fields) if part.strip())

    def look_for_turns(self, messages: Sequence[Message]) -> None:
        """Remark that the row has no turn at all, and which text of it is therefore not read either."""
        if messages:
            return
        column = next(self._columns[name] for name in ("messages", "conversations") if name in self._columns)
        text = next((name for name, value in self._raw.values.items() if self._is_text(name, value)), None)
        if text is None:
            self._turns.remark("empty_answers", "rows.turns-empty", column=column)
        else:
            self._turns.remark("empty_answers", "rows.turns-empty-beside", column=column, text=text[:40])

    def _is_text(self, name: str, value: Any) -> bool:
        is_free = name.strip().lower() in FIELDS["text"]["text"][1] and name not in self._columns.values()
        return is_free and isinstance(value, str) and bool(value.strip())

    def turns(self, field: str) -> list[Message]:
        return self._turns.turns(self._value(field), self._columns[field])

    def pair(self) -> list[Message]:
        """A prompt and its completion, each text or messages of its own."""
        asked = self._own_turns("prompt")
        if asked is None:
            asked = [Message("user", self.joined("context", "prompt"))]
        answered = self._own_turns("completion")
        if answered is None:
            value = self._value("completion")
            if isinstance(value, dict) and isinstance(value.get("text"), list):  # all right answers, by SQuAD
                value = next(iter(value["text"]), None)
            text = self._turns.text(value, self._columns["completion"])
            answered = [Message("assistant", text, self.text("reasoning"))]
        return [*asked, *answered]

    def _own_turns(self, field: str) -> list[Message] | None:
        value = listed(self._value(field))
        if isinstance(value, list) and value and all(isinstance(turn, dict) and "role" in turn for turn in value):
            return self.turns(field)
        return None

    def label(self) -> str:
        """The label by the name that ``labels`` gives it. Raises DataError for one that has none there."""
        value = self._value("label")
        text = self._turns.text(value, self._columns["label"])
        if not self._labels or not text.strip():
            return text
        if text not in self._labels:
            shown = shorten(text, 40)
            said = codes.Message("rows.label-unnamed", label=shown)
            raise self._error(said, codes.Message("rows.cure-label", setting=f'labels = {{"{shown}" = "..."}}'))
        return self._labels[text]

    def history(self) -> list[Message]:
        value = listed(self._value("history"))
        if value in (None, "", []):
            return []
        pairs: Sequence[Any] = value if isinstance(value, list) else [value]
        messages = []
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise self._error(codes.Message("rows.history-no-pairs"), codes.Message("rows.cure-history"))
            asked, answered = (self._turns.text(part, "history") for part in pair)
            messages += [Message("user", asked), Message("assistant", answered)]
        return messages

    def tools(self) -> tuple[str, ...]:
        try:
            value = self._value("tools")
            return (
                schemas_of(self._turns.filled(value, "rows.column-has-nulls", column=self._columns["tools"]))
                if value is not None
                else ()
            )
        except BadCall as error:
            said = codes.Message("rows.tools-unreadable", column=self._columns["tools"], reason=error.reason)
            raise self._error(said, codes.Message("rows.cure-tools", example=_TOOL)) from None

    @property
    def remarks(self) -> tuple[tuple[str, codes.Message], ...]:
        return tuple(self._turns.remarks.items())

    def untrained(self) -> str:
        """The mark by which the row says that it is not to be trained; "" for none."""
        marks = [mark for name in self._marks if (mark := mark_of(name, self._raw.values.get(name)))]
        unclear = next((mark for mark in marks if mark.trains is None), None)
        if unclear is not None:
            self._turns.remark("unclear_marks", "rows.row-says", mark=unclear.text)
        return next((mark.text for mark in marks if mark.trains is False), "")

    def weight(self) -> float:
        value = self._value("weight")
        if value is None:
            return 1.0
        try:
            weight = float(value)
        except (TypeError, ValueError, OverflowError):
            weight = math.nan
        if not math.isfinite(weight) or weight < 0:
            said = codes.Message("rows.no-weight", column=self._columns["weight"])
            raise self._error(said, codes.Message("rows.cure-weight"))
        return weight

    def _error(self, reason: codes.Message, cure: codes.Message) -> DataError:
        return DataError("rows.unusable", path=self._raw.file, row=self._raw.number, reason=reason, cure=cure)
