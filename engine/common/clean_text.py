"""Make text from data files and models safe to show: no control codes, escapes or tricks of direction."""

from __future__ import annotations

import re

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"  # OSC: titles, clipboard, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c|$)"  # DCS, SOS, PM, APC strings
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one 8-bit character
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)
# Bidirectional overrides and isolates reorder what is shown; the others are invisible and break columns.
_INVISIBLE = re.compile(
    "[\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_HARMFUL = re.compile("|".join(each.pattern for each in (_INVISIBLE, _CONTROL, _SURROGATE)))
_BEGUN, _GOES_ON = re.compile(r"[+\-~]?\d[\d.,]*$"), re.compile(r"[.,]?\d|%")
"""A number at the end of what is kept, and the rest of it."""


def clean(text: str, keep_newlines: bool = True) -> str:
    r"""``text`` without anything that could steer a terminal.

    Escape sequences and direction overrides are removed, other control characters shown as ``\x07``,
    lone surrogates as U+FFFD, line ends unified to ``\n``, tabs kept. With ``keep_newlines=False`` the
    result is one line: breaks and tabs become spaces. Markup of a screen library is not touched.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", text)
    text = _SURROGATE.sub("\ufffd", text)
    text = _CONTROL.sub(lambda match: _shown(match[0]), text)
    if not keep_newlines:
        text = re.sub(r"[\n\t]+", " ", text)
    return text


def masked(text: str) -> str:
    """``text`` with a ? for each character that ``clean`` would take away or write out; others keep their places."""
    return _HARMFUL.sub("?", text)


def shorten(text: str, width: int) -> str:
    """``text`` cleaned to one line of at most ``width`` characters; a cut is at a word's end, marked by three dots."""
    line = clean(text[: 8 * width + 64], keep_newlines=False).strip()
    kept = line[: max(0, width - 3)]
    return line if len(line) <= width else at_word_end(kept, line[len(kept) :]) + "..."


def in_words(error: BaseException, most: int = 200) -> str:
    """What an error that nobody foresaw says, in one line: "ValueError: not enough values to unpack"."""
    return shorten(f"{type(error).__name__}: {error}", most)


def at_word_end(kept: str, rest: str) -> str:
    """``kept`` of a text that goes on with ``rest``, back to the end of a word where that leaves half of it.

    Half of a number would be another number: it goes whole.
    """
    if _GOES_ON.match(rest) and (begun := _BEGUN.search(kept)):
        return kept[: begun.start()].rstrip(" ,;:(")
    if kept[-1:].isalnum() and rest[:1].isalnum() and (space := kept.rfind(" ")) >= len(kept) / 2:
        kept = kept[:space]
    return kept.rstrip(" ,;:(")


def _shown(character: str) -> str:
    if character in "\u2028\u2029":
        return "\n"
    return f"\\x{ord(character):02x}"
