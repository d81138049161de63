"""Faults of the characters themselves: wrong encodings, control codes, markup left over from the web."""

from __future__ import annotations

import re

from engine.data.quality.prose import prose_of, speaks_of_markup
from engine.messages.message import Message

# A UTF-8 text read in another encoding: what were leading bytes, then what were the bytes behind them.
_TWISTED = re.compile(
    "[\u00c2-\u00f4\u0102\u0103\u0110\u0111\u0413\u0420\u0421\u0432\u221a\u251c\u2500\u0393]"
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
    "\u0402-\u040f\u0451-\u045f\u2554-\u256c\u00c7\u00e9\u2591-\u2593]"
)
_AROUND = 80
_LOST = ("\ufffd", "锟斤拷", "烫烫烫")
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_ESCAPE = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|.)|\x9b[0-?]*[ -/]*[@-~]")
_TAGS = (
    "p|div|span|br|hr|a|b|i|u|em|strong|font|center|ul|ol|li|table|tbody|thead|tr|td|th|h[1-6]|img|html|head|body|"
    "script|style|blockquote|iframe|section|article|nav|sup|sub|small|big"
)
_ATTRIBUTE = r"\s{1,9}[\w:-]{1,40}\s?=\s?(?:\"[^\"<>]{0,400}\"|'[^'<>]{0,400}'|[^\s\"'<>]{1,400})"
_HTML = re.compile(rf"<(?<![\w<]<)(?i:/(?:{_TAGS})\s?|(?:{_TAGS})(?:{_ATTRIBUTE}){{0,20}}\s?/?)>")
_ENTITY = re.compile(r"&(?:nbsp|amp|lt|gt|quot|apos|#[0-9]{2,5}|#x[0-9a-fA-F]{2,5});")


def mojibake_in(text: str) -> str:
    """A few words around characters that came from a wrong encoding, or that were lost in one; "" for none."""
    if text.isascii():
        return ""
    for lost in _LOST:
        if lost in text:
            return lost
    for match in _TWISTED.finditer(text):
        # Within the line: only what was spoilt in one way can be told, and turned back.
        before, behind = text[max(0, match.start() - _AROUND) : match.start()], text[match.start() :][:_AROUND]
        if _is_twisted(before.rpartition("\n")[2] + behind.partition("\n")[0]):
            return text[max(0, match.start() - 10) : match.end() + 10]
        if match.end() > 20_000:
            break
    return ""


def control_in(text: str) -> Message | str:
    """The first control character, escape sequence or invisible mark that reorders text, by its number; "" for none."""
    if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable():
        return ""
    match = _CONTROL.search(text)
    if match is None:
        return ""
    return Message("quality.escape-sequence") if match[0] in "\x1b\x9b" else f"U+{ord(match[0]):04X}"


def html_in(text: str) -> str:
    """The first tag or entity that is left over in prose; "" for none, and where markup is what the row is about."""
    if "<" not in text and "&" not in text:
        return ""
    match = _HTML.search(text) or _ENTITY.search(text)
    if match is None or speaks_of_markup(text):
        return ""
    prose = prose_of(text)
    match = _HTML.search(prose) or _ENTITY.search(prose)
    return match[0] if match else ""


def without_control(text: str) -> str:
    """``text`` without what ``control_in`` finds; escape sequences go as a whole."""
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def _is_twisted(part: str) -> bool:
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    return bool(is_bad(part)) and fix_encoding(part) != part
