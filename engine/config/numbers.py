"""Read a number that a person typed: with a decimal point or comma, with thousands, or not at all; never by a guess."""

from __future__ import annotations

import re

from engine.messages.catalogue import text as sentence
from engine.messages.message import Message

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# Thousands that can't be anything else: blanks and the like, several groups, or one before a fraction.
_GROUPED = tuple(
    (re.compile(rf"[+-]?[1-9]\d{{0,2}}{pattern}", re.ASCII), mark)
    for mark, pattern in (
        (",", r",\d{3}((,\d{3})+(\.\d+)?|\.\d+)"),
        (".", r"\.\d{3}((\.\d{3})+(,\d+)?|,\d+)"),
        (" ", r"( \d{3})+([.,]\d+)?"),
        ("'", r"('\d{3})+([.,]\d+)?"),
    )
)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[,.]\d{3}", re.ASCII)
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})


class NoNumber(ValueError):
    """The text is no number. ``what`` says what to write."""

    def __init__(self, what: Message) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return sentence(self.what)


class TwoNumbers(NoNumber):
    """The text may be thousands or a fraction."""


def read(text: str, whole: bool) -> int | float:
    """``text`` as a number; ``whole``: of a field that takes whole numbers only.

    "0,5" is 0.5. "1,024" may be thousands or a fraction: as the program writes thousands with a comma, a whole field
    takes it for 1024, one that takes fractions refuses it; "1.024" is a fraction, and refused by a whole field. Raises
    NoNumber.
    """
    plain = text.strip().translate(_BLANKS)
    mark = next((mark for pattern, mark in _GROUPED if pattern.fullmatch(plain)), "")
    if mark:
        plain = plain.replace(mark, "")
    elif _EITHER.fullmatch(plain):
        joined, fraction = plain.replace(",", "").replace(".", ""), plain.replace(",", ".")
        if whole and "." in plain:
            raise TwoNumbers(Message("numbers.fraction", thousands=joined))
        if not whole and "," in plain:
            raise TwoNumbers(Message("numbers.two", thousands=joined, fraction=fraction))
        plain = joined if whole else fraction
    plain = re.sub(r"(?<=\d)_(?=\d)", "", plain.replace(",", ".") if plain.count(",") == 1 else plain)
    if not _PLAIN.fullmatch(plain):
        raise NoNumber(Message("numbers.no-whole-number" if whole else "numbers.no-number"))
    return int(plain) if re.fullmatch(r"[+-]?\d+", plain) else float(plain)
