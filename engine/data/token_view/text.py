"""An X-ray as text that needs no colour: marks around what is trained, special, cut or padding; blanks that show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from engine.common.clean_text import clean
from engine.data.token_view.form import FATES, Part, Piece, State, Verdict, Xray
from engine.messages.catalogue import text
from engine.messages.message import Message

Detail = Literal["text", "tokens", "ids"]
DETAILS: tuple[Detail, ...] = ("text", "tokens", "ids")
"""Flowing text, text with a bar between tokens, or each token with its id."""


@dataclass(frozen=True)
class Signs:
    """How things are written that have no letter. ``opens`` and ``closes`` stand around what is trained."""

    opens: str
    closes: str
    newline: str
    tab: str
    space: str
    bar: str


UNICODE = Signs("\u00bb", "\u00ab", "\u21b5", "\u21e5", "\u2423", "\u2502")
ASCII = Signs("[+", "+]", "<nl>", "<tab>", "<sp>", "|")
SPECIAL = ("{", "}")
_SHOWN_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SHOWN_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_JOINER = "\u200d"  # it makes one emoji of several
_BLANKS = re.compile(r"(?:\A|(?<=\n)) +| +(?=\n|\Z)|  +")


@dataclass(frozen=True)
class Span:
    """Text to be written in one manner: that of its state, or of a sign. Nothing in it steers a terminal."""

    text: str
    state: State | Literal["sign"]
    is_special: bool = False


def legend(signs: Signs) -> list[Span]:
    """One line that shows what the marks mean."""
    return [
        Span(f"{signs.opens}{text('xray.trained')}{signs.closes}", "trained"),
        Span(f"  {text('xray.context')}  ", "context"),
        Span(f"{SPECIAL[0]}{text('xray.special')}{SPECIAL[1]}", "context", True), Span("  ", "sign"),
        Span(text("xray.legend-cut"), "cut"), Span("  ", "sign"), Span(text("xray.legend-padding"), "padding"),
    ]  # fmt: skip


def spans(ray: Xray, signs: Signs, detail: Detail = "text") -> Iterator[Span]:
    """All of the row's examples one after the other; a row without any in its own words."""
    if not ray.parts and ray.words:
        yield Span(text("xray.own-words") + "\n", "sign")
        yield Span(visible(ray.words, signs), "context")
    for number, part in enumerate(ray.parts, start=1):
        if len(ray.parts) > 1:
            lead = "\n" if number > 1 else ""
            piece = text("xray.piece", piece=number, pieces=len(ray.parts), tokens=part.tokens)
            yield Span(f"{lead}{piece}\n", "sign")
        yield from _part(part, signs, detail)


def visible(words: str, signs: Signs, marks_blanks: bool = True) -> str:
    """``words`` with line breaks, tabs, controls and invisible characters shown, and blanks where they could be missed.

    These are at the ends of ``words`` and of its lines, and where there are several.
    """
    if marks_blanks:
        words = _BLANKS.sub(lambda found: _blanks(len(found[0]), signs), words)
    words = words.replace("\t", signs.tab)
    words = _SHOWN_CONTROL.sub(lambda found: f"<0x{ord(found[0]):02X}>", words)
    words = _SHOWN_INVISIBLE.sub(lambda found: found[0] if found[0] == _JOINER else f"<U+{ord(found[0]):04X}>", words)
    return clean(words.replace("\n", signs.newline + "\n"))


def _blanks(count: int, signs: Signs) -> str:
    if len(signs.space) == 1 or count < 3:
        return signs.space * count
    return f"{signs.space[0]}{count}{signs.space[1:]}"


def _part(part: Part, signs: Signs, detail: Detail) -> Iterator[Span]:
    for state, run in groupby(part.pieces, key=lambda piece: piece.state):
        pieces = list(run)
        if state == "padding":
            named = visible(pieces[0].text, signs)
            tokens = sum(len(piece.ids) for piece in pieces)
            yield Span(text("xray.padding", tokens=tokens, token=named), "padding")
            continue
        marks = {"trained": (signs.opens, signs.closes), "cut": (text("xray.cut") + " ", "]")}
        opens, closes = marks.get(state, ("", ""))
        if opens:
            yield Span(opens, state)
        yield from _stretch(pieces, state, signs, detail)
        if closes:
            yield Span(closes, state)
    if part.hidden:
        yield Span("\n" + text("xray.hidden", tokens=part.hidden), "sign")


def _stretch(pieces: Sequence[Piece], state: State, signs: Signs, detail: Detail) -> Iterator[Span]:
    """Pieces of one state; its specials stand apart."""
    if detail == "text":
        for is_special, run in groupby(pieces, key=lambda piece: piece.is_special):
            if is_special:
                yield from (_special(piece, state, signs) for piece in run)
            else:
                yield Span(visible("".join(piece.text for piece in run), signs), state)
        return
    begins = True
    for piece in pieces:
        if not begins:
            yield Span(" " if detail == "ids" else signs.bar, "sign")
        words = visible(piece.text, signs, marks_blanks=detail == "ids")
        span = _special(piece, state, signs) if piece.is_special else Span(words, state)
        begins = detail == "ids" and "\n" in piece.text
        if detail == "tokens":
            yield span
            continue
        # A line ends behind the token that holds its break, and behind its id.
        yield Span(span.text.rstrip("\n"), state, piece.is_special)
        yield Span(f":{','.join(map(str, piece.ids))}" + "\n" * begins, "sign")


def _special(piece: Piece, state: State, signs: Signs) -> Span:
    return Span(f"{SPECIAL[0]}{visible(piece.text, signs)}{SPECIAL[1]}", state, True)


def summary(ray: Xray) -> str:
    """One line: what becomes of the row, how much of it is trained, and what is right with it."""
    parts = [text(FATES[ray.fate])]
    if ray.parts:
        tokens, trained = sum(part.tokens for part in ray.parts), sum(part.trained for part in ray.parts)
        if ray.fate == "left-out":
            parts.append(text("xray.tokens-in-all", tokens=tokens))
        else:
            parts.append(text("xray.share-trained", tokens=tokens, trained=trained, share=trained / max(1, tokens)))
    if len(ray.parts) > 1:
        parts.append(text("xray.pieces", pieces=len(ray.parts)))
    right = [Message(_SHORT[verdict.about]) for verdict in ray.verdicts if verdict.passes and verdict.about in _SHORT]
    return "  ".join([*parts, *([text("xray.right", what=right)] if right else [])])


_SHORT = {
    "begin": "xray.right-begin", "stop": "xray.right-stop", "whole": "xray.right-whole", "turns": "xray.right-answers",
}  # fmt: skip


def sentences(verdicts: Iterable[Verdict]) -> list[str]:
    """Each on a line of its own, cleaned, those that fail marked with "!"."""
    return [f"{'ok' if each.passes else '! '} {text(each.what)}" for each in verdicts]
