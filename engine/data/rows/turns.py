"""From the lists of turns that rows hold to messages: who spoke, what was said, thought and called."""

from __future__ import annotations

import datetime
import decimal
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from engine.common.clean_text import clean
from engine.common.errors import DataError
from engine.data.rows import json_text
from engine.data.rows.fields import CALL_ROLES, CONTENT_KEYS, REASONING_KEYS, ROLE_KEYS, ROLE_NAMES, TURN_KEYS
from engine.data.rows.flags import mark_of, mark_of_turn
from engine.data.rows.messages import Message, ToolCall
from engine.data.rows.tools import BadCall, calls_in, calls_of, without_nulls
from engine.messages import message as codes

_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
_THOUGHT_PARTS = {"thinking": "thinking", "reasoning": "text"}
_CALL_PARTS = ("tool_use", "tool_result", "tool_call", "function_call", "server_tool_use", "function_call_output")
"""Anthropic's way to write calls, and OpenAI's in its Responses API."""
_SCALARS = (int, float, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta)

_NOTHING: tuple[Any, ...] = (None, "", [], {})

_AS_TEXT = codes.Message("rows.cure-text")
_CALL = '{"function": {"name": "...", "arguments": "{...}"}}'
_RESULT = '{"role": "tool", "content": "..."}'

Failed = Callable[[codes.Message, codes.Message], DataError]
"""Makes the error of a row from what is wrong and what to do."""


def listed(value: Any) -> Any:
    """A list that a table holds as JSON text; anything else as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json_text.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


class TurnReader:
    """Reads the turns of one row. ``tags`` are its own names for keys and roles (``engine.data.rows.fields.TAGS``).

    ``remarks`` are what is to be told of the row, by the code of the finding.
    """

    def __init__(self, failed: Failed, tags: Mapping[str, str]) -> None:
        self._failed = failed
        self.remarks: dict[str, codes.Message] = {}
        self._role_keys, self._content_keys, self._roles, self._call_roles = _names(tuple(sorted(tags.items())))

    def text(self, value: Any, name: str, turn: int = 0) -> str:
        """``value``, the field ``name`` of a turn or of the row (0), as text: scalars are written out, parts joined."""
        if value is None:
            return ""
        if isinstance(value, str):
            return str(value) if value.isascii() else _SURROGATE.sub("\ufffd", value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, _SCALARS):
            # A table's way to say that there is nothing is no answer.
            return "" if isinstance(value, float) and not math.isfinite(value) else str(value)
        if value == [] or _is_parts(value):
            return "".join(self._part(part, name, turn) for part in value)
        if isinstance(value, list):
            raise self._failed(codes.Message("rows.is-list", name=_named(name, turn)), _AS_TEXT)
        if isinstance(value, dict):
            raise self._failed(codes.Message("rows.is-object", name=_named(name, turn)), _AS_TEXT)
        said = codes.Message("rows.is-other", name=_named(name, turn), kind=type(value).__name__)
        raise self._failed(said, _AS_TEXT)

    def turns(self, value: Any, name: str) -> list[Message]:
        """Messages from a list of turns in any of the known manners."""
        value = listed(value)
        if not isinstance(value, list):
            raise self._failed(codes.Message("rows.no-turns", name=name), self._form())
        return [self._turn(turn, number) for number, turn in enumerate(value, start=1)]

    def _turn(self, turn: Any, number: int) -> Message:
        key = _first_held(turn, self._role_keys) if isinstance(turn, dict) else None
        if key is None:
            said = codes.Message("rows.turn-lacks-key", turn=number, key=self._role_keys[0])
            raise self._failed(said, self._form())
        said_by = str(turn[key]).strip().lower()
        role = self._roles.get(said_by)
        if role is None:
            shown = clean(str(turn[key])[:80], keep_newlines=False)[:40]
            raise self._failed(
                codes.Message("rows.unknown-role", turn=number, role=shown),
                codes.Message(
                    "rows.cure-role", setting=f'tags = {{assistant = "{shown}"}}', known=", ".join(self._roles)
                ),
            )
        content_key = _first_held(turn, self._content_keys) or self._content_keys[0]
        held = turn.get(content_key)
        if len(turn) == 2 and isinstance(held, str) and role != "tool" and said_by not in self._call_roles:
            return Message(role, self.text(held, content_key))  # nearly all turns are so
        untrained = self._mark(turn, role, number, (key, content_key))
        if role == "tool" and isinstance(held, (dict, list)) and (not _is_parts(held) or any(map(_is_bare, held))):
            held = self._result(held, number)
        content = self.text(held, content_key, number)
        if role == "tool":
            return Message(
                role, content, name=self._word(turn.get("name")), call_id=self._word(turn.get("tool_call_id")),
                untrained=untrained,
            )  # fmt: skip
        if role != "assistant":
            return Message(role, content, untrained=untrained)
        calls = self._calls(turn, number)
        if said_by in self._call_roles and not calls:
            calls = calls_in(content)
            content = "" if calls else content
        return Message(role, content, self._reasoning(turn, held, number), calls, untrained=untrained)

    def _mark(self, turn: Mapping[str, Any], role: str, number: int, read: tuple[str, str]) -> str:
        """The mark by which the turn says that it is not to be trained, "" for none; what else it holds is remarked."""
        untrained = ""
        for key, value in turn.items():
            if value in _NOTHING or key in read or key in TURN_KEYS or key in REASONING_KEYS:
                continue
            mark = mark_of_turn(key, value)
            if mark is None:
                self.remark("turn_keys", "rows.turn-has-key", turn=number, key=key[:40])
            elif mark.trains is False:
                untrained = untrained or mark.text
            elif mark.trains is None and role == "assistant":
                self.remark("unclear_marks", "rows.turn-says", turn=number, mark=mark.text)
            elif mark.trains and role != "assistant" and "weight" not in key.lower():
                self.remark("marked_questions", "rows.turn-says", turn=number, mark=mark.text)
        if untrained and role == "assistant":
            self.remark("untrained_turns", "rows.turn-says", turn=number, mark=untrained)
        return untrained

    def remark(self, finding: str, code: str, **args: Any) -> None:
        if finding not in self.remarks:
            self.remarks[finding] = codes.Message(code, **args)

    def filled(self, value: Any, code: str, **args: Any) -> Any:
        """``value`` without the nulls that a table gives it, which ``code`` remarks. Raises ValueError."""
        left = without_nulls(value)
        if left != value:
            self.remark("nulls", code, **args)
        return left

    def _calls(self, turn: Mapping[str, Any], number: int) -> tuple[ToolCall, ...]:
        held = turn.get("tool_calls") or turn.get("function_call")
        if not held:
            return ()
        try:
            return calls_of(self.filled(held, "rows.turn-has-nulls", turn=number))
        except BadCall as error:
            said = codes.Message("rows.call-unreadable", turn=number, reason=error.reason)
            raise self._failed(said, codes.Message("rows.cure-call", example=_CALL)) from None

    def _result(self, value: Any, number: int) -> str:
        """What a tool gave, when it is no text."""
        try:
            return json_text.dumps(self.filled(value, "rows.turn-has-nulls", turn=number))
        except (BadCall, ValueError) as error:
            said = error.reason if isinstance(error, BadCall) else codes.Message("rows.too-deep")
            raise self._failed(codes.Message("rows.turn-unreadable", turn=number, reason=said), _AS_TEXT) from None

    def _reasoning(self, turn: Mapping[str, Any], content: Any, number: int) -> str:
        for key in REASONING_KEYS:
            if turn.get(key):
                return self.text(turn[key], key, number)
        parts = content if isinstance(content, list) else []
        thoughts = [part[_THOUGHT_PARTS[part["type"]]] for part in parts if _is_thought(part)]
        return "\n".join(self.text(thought, "content", number) for thought in thoughts)

    def _part(self, part: Any, name: str, turn: int) -> str:
        """The text of a part of a content."""
        if isinstance(part, str):
            return self.text(part, name, turn)
        untrained = [mark for key, value in part.items() if (mark := mark_of(key, value)) and mark.trains is False]
        if untrained:
            self.remark("unclear_marks", "rows.part-says", name=_named(name, turn), mark=untrained[0].text)
        if _is_bare(part):
            return self.text(part["text"], name, turn)
        if part["type"] in _TEXT_PARTS:
            return self.text(part.get(_TEXT_PARTS[part["type"]]), name, turn)
        if _is_thought(part):
            return ""
        is_call = part["type"] in _CALL_PARTS
        cure = codes.Message("rows.cure-call-part", example=_RESULT) if is_call else codes.Message("rows.cure-media")
        said = codes.Message("rows.no-text-part", name=_named(name, turn), kind=part["type"][:40])
        raise self._failed(said, cure)

    def _word(self, value: Any) -> str:
        return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else ""

    def _form(self) -> codes.Message:
        return codes.Message("rows.cure-turns", role=self._role_keys[0], content=self._content_keys[0])


def _named(name: str, turn: int) -> codes.Message | str:
    return codes.Message("rows.of-turn", field=name, turn=turn) if turn else name


@cache
def _names(tags: tuple[tuple[str, str], ...]) -> tuple[Sequence[str], Sequence[str], Mapping[str, str], set[str]]:
    """The keys of roles and contents, what names of roles mean, and those that announce a call."""
    given = dict(tags)
    roles = ROLE_NAMES | {
        given[role].strip().lower(): "assistant" if role == "call" else role
        for role in ("system", "user", "assistant", "tool", "call")
        if role in given
    }
    return (
        (given["role"],) if "role" in given else ROLE_KEYS,
        (given["content"],) if "content" in given else CONTENT_KEYS,
        roles,
        {*CALL_ROLES, given.get("call", "").strip().lower()},
    )


def _first_held(turn: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    """The first of ``keys`` that holds something, else the first that is there: tables pad turns with nulls."""
    there = [key for key in keys if key in turn]
    return next((key for key in there if turn[key] not in _NOTHING), there[0] if there else None)


def _is_part(part: Any) -> bool:
    return isinstance(part, str) or _is_bare(part) or (isinstance(part, dict) and isinstance(part.get("type"), str))


def _is_bare(part: Any) -> bool:
    """Whether ``part`` is a text without its type, as Amazon's Converse and Google's Gemini write it."""
    return isinstance(part, dict) and isinstance(part.get("text"), str) and len(part) == 1


def _is_parts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_part, value)) and any(isinstance(part, dict) for part in value)


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in _THOUGHT_PARTS and _THOUGHT_PARTS[part["type"]] in part


def turn_manner(values: Sequence[Any], tags: Mapping[str, str]) -> str | None:
    """Whether ``values`` are lists of turns: "messages" in OpenAI's manner, "sharegpt" in any other, None if not."""
    for value in map(listed, values):
        if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
            return None
        if not value:
            continue
        turn = {key: held for key, held in value[0].items() if held is not None}
        if "role" in turn and not tags.get("role") and ("content" in value[0] or "tool_calls" in value[0]):
            return "messages"
        if tags.get("role") in turn or ("from" in turn and "value" in turn):
            return "sharegpt"
        key = next((key for key in ROLE_KEYS if str(turn.get(key)).strip().lower() in ROLE_NAMES), None)
        return "sharegpt" if key is not None and any(key in turn for key in CONTENT_KEYS) else None
    return None
