"""A text for people as a code with named arguments: what travels through logs, files and processes."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\.[a-z][a-z0-9]*(-[a-z0-9]+)*")
LITERAL = "literal"
"""Code of a text that is none of ours: a library's own words, a sentence of an old log."""


@dataclass(frozen=True, init=False, repr=False)
class Message:
    """``Message("data.unknown-format", path=path, row=3)``: the entry ``unknown-format`` of ``data.ftl``.

    Arguments are raw values: bytes, seconds, shares of 0 to 1, counts, names. Also Messages and lists of them. A path
    becomes its text, a number that is not finite the text "NaN", "inf" or "-inf": JSON has none. Two are equal when
    code and arguments are. msgspec reads and writes it as ``{"code": …, "args": {…}}``, as ``as_json`` does.
    """

    code: str
    args: dict[str, Any]

    def __init__(self, code: str, /, **args: Any) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "args", args)
        self.__post_init__()

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", {name: _plain(value) for name, value in self.args.items()})

    @classmethod
    def literal(cls, text: str, **parts: str) -> Self:
        """Text that is no code; ``parts`` are what attributes are of an entry: ``message=``, ``hint=``."""
        return cls(LITERAL, text=text, **parts)

    @classmethod
    def from_json(cls, value: Any) -> Message:
        """The message that ``as_json`` wrote; any other value, as in old logs, as a literal text."""
        found = _plain(value)
        return found if isinstance(found, Message) else cls.literal(str(value))

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "args": {name: _as_json(value) for name, value in self.args.items()}}

    def with_args(self, **more: Any) -> Message:
        """The same code with ``more`` arguments."""
        return Message(self.code, **{**self.args, **more})

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.args.items(), key=lambda item: item[0]))))

    def __repr__(self) -> str:
        return f"Message({', '.join([repr(self.code), *(f'{k}={v!r}' for k, v in self.args.items())])})"


def is_code(text: str) -> bool:
    """Whether ``text`` has the form of a code, ``room.kebab-id``."""
    return _CODE.fullmatch(text) is not None


def _plain(value: Any) -> Any:
    """``value`` as what an argument may be: text, a number, true or false, None, a Message, a tuple of them."""
    if value is None or isinstance(value, (str, bool, Message)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else "NaN" if math.isnan(number) else f"{number}"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, dict):
        if value.keys() == {"code", "args"} and isinstance(value["args"], dict):
            return Message(str(value["code"]), **value["args"])
        return str(value)
    if isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        return tuple(_plain(item) for item in value)
    return str(value)


def _as_json(value: Any) -> Any:
    if isinstance(value, Message):
        return value.as_json()
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value
