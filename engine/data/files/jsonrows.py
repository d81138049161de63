"""Rows from JSON: one object a line (JSONL), a list of objects, objects one after another, or a list in an object."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.common.errors import DataError
from engine.common.shell import written_anew
from engine.data.files.json_shapes import are_turns, is_turn, parts_in, rows_in
from engine.data.files.opened import kind_of, open_file
from engine.data.files.utf8 import LONGEST_BYTES, beginning, chunks, lines, lines_in, too_long
from engine.data.rows.contents import python_value
from engine.data.rows.json_text import DECODER, FAST
from engine.data.rows.messages import RawRow
from engine.messages.message import Message

_SPACE = " \t\n\r"
_ROW = '{"prompt": "...", "completion": "..."}'
_CONVERSATION = '{"messages": [{"role": "user", "content": "..."}, ...]}'
_LONGEST_TOKEN = 32  # characters of a number, an escape or a name that the end of a window may cut


def read_json(path: Path, source: str) -> Iterator[RawRow]:
    """Rows of a .json or .jsonl file, whichever of the forms it really has, read as they are asked for.

    Raises DataError with row, line and column for the first place that is not JSON or not a row.
    """
    first, second = _heads(path)
    if _are_lines(path, first, second):
        yield from _read_lines(path, source)
    elif first == "[":
        yield from _read_list(path, source)
    elif kind_of(path) == ".json" or _is_table(first, second):
        yield from _read_object(path, source)
    else:
        yield from _read_values(_Text(path), path, source)


def _heads(path: Path) -> tuple[str, str]:
    """The first two filled lines; "[" and nothing for a file that begins a list, which may be one endless line."""
    with open_file(path) as file:
        if beginning(file, path).lstrip(_SPACE).startswith("["):
            return "[", ""
        filled = (text for line in lines_in(file, path) if (text := line.text.strip(_SPACE)))
        first, second = next(filled, ""), next(filled, "")
    if not first:
        raise DataError("data.blank", path=path)
    return ("[", "") if first.startswith("[") else (first, second)


def _read_lines(path: Path, source: str) -> Iterator[RawRow]:
    for line in lines(path):
        text = line.text.strip(_SPACE)
        if not text:
            continue
        yield RawRow(line_values(text, line.text, path, line.number), source, str(path), line.number, line.end_byte)


def line_values(text: str | bytes, line: str | bytes, path: Path, number: int) -> dict[str, Any]:
    """The row that ``text`` is: ``line`` without the space around it, number ``number`` of ``path``. Raises DataError.

    As bytes they must be UTF-8.
    """
    try:
        value = FAST.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The stricter decoder has said no; the other one may take it, or tell where it is broken.
        text, line = (each.decode() if isinstance(each, bytes) else each for each in (text, line))
        try:
            value = DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            column = line.find(text) + getattr(error, "pos", 0) + 1
            raise _broken(path, number, Message("data.column", column=column), error, text) from None
    return _row(value, path, number)


def holds_lines(path: Path) -> bool:
    """Whether each line of a .json or .jsonl file is a row of its own. Raises DataError for one that can't be read."""
    return _are_lines(path, *_heads(path))


def _are_lines(path: Path, first: str, second: str) -> bool:
    if first == "[":
        return False
    if kind_of(path) == ".json":  # JSONL under that name: the first line is a whole object, and another follows
        return bool(second) and isinstance(_decoded(first), dict)
    return not (_spans_lines(path, first) or _is_table(first, second))


def _is_table(first: str, second: str) -> bool:
    """Whether a file's only line is an object that holds rows, such as a table by columns."""
    value = None if second else _decoded(first)
    try:
        return isinstance(value, dict) and rows_in(value) != [value]
    except ValueError:
        return True  # a table with a fault, which is told where it is read


def _spans_lines(path: Path, first: str) -> bool:
    """Whether the file's first object is whole, but not a line of its own: written over several, or with a comma."""
    if _is_json(first):
        return False
    try:
        return isinstance(_Text(path).item(), dict)
    except (ValueError, RecursionError, DataError):
        return False


def _decoded(text: str) -> Any:
    """The value that ``text`` is in JSON; None for null and for what is none."""
    try:
        return DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def _read_object(path: Path, source: str) -> Iterator[RawRow]:
    text = _whole(path).strip(_SPACE)
    try:
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        place = _place(getattr(error, "lineno", 1), getattr(error, "colno", 1))
        raise _broken(path, 1, place, error, text) from None
    if text[end:].strip(_SPACE):
        yield from _read_values(_Text(path), path, source)
        return
    row = _row(value, path, 1)
    if parts := parts_in(row):
        script = '[json.dump(rows, open(name + ".json", "w")) for name, rows in json.load(sys.stdin).items()]'
        command = f"python3 -c 'import json, sys; {script}' < {shlex.quote(str(path))}"
        raise DataError("data.several-parts", path=path, parts=parts, command=command)
    try:
        rows = rows_in(row)
    except ValueError as error:
        raise DataError("data.uneven-table", path=path, lengths=str(error)) from None
    for number, item in enumerate(rows, start=1):
        yield RawRow(_row(item, path, number), source, str(path), number)


def _read_values(text: _Text, path: Path, source: str, number: int = 0) -> Iterator[RawRow]:
    """The rows behind ``number``, one after another, with or without commas between them, each over many lines."""
    while text.peek():
        number += 1
        try:
            value = text.item()
        except (ValueError, RecursionError) as error:
            raise _broken(path, number, text.place(getattr(error, "pos", text.position)), error) from None
        yield RawRow(_row(value, path, number), source, str(path), number, text.end_byte)
        if text.peek() == ",":
            text.position += 1


def _whole(path: Path) -> str:
    """All of the file: one object can't be read in parts."""
    pieces, size = [], 0
    for piece in chunks(path):
        pieces.append(piece)
        size += len(piece)
        if size > LONGEST_BYTES:
            raise too_long(path, Message("data.its-object"))
    return "".join(pieces)


def _read_list(path: Path, source: str) -> Iterator[RawRow]:
    """The items of a list; a list of turns is one conversation, as is each that follows it."""
    text, number = _Text(path), 0
    items = _items(text, path)
    for number, value in enumerate(items, start=1):
        if number == 1 and is_turn(value):
            yield RawRow({"messages": [value, *_turns(items, path)]}, source, str(path), 1, text.end_byte)
            yield from _read_values(text, path, source, number)
            return
        yield RawRow(_row(value, path, number), source, str(path), number, text.end_byte)
    if text.peek():
        raise _fault("data.not-json", path, number + 1, text.place(text.position), Message("data.list-goes-on"))


def _turns(items: Iterator[Any], path: Path) -> Iterator[Any]:
    """The rest of a list that begins with a turn."""
    for number, value in enumerate(items, start=2):
        if not is_turn(value):
            raise DataError("data.not-all-turns", path=path, item=number, example=_CONVERSATION)
        yield value


def _items(text: _Text, path: Path) -> Iterator[Any]:
    text.peek()
    text.position += 1
    number = 0
    while (character := text.peek()) != "]":
        number += 1
        if number > 1:
            if character != ",":
                said = Message("data.list-unparted") if character else Message("data.list-cut-off")
                raise _fault("data.not-json", path, number, text.place(text.position), said)
            text.position += 1
        try:
            value = text.item()
        except (ValueError, RecursionError) as error:
            raise _broken(path, number, text.place(getattr(error, "pos", text.position)), error) from None
        yield value
    text.position += 1


class _Text:
    """The file as a window that moves: a preview of a huge list reads its head only."""

    def __init__(self, path: Path) -> None:
        self._path, self._pieces = path, chunks(path)
        self._buffer = ""
        self._line, self._line_start = 1, 0
        self.position = 0
        self._bytes_read, self._bytes_a_character = 0, 1.0

    @property
    def end_byte(self) -> int:
        """About how many bytes of the file have been taken."""
        return self._bytes_read - round((len(self._buffer) - self.position) * self._bytes_a_character)

    def peek(self) -> str:
        """The next character that is not blank, without taking it; "" at the end of the file."""
        while True:
            while self.position < len(self._buffer):
                if self._buffer[self.position] not in _SPACE:
                    return self._buffer[self.position]
                self.position += 1
            if not self._fill():
                return ""

    def item(self) -> Any:
        """Take one JSON value. Raises JSONDecodeError with its place in the window."""
        self.peek()
        while True:
            try:
                value, self.position = DECODER.raw_decode(self._buffer, self.position)
                return value
            except json.JSONDecodeError as error:
                # Broken where more text follows; near the end of the window it may only be cut.
                is_open = error.msg.startswith("Unterminated string") or error.pos >= len(self._buffer) - _LONGEST_TOKEN
                if not is_open or not self._fill():
                    raise
            if len(self._buffer) - self.position > LONGEST_BYTES:
                raise too_long(self._path, self.place(self.position))

    def place(self, at: int) -> Message:
        """``at``, a place in the window, as line and column of the file."""
        line = self._line + self._buffer.count("\n", 0, at)
        last_break = self._buffer.rfind("\n", 0, at)
        column = at - (last_break + 1 if last_break >= 0 else self._line_start) + 1
        return _place(line, column)

    def _fill(self) -> bool:
        more = next(self._pieces, "")
        if not more:
            return False
        last_break = self._buffer.rfind("\n", 0, self.position)
        self._line += self._buffer.count("\n", 0, self.position)
        self._line_start = (last_break + 1 if last_break >= 0 else self._line_start) - self.position
        self._buffer = self._buffer[self.position :] + more
        self.position = 0
        size = len(more.encode())
        self._bytes_read += size
        self._bytes_a_character = size / len(more)
        return True


def _row(value: Any, path: Path, number: int) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if are_turns(value):
        return {"messages": value}
    raise DataError("data.no-object", path=path, row=number, reason=_kind(value), example=_ROW)


def _kind(value: Any) -> Message:
    if isinstance(value, list):
        return Message("data.is-list")
    if isinstance(value, str):
        return Message("data.is-text")
    if isinstance(value, bool):
        return Message("data.is-truth")
    return Message("data.is-number") if isinstance(value, (int, float)) else Message("data.is-null")


def _place(line: int, column: int) -> Message:
    return Message("data.line-column", line=line, column=column)


def _fault(code: str, path: Path, number: int, place: Message, reason: Message | str, **more: Any) -> DataError:
    return DataError(code, path=path, row=number, place=place, reason=reason, **more)


def _broken(path: Path, number: int, place: Message, error: Exception, text: str = "") -> DataError:
    """The error of row ``number``; ``text`` is all of it, where that is known, and may tell what it is instead."""
    if isinstance(error, RecursionError):
        return _fault("data.not-json", path, number, place, Message("data.too-deep"))
    if _is_json(text.removesuffix(",")):
        command = written_anew("sed 's/,[[:space:]]*$//'", path)
        return _fault("data.comma-after-row", path, number, place, Message("data.has-comma"), command=command)
    if python_value(text) is not None:
        read = "ast.literal_eval"
        convert = (
            f"json.dump({read}(sys.stdin.read()), sys.stdout)" if text.count("\n") or kind_of(path) == ".json"
            else f"[print(json.dumps({read}(line))) for line in sys.stdin]"
        )  # fmt: skip
        command = written_anew(f"python3 -c 'import ast, json, sys; {convert}'", path)
        return _fault("data.python-row", path, number, place, Message("data.is-python"), command=command)
    if text.startswith("{") and getattr(error, "pos", 0) >= len(text):
        return _fault("data.row-goes-on", path, number, place, Message("data.no-end"))
    said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    said = said.removesuffix(" at").removesuffix(" starting")
    return _fault("data.not-json", path, number, place, f"{said[:1].lower()}{said[1:]}")


def _is_json(text: str) -> bool:
    try:
        DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True
