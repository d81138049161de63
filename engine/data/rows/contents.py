"""Columns with a name that is known and a content that is not: what is wrong with it, and what mends it."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.common.clean_text import clean, shorten
from engine.common.errors import DataError
from engine.common.shell import written_anew
from engine.data.rows.fields import CONTENT_KEYS, FIELDS, ROLE_KEYS, ROLE_NAMES, TURN_NAMES
from engine.data.rows.turns import listed, turn_manner
from engine.messages.message import Message

_LONGEST_PYTHON = 1 << 20
_SHOWN = 40
_TEXT_NAMES = FIELDS["text"]["text"][1]
_PRINTED_TURNS = re.compile(r"\s*(array\()?\[\{'(role|from|content|value)': ")
_TURNS = '{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'
_ASKED, _ANSWERED = '{"role": "user", "content": INPUT}', '{"role": "assistant", "content": OUTPUT}'


def python_value(text: str) -> list[Any] | dict[Any, Any] | None:
    """The list or dict that ``text`` is as Python prints it, and not as JSON; None for any other text."""
    if text[:1] not in ("{", "[") or len(text) > _LONGEST_PYTHON:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (list, dict)) and _parsed(text) is None else None


def refuse_unknown(found: Mapping[str, list[Any]], file: str) -> None:
    """Raise DataError for columns ``found`` of ``file`` that can't be read, although they are called like turns.

    So are rows of one turn each, and texts that are Python's print of a list: none of them is plain text.
    """
    _refuse_single_turns(found, file)
    for name, values in found.items():
        is_nested = any(isinstance(value, (list, dict)) for value in values)
        if values and (name.strip().lower() in TURN_NAMES or (is_nested and name.strip().lower() in _TEXT_NAMES)):
            if all(listed(value) in ("", [], {}) for value in values):
                raise _without_turns(found, name, file)
            what, cure = _of_turns(name, values, file)
            raise DataError("rows.no-list-of-turns", path=file, column=_short(name), what=what, cure=cure)


def refuse_printed(found: Mapping[str, list[Any]], name: str, file: str) -> None:
    """Raise DataError where all that the column ``name`` holds is lists or dicts as Python prints them."""
    if found[name] and all(isinstance(value, str) and _looks_printed(value) for value in found[name]):
        columns = f"columns = {{text = {json.dumps(name)}}}"
        convert = _convert(name, found[name], file)
        raise DataError("rows.printed-lists", path=file, column=_short(name), columns=columns, convert=convert)


def refuse_printed_turns(found: Mapping[str, list[Any]], name: str, file: str) -> None:
    """The same for turns only: other objects may be what a model is to answer with."""
    if found[name] and all(isinstance(value, str) and _PRINTED_TURNS.match(value) for value in found[name]):
        convert = _convert(name, found[name], file)
        raise DataError("rows.printed-turns", path=file, column=_short(name), convert=convert)


def _refuse_single_turns(found: Mapping[str, list[Any]], file: str) -> None:
    names = {name.strip().lower(): name for name in found}
    role = next((names[key] for key in ROLE_KEYS if key in names and _are_roles(found[names[key]])), None)
    content = next((names[key] for key in CONTENT_KEYS if key in names and names[key] != role), None)
    if role is not None and content is not None:
        raise DataError(
            "rows.single-turns", path=file, role=_short(role), content=_short(content), example=_TURNS
        )  # fmt: skip


def _are_roles(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, str) and each.strip().lower() in ROLE_NAMES for each in values)


def _without_turns(found: Mapping[str, list[Any]], name: str, file: str) -> DataError:
    """The refusal of turns that are empty in every row, with the mapping of the text beside them where there is one."""
    texts = [each for each, values in found.items() if each.strip().lower() in _TEXT_NAMES and any(values)]
    if not texts:
        return DataError("rows.turns-all-empty", path=file, column=_short(name), example=_TURNS)
    columns = f"columns = {{text = {json.dumps(texts[0])}}}"
    return DataError(
        "rows.turns-all-empty-beside", path=file, column=_short(name), text=_short(texts[0]), columns=columns
    )


def _of_turns(name: str, values: Sequence[Any], file: str) -> tuple[Message, Message]:
    """What stands in a column of turns instead of turns, and what to do."""
    write_turns = Message("rows.write-turns", example=_TURNS)
    first = next((value for value in map(listed, values) if value not in ("", [], {})), None)
    if isinstance(first, str) and isinstance(inner_value := _parsed(first), dict):
        return Message("rows.json-object", keys=_keys(inner_value)), write_turns
    if isinstance(first, str):
        if _looks_printed(first):
            return Message("rows.lists-as-printed"), _convert(name, values, file)
        return Message("rows.only-text", words=shorten(first, _SHOWN)), write_turns
    if isinstance(first, dict):
        inner = next((key for key, value in first.items() if turn_manner([value], {})), None)
        if inner is None:
            return Message("rows.one-object"), write_turns
        return Message("rows.object-with-turns", key=_short(inner)), _unwrap(name, inner, file)
    turns = first if isinstance(first, list) else []
    turn = turns[0] if turns else None
    if not isinstance(turn, dict):
        return Message("rows.no-speakers"), Message("rows.write-speakers", example=_TURNS)
    inner = next((str(key) for key, value in turn.items() if turn_manner([value], {})), None)
    if inner is not None:
        several = Message("rows.several-conversations", key=_short(inner))
        return several, Message("rows.write-one-conversation", example=_TURNS)
    if all(str(key).strip().lower() in ROLE_NAMES for key in turn):
        return Message("rows.texts-by-speaker", keys=_keys(turn)), Message("rows.write-each-turn", example=_TURNS)
    if {"input", "output"} <= set(turn):
        return Message("rows.pairs"), Message("rows.write-pairs", asked=_ASKED, answered=_ANSWERED)
    return Message("rows.turns-with-keys", keys=_keys(turn)), Message("rows.name-keys", setting=_tags(turns))


def _keys(value: Mapping[str, Any]) -> list[str]:
    return [_short(str(key)) for key in list(value)[:6]]


def _tags(turns: Sequence[Any]) -> str:
    """The tags that read such turns, as far as their keys tell: what is said is the longest text of a turn."""
    texts = {
        str(key): [turn[key] for turn in turns if isinstance(turn, dict) and isinstance(turn.get(key), str)]
        for key in turns[0]
    }
    ranked = sorted((key for key in texts if texts[key]), key=lambda key: sum(map(len, texts[key])))
    role, content = (ranked[0], ranked[-1]) if len(ranked) > 1 else ("...", "...")
    said_by = list(dict.fromkeys(texts.get(role, [])))
    names = [name for name in said_by if name.strip().lower() not in ROLE_NAMES] if len(said_by) == 2 else []
    roles = "".join(f', {ours} = "{_short(name)}"' for ours, name in zip(("user", "assistant"), names, strict=False))
    return f'tags = {{role = "{_short(role)}", content = "{_short(content)}"{roles}}}'


def _looks_printed(text: str) -> bool:
    """Whether ``text`` is what Python, or numpy between its brackets, prints of a list of objects."""
    bare = text.strip()
    return bare.startswith(("[{'", "{'", "array([{'")) or python_value(bare) is not None


def _convert(name: str, values: Sequence[Any], file: str) -> Message:
    """How to make lists of the texts in column ``name``."""
    again = Message("rows.write-again")
    if not all(isinstance(value, str) and python_value(value.strip()) is not None for value in values):
        return again
    rows = {
        ".csv": 'csv.DictReader(open(0, encoding="utf-8-sig", newline=""))', ".jsonl": "map(json.loads, sys.stdin)",
    }.get(Path(file).suffix.lower())  # fmt: skip
    if rows is None:
        return again
    key = json.dumps(name)
    row = f"{{**r, {key}: ast.literal_eval(r[{key}])}}"
    code = f"import ast, csv, json, sys; csv.field_size_limit(2**30); [print(json.dumps({row})) for r in {rows}]"
    return Message("rows.convert-by", command=_command(code, file))


def _unwrap(name: str, inner: str, file: str) -> Message:
    if Path(file).suffix.lower() != ".jsonl":
        return Message("rows.take-out", example=_TURNS)
    outer, key = json.dumps(name), json.dumps(inner)
    row = f"{{**r, {outer}: r[{outer}][{key}]}}"
    code = f"import json, sys; [print(json.dumps({row})) for r in map(json.loads, sys.stdin)]"
    return Message("rows.take-out-by", command=_command(code, file))


def _command(code: str, file: str) -> str:
    return written_anew(f"python3 -c {shlex.quote(code)}", file, suffix=".jsonl")


def _parsed(text: str) -> Any:
    """The value that ``text`` is as JSON; None for none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(name: str) -> str:
    return clean(name[:200], keep_newlines=False)[:_SHOWN]
