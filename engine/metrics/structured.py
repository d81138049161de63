"""Scores of answers that a program reads: JSON, numbers, calls of tools. Each gives a score for one answer, 0 to 1."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

_FENCE = re.compile(r"```[\w-]*\s*\n?(.*?)```", re.DOTALL)
_DIGITS = (
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![,\d])|\d{1,3}(?:\.\d{3})+,\d+(?![.,]?\d)|\d{1,3}(?:\.\d{3}){2,}(?![.,]?\d)"
    r"|(?<!\d,)\d+[.,]\d+(?![.,]?\d)|\d+|\.\d+)(?:[eE][-+]?\d{1,3}(?![\w.]))?"
)
"""1,234.5, then 1.234,5, then 1.234.567, then 3.5 or 3,5, then a whole number."""
_NUMBER = re.compile(rf"(?<![A-Za-z_\d.])[-+]?{_DIGITS}(?:\s*/\s*{_DIGITS})*")
_BLANK_BETWEEN = re.compile("(?<=\\d)[\u00a0\u202f\u2009'’](?=\\d{3})")
_SIGN_BEFORE_MONEY = re.compile("([-+])[$\u00a2-\u00a5\u20a0-\u20cf](?=[\\d.])")
_BARE = re.compile(rf"[-+]?{_DIGITS}")
_FRACTION = re.compile("(\\d?)([\u00bc-\u00be\u2150-\u215e])")
_CODE = re.compile(r"[-+]?0\d")
_BOXED = re.compile(r"\\boxed\s*\{([^{}]*)\}")
_MOST_DIGITS = 400
_FUNCTION = re.compile(r"<function=([^>\s]+)>(.*?)</function>", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_OF_CALLS = frozenset(("name", "arguments", "parameters", "id", "call_id", "type", "index", "thought", "reasoning"))
_NONE = object()


def json_of(text: str) -> Any:
    """The JSON that the whole of ``text`` is. Raises ValueError; NaN and Infinity are no JSON."""
    try:
        return json.loads(text, parse_constant=_refused)
    except RecursionError:
        raise ValueError("nested too deep") from None


def is_record(text: str) -> bool:
    """Whether the whole of ``text`` is a JSON object or list."""
    return isinstance(_json(text), (dict, list))


def is_wrapped(text: str) -> bool:
    """Whether JSON stands in a code fence, or an object among words: a person can read it, a program does not."""
    if is_record(text):
        return False
    fenced = _FENCE.search(text)
    if fenced and is_record(fenced[1].strip()):
        return True
    return any(isinstance(value, dict) and value for value in _values_in(text))


def json_valid(answer: str, reference: str) -> float | None:
    """Whether the whole answer is JSON: in a code fence, or with words around it, it is not."""
    return None if _json(reference) is _NONE else float(_json(answer) is not _NONE)


def json_keys(answer: str, reference: str) -> float | None:
    """F1 of the keys, those of objects inside others by their path: 1 where none is missing and none too much."""
    return _overlap(answer, reference, lambda value: Counter(path for path, _ in _leaves(value)))


def json_values(answer: str, reference: str) -> float | None:
    """F1 of the fields: those whose key and value are right, of those that are there. 0 for what is no JSON."""
    return _overlap(answer, reference, lambda value: Counter(_leaves(value)))


def json_exact(answer: str, reference: str) -> float | None:
    """Whether the answer is the same JSON. The order of keys does not count, that of lists does; 1 is 1.0."""
    wanted, given = _json(reference), _json(answer)
    if wanted is _NONE:
        return None
    return float(given is not _NONE and list(_sorted_leaves(given)) == list(_sorted_leaves(wanted)))


def number_in(text: str) -> Fraction | None:
    """The number that an answer ends with: behind ``####``, in the last ``\\boxed{}``, else the last one in it.

    1,234.50 is 1234.5, 3,5 is 3.5, 1.234,5 is 1234.5; currency, units and the sign of percent do not count; 1/2 is
    0.5. None where there is no number.
    """
    plain = _plain_digits(text)
    if "####" in plain:
        return next((found for found in _numbers(plain.rpartition("####")[2])), None)
    boxed = _BOXED.findall(plain)
    last = None
    for found in _numbers(boxed[-1] if boxed else plain):
        last = found
    return last


def is_bare_number(text: str) -> bool:
    """Whether a number is all there is, but for a currency's sign, percent and a full stop.

    Groups of digits with blanks between them (a telephone's, 1 234) and codes that begin with 0 are none: they would be
    compared by less than they say.
    """
    kept = "".join(char for char in _plain_digits(text) if unicodedata.category(char) != "Sc" and char != "%")
    kept = kept.strip().rstrip(".").rstrip()
    return _BARE.fullmatch(kept) is not None and not _CODE.match(kept)


def is_marked_number(text: str) -> bool:
    """Whether an answer ends in a number behind ``####`` on its last line, or has one in ``\\boxed{}``."""
    before, mark, last = text.rstrip().rpartition("####")
    is_last_line = bool(mark) and "\n" not in last and not before.endswith("#")
    return (is_last_line or (not mark and "\\boxed" in text)) and number_in(text) is not None


def exact_number(answer: str, reference: str) -> float | None:
    """Whether both end with the same number; None where the reference has none."""
    wanted = number_in(reference)
    return None if wanted is None else float(number_in(answer) == wanted)


def calls_in(text: str) -> list[tuple[str, str]]:
    """The calls of tools in an answer: name and arguments, these as JSON with sorted keys.

    Found are objects with ``name`` and ``arguments`` or ``parameters`` wherever they stand (bare, in tags, in a list),
    and ``<function=NAME>`` with ``<parameter=KEY>`` or JSON within.
    """
    found = [call for value in _values_in(text) for call in _calls(value)]
    for name, inner in _FUNCTION.findall(text[: text.rfind("</function>") + len("</function>")]):
        given = {key: _typed(value) for key, value in _PARAMETER.findall(inner)}
        found.append((name, _canonical(given or inner.strip() or {})))
    return found


def is_call(text: str) -> bool:
    """Whether a text calls tools. A record with more fields than a call has is none: their values would not count."""
    return bool(calls_in(text)) and not any(_is_more_than_a_call(value) for value in _values_in(text))


def tool_name(answer: str, reference: str) -> float:
    """Whether the tools that are called are the right ones, in any order; where none is to be, that none is."""
    return float(Counter(name for name, _ in calls_in(answer)) == Counter(name for name, _ in calls_in(reference)))


def tool_arguments(answer: str, reference: str) -> float:
    """Whether all calls are right, names and arguments; the order of calls and of keys does not count."""
    return float(Counter(calls_in(answer)) == Counter(calls_in(reference)))


def _plain_digits(text: str) -> str:
    """``text`` with plain digits and signs: 1234 for 1'234, -5 for -$5, 1/2 for ½, 2.5 for 2½."""
    written = _FRACTION.sub(_decimal, _BLANK_BETWEEN.sub("", text))
    plain = unicodedata.normalize("NFKC", written).replace("−", "-").replace("\u2044", "/")
    return _SIGN_BEFORE_MONEY.sub(r"\1", plain)


def _decimal(found: re.Match[str]) -> str:
    """What 2½ is: 2.5; a fraction alone stays as it is."""
    return found[1] + f"{unicodedata.numeric(found[2]):g}".removeprefix("0") if found[1] else found[0]


def _refused(name: str) -> Any:
    raise ValueError(name)


def _json(text: str) -> Any:
    try:
        return json_of(text)
    except ValueError:
        return _NONE


def _overlap(answer: str, reference: str, parts: Any) -> float | None:
    wanted, given = _json(reference), _json(answer)
    if wanted is _NONE:
        return None
    if given is _NONE:
        return 0.0
    left, right = parts(given), parts(wanted)
    return float(2 * (left & right).total() / (left.total() + right.total()))


def _leaves(value: Any) -> Iterator[tuple[str, str]]:
    """Path and value of all that holds nothing more; the value as text that tells 1 from true and from "1"."""
    waiting = [("", value)]
    while waiting:
        at, each = waiting.pop()
        if isinstance(each, dict) and each:
            waiting += [(f"{at}/{json.dumps(key)}", inner) for key, inner in each.items()]
        elif isinstance(each, list) and each:
            waiting += [(f"{at}/{index}", inner) for index, inner in enumerate(each)]
        else:
            yield at, _plain(each)


def _sorted_leaves(value: Any) -> list[tuple[str, str]]:
    return sorted(_leaves(value))


def _plain(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _numbers(text: str) -> Iterator[Fraction]:
    for found in _NUMBER.finditer(text):
        parts = [_read(part.strip()) for part in found[0].split("/")]
        if len(parts) == 2 and parts[0] is not None and parts[1]:
            parts = [parts[0] / parts[1]]
        yield from (part for part in parts if part is not None)  # of 3/4/2020 each is one


def _read(written: str) -> Fraction | None:
    mantissa = re.split("[eE]", written)[0]
    if len(mantissa) > _MOST_DIGITS:
        return None
    comma, point = mantissa.rfind(","), mantissa.rfind(".")
    grouped = re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", mantissa)
    if comma > point >= 0 or mantissa.count(".") > 1:  # 1.234,5 and 1.234.567
        written = written.replace(".", "").replace(",", ".")
    elif comma >= 0 and not grouped:  # 3,5
        written = written.replace(",", ".")
    return Fraction(written.replace(",", ""))


def _values_in(text: str) -> Iterator[Any]:
    """The JSON objects and lists that stand in ``text``, outermost ones."""
    decoder, at = json.JSONDecoder(), 0
    for _ in range(1000):  # a text of nothing but brackets is not read for ever
        opening = re.compile(r"[{\[]").search(text, at)
        if opening is None:
            return
        try:
            value, at = decoder.raw_decode(text, opening.start())
            yield value
        except RecursionError:
            return
        except ValueError:
            at = opening.start() + 1


def _calls(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _calls(each)
    elif isinstance(value, dict):
        if isinstance(value.get("function"), dict):
            value = value["function"]
        given = value.get("arguments", value.get("parameters", _NONE))
        if isinstance(value.get("name"), str) and given is not _NONE:
            yield value["name"], _canonical(given)


def _is_more_than_a_call(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_more_than_a_call, value))
    return isinstance(value, dict) and "name" in value and not value.keys() <= _OF_CALLS


def _canonical(arguments: Any) -> str:
    """Arguments as JSON text with sorted keys, whether they came as an object or as its text."""
    if isinstance(arguments, str):
        inner = _json(arguments)
        arguments = arguments if inner is _NONE else inner
    return json.dumps(sorted(_leaves(arguments)), ensure_ascii=False)


def _typed(text: str) -> Any:
    value = _json(text)
    return text if value is _NONE else value
