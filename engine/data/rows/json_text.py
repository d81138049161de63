"""JSON as rows hold it: numbers keep the text that they have in the file, so that it is what is trained."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTED_NUMBER = re.compile(r'"-?[0-9][0-9.eE+-]*"')


class JsonNumber(str):
    """A number with a point or an exponent, as its text: 1e400, 1.10 and 1E5 are no float's."""

    __slots__ = ()


def _no_number(_name: str) -> None:
    """NaN and Infinity are not JSON, but common in exports: read as null."""


DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=JsonNumber)
"""Takes what exports hold beside JSON, and says where a text is broken."""
FAST = msgspec.json.Decoder(float_hook=JsonNumber)
"""Takes nothing but JSON, in a tenth of the time."""


def loads(text: str) -> Any:
    """The value that ``text`` is. Raises ValueError, and RecursionError for one that is nested too deeply."""
    return DECODER.decode(text)


def dumps(value: Any) -> str:
    """``value`` as JSON that any tokenizer takes, with its numbers as they were read.

    Raises ValueError when it is nested too deeply.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
        if _QUOTED_NUMBER.search(text):
            text = _written(value)
        return _SURROGATE.sub("\ufffd", text)
    except RecursionError:
        raise ValueError(value) from None


def _written(value: Any) -> str:
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)}: {_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)


def _key(key: Any) -> str:
    """As a key of an object, which is text there whatever it is here."""
    return json.dumps({key: 0}, ensure_ascii=False)[1:-4]
