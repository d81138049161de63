"""A terminal to look at: what stands on it after the bytes it was sent, with the style of each cell."""

from __future__ import annotations

import re
import unicodedata

_PIECE = re.compile(
    r"\x1b\[(?P<private>[?<=>]?)(?P<codes>[\d;]*)(?P<more>[ -/]*)(?P<what>[@-~])"
    r"|\x1b\].*?(?:\x07|\x1b\\)|\x1bP.*?\x1b\\|\x1b[()].|\x1b[=>78c]"
    r"|(?P<character>[^\x1b])",
    re.DOTALL,
)
_SHOWS_ON_BLANK = {"4", "7", "9", "21", "53"}
Pen = tuple[frozenset[str], str, str]
"""Attributes, colour and background, as SGR codes."""
NONE: Pen = (frozenset(), "39", "49")


class TerminalModel:
    """``feed`` it what a program sends. It knows moves, styles and text; anything else leaves the picture alone."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, Pen]] = {}
        self.at = (0, 0)
        self._pen = NONE
        self._rest = ""

    def feed(self, sent: str) -> None:
        sent, at = self._rest + sent, 0
        while piece := _PIECE.match(sent, at):
            at = piece.end()
            if character := piece["character"]:
                self._type(character)
            elif piece["what"] == "H" and not piece["private"]:
                row, _, column = piece["codes"].partition(";")
                self.at = (int(row or 1) - 1, int(column or 1) - 1)
            elif piece["what"] == "m" and not piece["private"]:
                self._turn(piece["codes"].split(";"))
            elif piece["what"] == "h" and piece["codes"] == "1049":
                self.cells.clear()
        self._rest = sent[at:]

    @property
    def lines(self) -> list[str]:
        width = 1 + max((x for _, x in self.cells), default=0)
        return [
            "".join(self.cells.get((y, x), (" ", NONE))[0] for x in range(width))
            for y in range(1 + max((y for y, _ in self.cells), default=0))
        ]

    @property
    def looks(self) -> dict[tuple[int, int], tuple[str, object]]:
        """What an eye tells apart: of a blank the background, and lines at it."""
        seen = {
            place: (words, pen[2] if words == " " and not pen[0] & _SHOWS_ON_BLANK else pen)
            for place, (words, pen) in self.cells.items()
        }
        return {place: each for place, each in seen.items() if each != (" ", "49")}

    def _type(self, character: str) -> None:
        y, x = self.at
        if character == "\n":
            self.at = (y + 1, x)
        elif character == "\r":
            self.at = (y, 0)
        elif unicodedata.combining(character):
            words, pen = self.cells.get((y, x - 1), (" ", NONE))
            self.cells[y, x - 1] = (words + character, pen)
        elif character >= " ":
            cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            for place in range(x, x + cells):
                self._cut_wide(y, place)
            self.cells[y, x] = (character, self._pen)
            if cells == 2:
                self.cells[y, x + 1] = ("", self._pen)
            self.at = (y, x + cells)

    def _cut_wide(self, y: int, x: int) -> None:
        """A wide character of which half is written over leaves a blank at the other half."""
        if self.cells.get((y, x), (" ", NONE))[0] == "":
            self.cells[y, x - 1] = (" ", self.cells[y, x - 1][1])
        if self.cells.get((y, x + 1), (" ", NONE))[0] == "":
            self.cells[y, x + 1] = (" ", self.cells[y, x + 1][1])

    def _turn(self, codes: list[str]) -> None:
        attributes, colour, background = self._pen
        while codes:
            code = codes.pop(0) or "0"
            if code in ("38", "48"):
                length = 2 if codes[0] == "5" else 4
                made, codes = ";".join([code, *codes[:length]]), codes[length:]
                colour, background = (made, background) if code == "38" else (colour, made)
            elif code == "0":
                attributes, colour, background = NONE
            elif len(code) == 2 and code[0] in "39":
                colour = code
            elif (len(code) == 2 and code[0] == "4") or len(code) == 3:
                background = code
            else:
                attributes = attributes | {code}
        self._pen = (attributes, colour, background)
