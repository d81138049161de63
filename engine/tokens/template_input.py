"""What a chat template is given: tools, calls and reasoning in its own form where it has one, else as text.

What a template can do is found by giving it a short dialogue and looking for its words in the result: names of
variables in the template would not tell whether they are written out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.data.rows.messages import Message

Turns = list[dict[str, Any]]
Render = Callable[[Turns, "list[Any] | None"], str]
"""Renders turns with tools; raises whatever the template raises."""

TOOLS_AS_TEXT = 'You may call these functions. To call one, answer with JSON: {"name": ..., "arguments": {...}}'
_REASONING_KEYS = ("reasoning_content", "thinking", "reasoning")
_OPEN, _CLOSE = "<think>", "</think>"
# Mistral's templates take identities of nine letters and digits, and no others.
_IDENTITY = "call{:05}"
_STAND_IN = "7.3190562"
_NAME, _VALUE, _RESULT, _THOUGHT = "probe_function", "probe_value", "probe_result", "probe_thought"
_SCHEMA = {
    "type": "function",
    "function": {
        "name": _NAME,
        "description": "A probe.",
        "parameters": {"type": "object", "properties": {"key": {"type": "string", "description": "A key."}}},
    },
}


@dataclass(frozen=True)
class Abilities:
    """What a template writes out: ``tools``, ``calls`` ("" where it does not, else how arguments are given to it),
    messages of the role ``tool``, and reasoning under the key ``reasoning`` ("" for none).
    """

    tools: bool
    calls: Literal["", "object", "text"]
    needs_ids: bool
    tool_role: bool
    reasoning: str


def abilities(render: Render) -> Abilities:
    """Try the template out. It may raise anything: that counts as "can't"."""

    def says(turns: Turns, *words: str, tools: list[Any] | None = None) -> bool:
        try:
            text = render(turns, tools)
        except Exception:  # a template is a program of the model's
            return False
        return all(word in text for word in words)

    asked: dict[str, Any] = {"role": "user", "content": "Hello."}
    done: dict[str, Any] = {"role": "assistant", "content": "Done."}
    forms: tuple[tuple[Literal["object", "text"], bool], ...] = (
        ("object", False), ("object", True), ("text", False), ("text", True),
    )  # fmt: skip
    calls: Literal["", "object", "text"] = ""
    needs_ids = False
    for form, with_ids in forms:
        arguments: Any = {"key": _VALUE} if form == "object" else json.dumps({"key": _VALUE})
        call = _call(_NAME, arguments, _IDENTITY.format(0) if with_ids else "")
        turns = [asked, {"role": "assistant", "content": "", "tool_calls": [call]}]
        answered = [*turns, {"role": "tool", "content": _RESULT, "tool_call_id": _IDENTITY.format(0)}, done]
        if says(answered, _NAME, _VALUE) or says(turns, _NAME, _VALUE):
            calls, needs_ids = form, with_ids
            break
    return Abilities(
        tools=says([asked], _NAME, tools=[_SCHEMA]),
        calls=calls,
        needs_ids=needs_ids,
        tool_role=_takes_results(render, turns if calls else [asked, done], done),
        reasoning=next(
            (key for key in _REASONING_KEYS if says([asked, {**done, key: _THOUGHT}], _THOUGHT, "Done.")), ""
        ),
    )


def _takes_results(render: Render, before: Turns, after: dict[str, Any]) -> bool:
    """Whether a tool's message is written out, and not as if the assistant had said it."""
    result = {"content": _RESULT, "tool_call_id": _IDENTITY.format(0), "name": _NAME}
    try:
        text = render([*before, {"role": "tool", **result}, after], None)
    except Exception:  # as above
        return False
    try:
        as_answer = render([*before, {"role": "assistant", **result}, after], None)
    except Exception:  # as above; so it is told apart
        as_answer = ""
    return _RESULT in text and text != as_answer


class TemplateInput:
    """Turns messages into what the template of ``render`` takes. It is tried out when a row first needs it."""

    def __init__(self, render: Render) -> None:
        self._render = render
        self._found: Abilities | None = None
        self._numbers: dict[str, str] = {}

    @property
    def abilities(self) -> Abilities:
        if self._found is None:
            self._found = abilities(self._render)
        return self._found

    def make(self, messages: Sequence[Message], tools: Sequence[str] = ()) -> tuple[Turns, list[Any] | None]:
        """The turns and the tools to render; ``tools`` are JSON texts.

        Of the first n messages it makes the first n turns: what a prompt begins with stays when the answer is there.
        Of what is rendered from them the numbers are to be ``written``.
        """
        self._numbers.clear()
        identities = _Identities()
        turns = [self._turn(message, identities) for message in messages]
        if not tools:
            return turns, None
        if self.abilities.tools:
            return turns, [self._value(tool) for tool in tools]
        return _told(turns, "\n".join((TOOLS_AS_TEXT, *tools))), None

    def written(self, text: str) -> str:
        """``text``, rendered from what was made last, with its numbers as the row has them."""
        for stand_in, number in self._numbers.items():
            text = text.replace(stand_in, number)
        return text

    def _value(self, text: str) -> Any:
        """The JSON value ``text``; in place of numbers that Python would write otherwise (1.10, 1e400) stand others."""

        def number(written: str) -> float:
            value = float(written)
            if repr(value) == written:
                return value
            stand_in = float(f"{_STAND_IN}{len(self._numbers) + 10_000}e-300")
            self._numbers[repr(stand_in)] = written
            return stand_in

        return json.loads(text, parse_float=number)

    def _turn(self, message: Message, identities: _Identities) -> dict[str, Any]:
        if message.role == "tool":
            return self._result(message, identities)
        turn: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.role != "assistant":
            return turn
        if message.reasoning or message.content.lstrip().startswith(_OPEN):
            turn |= self._thought(message)
        if message.calls and self.abilities.calls:
            turn["tool_calls"] = [
                _call(
                    call.name, call.arguments if self.abilities.calls == "text" else self._value(call.arguments),
                    identities.new(call.id) if self.abilities.needs_ids else call.id,
                )
                for call in message.calls
            ]  # fmt: skip
        elif message.calls:
            turn["content"] = "\n".join(part for part in (turn["content"], *(c.text for c in message.calls)) if part)
        return turn

    def _thought(self, message: Message) -> dict[str, str]:
        """Content and reasoning apart where the template wants them so, else in one text as the row has it."""
        key = self.abilities.reasoning
        if not key:
            return {"content": message.thought}
        if message.reasoning:
            return {key: message.reasoning}
        thought, closed, said = message.content.lstrip().removeprefix(_OPEN).partition(_CLOSE)
        return {key: thought.strip("\n"), "content": said.lstrip("\n")} if closed else {}

    def _result(self, message: Message, identities: _Identities) -> dict[str, Any]:
        if not self.abilities.tool_role:
            return {"role": "user", "content": message.content}
        turn = {"role": "tool", "content": message.content}
        identity = identities.answered(message.call_id) if self.abilities.needs_ids else message.call_id
        extras = {"name": message.name, "tool_call_id": identity}
        return turn | {key: value for key, value in extras.items() if value}


class _Identities:
    """Numbers the calls of a dialogue in order, and says which one a result belongs to."""

    def __init__(self) -> None:
        self._made: list[str] = []
        self._known: dict[str, str] = {}
        self._results = 0

    def new(self, own: str) -> str:
        made = _IDENTITY.format(len(self._made))
        self._made.append(made)
        if own:
            self._known[own] = made
        return made

    def answered(self, own: str) -> str:
        """The call with the identity ``own``; without one, the first that has no result yet."""
        at, self._results = self._results, self._results + 1
        if own in self._known:
            return self._known[own]
        return self._made[min(at, len(self._made) - 1)] if self._made else _IDENTITY.format(at)


def _call(name: str, arguments: Any, identity: str) -> dict[str, Any]:
    call: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return call | ({"id": identity} if identity else {})


def _told(turns: Turns, text: str) -> Turns:
    """``turns`` with ``text`` in the system message, or before what the user says first."""
    at = next((index for index, turn in enumerate(turns) if turn["role"] in ("system", "user")), None)
    if at is None:
        return turns
    parts = (turns[at]["content"], text) if turns[at]["role"] == "system" else (text, turns[at]["content"])
    return [*turns[:at], {**turns[at], "content": "\n\n".join(part for part in parts if part)}, *turns[at + 1 :]]
