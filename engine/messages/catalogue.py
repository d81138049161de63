"""Sentences from codes: reads the catalogues (``en/data.ftl`` holds the codes ``data.…``) and puts the arguments in.

Fluent's runtime costs 45 ms to import and a quarter of a millisecond a message to parse, and the first frame has
0.28 s. So a file is cut into its entries at column 0 when a code of its room is first asked, and an entry of plain
text and simple placeables (``{ $name }``, ``{ GIB($free) }``) is put together here. Selectors, terms, references and
literals go to fluent.runtime, imported only then. A test proves that both give the same text for every entry.

Arguments are cleaned here: whatever a file name, a row or a model brings, no control character and no line break gets
into a sentence. Markup of a screen library is the screen's own to mind.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from engine.common.clean_text import clean
from engine.messages import formats, language
from engine.messages.message import LITERAL, Message

STRICT = "TUNEDECK_STRICT_CODES"
"""Environment variable of the tests: a missing code or argument is an error, where a person would see the code."""
_FOLDER = Path(__file__).parent
_OPTION = r'(?:[a-z]+:\s*)?(?:"[^"\\{}]*"|-?\d+)'
_SIMPLE = re.compile(rf"\{{\s*(?:\$(\w+)|([A-Z]+)\(\s*\$(\w+)\s*((?:,\s*{_OPTION}\s*)*)\))\s*\}}")
_OPTIONS = re.compile(r'(?:([a-z]+):\s*)?(?:"([^"]*)"|(-?\d+))')
_ENTRY = re.compile(r"^(-?[a-zA-Z][\w-]*)\s*=", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^[ ]+\.([a-zA-Z][\w-]*)[ ]*=", re.MULTILINE)
_CHINESE_MEETS_LATIN = re.compile(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9%][\u4e00-\u9fff]")
_LONGEST = 2000  # Fluent's runtime refuses a placeable of more than 2,500 characters


class CatalogueError(LookupError):
    """A code or an argument that is not there; only tests meet it."""


class _Placeable(NamedTuple):
    function: str  # "" shows the argument by itself
    argument: str
    options: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]


Pattern = tuple[str | _Placeable, ...]


def text(message: Message | str, /, **args: Any) -> str:
    """The sentence of a message, or of a code with its arguments, in this process's language.

    Of an error that is its title. A code without a text is shown as it is; it never raises, except in tests.
    """
    return render(message if isinstance(message, Message) else Message(message, **args), "", language.current())


def part(message: Message, name: str) -> str:
    """An attribute of the entry, such as ``hint``; "" where it has none."""
    return render(message, name, language.current())


def described(code: str, english: str, name: str = "") -> str:
    """``english``, which stands at what it describes, or what the language of the process has for ``code``."""
    spoken = language.current()
    known = spoken != next(iter(language.LANGUAGES)) and _entry(spoken, code) is not None
    return render(Message(code), name, spoken) if known else english


def paragraph(message: Message) -> str:
    """All of an error in one paragraph: "No such file: rows.jsonl. Check the path."."""
    return _paragraph(message, language.current())


def codes(spoken: str) -> dict[str, str]:
    """Every code of a language's catalogue with the text of its entry as it stands in the file."""
    files = sorted((_FOLDER / spoken).glob("*.ftl"))
    return {f"{file.stem}.{name}": raw for file in files for name, raw in _entries(spoken, file.stem).items()}


def room(name: str) -> list[str]:
    """The codes of one room, in the language of the process, in the order of its file."""
    return [f"{name}.{each}" for each in _entries(language.current(), name)]


def render(message: Message, part: str, spoken: str) -> str:
    """Value (``part`` "") or attribute of ``message`` in the language ``spoken``, else in the first of all."""
    if message.code == LITERAL:
        return clean(str(message.args.get(part or "text", "")))
    for each in (spoken, next(iter(language.LANGUAGES))):
        entry = _entry(each, message.code)
        if entry is not None:
            pattern = entry.parts.get(part)
            if pattern is None:
                return _by_fluent(message, part, each) if part in entry.others else ""
            pieces = [item if isinstance(item, str) else _filled(item, message, each) for item in pattern]
            return _spaced(pieces) if each == "zh" else "".join(pieces)
    if part:
        return ""
    _complain(f"no text for the code {message.code}")
    return message.code


@dataclass(frozen=True)
class _Entry:
    """The parts ("" for the value, else the attribute) that are simple, and the names of the others."""

    parts: Mapping[str, Pattern]
    others: frozenset[str]


@functools.cache
def _entries(spoken: str, room: str) -> dict[str, str]:
    """A catalogue file's entries by their ids, as they are written; {} where there is no such file."""
    try:
        source = (_FOLDER / spoken / f"{room}.ftl").read_text("utf-8")
    except (OSError, ValueError):
        return {}
    source = re.sub(r"^#.*\n?", "", source, flags=re.MULTILINE)
    starts = [*(found.start() for found in _ENTRY.finditer(source)), len(source)]
    pieces = [source[at:end] for at, end in pairwise(starts)]
    return {piece[: piece.index("=")].strip(): piece for piece in pieces}


@functools.cache
def _entry(spoken: str, code: str) -> _Entry | None:
    room, _, name = code.partition(".")
    raw = _entries(spoken, room).get(name)
    if raw is None:
        return None
    simple: dict[str, Pattern] = {}
    others = set()
    # The value, then each attribute's name and value.
    pieces = ["", *_ATTRIBUTE.split(raw[raw.index("=") + 1 :])]
    for part, written in zip(pieces[::2], pieces[1::2], strict=True):
        pattern = _simple(_dedented(written))
        if pattern is None:
            others.add(part)
        else:
            simple[part] = pattern
    return _Entry(simple, frozenset(others))


def _dedented(written: str) -> str:
    """A pattern's text without the indent that its lines share, and without blanks around it, as Fluent reads it."""
    first, *rest = written.split("\n")
    indents = [len(line) - len(line.lstrip(" ")) for line in rest if line.strip()]
    least = min(indents, default=0)
    lines = [first.lstrip(" "), *(line[least:] if line.strip() else "" for line in rest)]
    return "\n".join(lines).strip("\n").rstrip(" \n")


def _simple(written: str) -> Pattern | None:
    """The pieces of a text that this module can put together; None for one that needs Fluent."""
    pieces: list[str | _Placeable] = []
    end = 0
    for found in _SIMPLE.finditer(written):
        options = [(name, int(whole) if whole else words) for name, words, whole in _OPTIONS.findall(found[4] or "")]
        pieces += [
            written[end : found.start()],
            _Placeable(
                found[2] or "", found[1] or found[3],
                tuple(value for name, value in options if not name), tuple(each for each in options if each[0]),
            ),
        ]  # fmt: skip
        end = found.end()
    pieces.append(written[end:])
    if any("{" in piece or "}" in piece for piece in pieces if isinstance(piece, str)):
        return None
    return tuple(piece for piece in pieces if piece)


def _spaced(pieces: list[str]) -> str:
    """The pieces of a Chinese text, with a blank where a Chinese character meets a Latin letter or a digit."""
    made = ""
    for piece in filter(None, pieces):
        meets = made[-1:] + piece[0]
        made += (" " if _CHINESE_MEETS_LATIN.fullmatch(meets) else "") + piece
    return made


def _filled(place: _Placeable, message: Message, spoken: str) -> str:
    if place.argument not in message.args:
        _complain(f"{message.code} lacks the argument {place.argument}")
        return f"{{${place.argument}}}"
    value = message.args[place.argument]
    if not place.function:
        return _shown(value, spoken)
    value = _shown(value, spoken) if isinstance(value, str) else value
    try:
        return _functions(spoken)[place.function](value, *place.options, **dict(place.named))
    except (ValueError, TypeError, KeyError) as error:
        _complain(f"{place.function}(${place.argument}) of {message.code}: {error!r}")
        return _shown(value, spoken)


def _shown(value: Any, spoken: str) -> str:
    """An argument by itself: text in one line, a number as in a config, a list joined, a message as its sentence."""
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else "-"
    if isinstance(value, (int, float)):
        return formats.setting(value)
    if isinstance(value, Message):
        return render(value, "", spoken)
    if isinstance(value, tuple):
        return formats.listing([_shown(item, spoken) for item in value], spoken)
    return clean(value, keep_newlines=False)


@functools.cache
def _functions(spoken: str) -> dict[str, Callable[..., str]]:
    """The formats, and what puts together lists and messages.

    LIST joins with "and", OR with "or", COMMAS, CLAUSES (by semicolons), SENTENCES and LINES as they say; WHOLE is all
    of an error in one paragraph, BRIEF its title and message, HINT its hint.
    """

    def shown(value: Any) -> list[str]:
        return [_shown(item, spoken) for item in (value if isinstance(value, tuple) else (value,))]

    return formats.functions(spoken) | {
        "LIST": lambda value: formats.listing(shown(value), spoken),
        "OR": lambda value: formats.listing(shown(value), spoken, "or"),
        "COMMAS": lambda value: ("、" if spoken == "zh" else ", ").join(shown(value)),
        "CLAUSES": lambda value: _clauses(shown(value), spoken),
        "SENTENCES": lambda value: sentences(*shown(value), spoken=spoken),
        "LINES": lambda value: "\n".join(shown(value)),
        "WHOLE": lambda value: _paragraph(value, spoken) if isinstance(value, Message) else _shown(value, spoken),
        "BRIEF": lambda value: _brief(value, spoken) if isinstance(value, Message) else _shown(value, spoken),
        "HINT": lambda value: render(value, "hint", spoken) if isinstance(value, Message) else "",
    }


def _brief(message: Message, spoken: str) -> str:
    """Title and message without a full stop at their end: what they stand in has one."""
    parts = [render(message, "", spoken).rstrip(" .:。："), render(message, "message", spoken)]
    colon, stop = ("：", "。") if spoken == "zh" else (": ", ".")
    return colon.join(each for each in parts if each).removesuffix(stop)


def _paragraph(message: Message, spoken: str) -> str:
    return sentences(_brief(message, spoken), render(message, "hint", spoken), spoken=spoken)


def sentences(*parts: str, spoken: str = "") -> str:
    """The parts that are not empty, one after the other, each with its full stop."""
    is_chinese = (spoken or language.current()) == "zh"
    stop, blank = ("。", "") if is_chinese else (".", " ")
    whole = [each.strip() for each in parts if each.strip()]
    return blank.join(
        each if each.endswith((".", "!", "?", ":", "。", "！", "？", "：")) else each + stop for each in whole
    )


def clauses(*parts: str) -> str:
    """``parts`` one after the other in one sentence, by the semicolons of the language."""
    return _clauses(parts, language.current())


def _clauses(parts: Iterable[str], spoken: str) -> str:
    semicolon = "；" if spoken == "zh" else "; "
    return semicolon.join(part for part in parts if part)


def _complain(about: str) -> None:
    if os.environ.get(STRICT):
        raise CatalogueError(about)


def _by_fluent(message: Message, part: str, spoken: str) -> str:
    """``part`` of ``message`` by Fluent's own runtime."""
    room, _, name = message.code.partition(".")
    bundle = _bundle(spoken, room, name)
    try:
        entry = bundle.get_message(name)
    except LookupError:  # the entry is no Fluent; a test keeps such out
        _complain(f"{message.code} can't be parsed")
        return message.code
    pattern = entry.attributes.get(part) if part else entry.value
    if pattern is None:
        return ""
    found, wrong = bundle.format_pattern(pattern, _fluent_args(message, spoken))
    if wrong:
        _complain(f"{message.code}: {wrong}")
    return str(found)


@functools.cache
def _bundle(spoken: str, room: str, name: str) -> Any:
    """Fluent's reading of one entry, and of the entries and terms that it names."""
    from fluent.runtime import FluentBundle, FluentResource
    from fluent.runtime.types import FluentNone

    def of(function: Callable[..., str]) -> Callable[..., Any]:
        def called(value: Any, *options: Any, **named: Any) -> Any:
            if isinstance(value, FluentNone):
                return value
            raw = getattr(value, "value", value)
            return function(int(raw) if isinstance(raw, int) else raw, *options, **named)

        return called

    functions = {each: of(function) for each, function in _functions(spoken).items()}
    bundle = FluentBundle([spoken], functions=functions, use_isolating=False)
    entries = _entries(spoken, room)
    wanted, seen = [name], set()
    while wanted:
        each = wanted.pop()
        if each in entries and each not in seen:
            seen.add(each)
            bundle.add_resource(FluentResource(entries[each]))
            wanted += re.findall(r"\{\s*(-?[a-zA-Z][\w-]*)", entries[each])
    return bundle


def _fluent_args(message: Message, spoken: str) -> dict[str, Any]:
    """Arguments for Fluent: texts and counts as they are, for selectors; all else as what it would be shown as."""
    from fluent.runtime.types import FluentType

    class Shown(FluentType):
        def __init__(self, value: Any) -> None:
            self.value = value

        def format(self, _: Any) -> str:
            return _shown(self.value, spoken)[:_LONGEST]

    def given(value: Any) -> Any:
        if isinstance(value, str):
            return _shown(value, spoken)[:_LONGEST]
        if isinstance(value, bool):
            return str(value).lower()
        return value if isinstance(value, int) else Shown(value)

    return {name: given(value) for name, value in message.args.items()}
