"""The board in text: a row a source, the whole mix as a bar of letters, and what it comes to in words."""

from __future__ import annotations

import string
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.messages.formats import amount
from tui.draft.mix_board import Board, Line
from tui.flow.mix_text import percent
from tui.widgets.bars import fit
from tui.widgets.line import to_right

WIDE = 100
LETTERS = string.ascii_uppercase
COLOURS = ("$chart-1", "$chart-3", "$chart-2", "$chart-0")
_NUMBERS = (("mix.trained", 7), ("mix.rows", 6), ("mix.passes", 6), ("mix.dropped", 7))
_SHARE_OF = {"tokens": "mix.share-of-tokens", "rows": "mix.share-of-rows"}
_SHORT_OF = {"tokens": "mix.short-of-tokens", "rows": "mix.short-of-rows"}


@dataclass(frozen=True)
class Columns:
    """Cells for the name and the slider's inside, and whether weights have a column of their own."""

    name: int
    slider: int
    weights: bool


_BEFORE_NAME, _BEFORE_SLIDER = 4, 9
"""Cells before a source's name, and between its end and the slider."""


def share_at(board: Board, width: int, x: int) -> float | None:
    """The share that a slider shows where it is filled up to cell ``x`` of its line; None beside it."""
    cell, cells = _cell_of(board, width, x)
    return (cell + 1) / cells if 0 <= cell < cells else None


def share_near(board: Board, width: int, x: int) -> float:
    """The same, from its first cell to its last wherever ``x`` is."""
    cell, cells = _cell_of(board, width, x)
    return (min(max(cell, 0), cells - 1) + 1) / cells


def _cell_of(board: Board, width: int, x: int) -> tuple[int, int]:
    """Which of a slider's cells, and how many it has."""
    have = columns(board, width)
    return x - _BEFORE_NAME - have.name - _BEFORE_SLIDER - 1, have.slider  # behind its bracket


def columns(board: Board, width: int) -> Columns:
    weights = width >= WIDE or any(line.weight != 1 for line in board.lines)
    slider = 20 if width >= WIDE else 8
    fixed = 4 + 1 + 7 + 1 + slider + 2 + 1 + 6 + sum(1 + cells for _, cells in _NUMBERS) + 7 * weights
    return Columns(max(6, min(40, width - fixed)), slider, weights)


def header(board: Board, width: int) -> str:
    have = columns(board, width)
    share = fit(text(_SHARE_OF[board.unit]), have.slider + 9)
    line = f"    {fit(text('mix.source'), have.name)} {fit(text('mix.role'), 7)} {share}"
    line += "".join(f" {to_right(text(name), cells)}" for name, cells in _NUMBERS)
    return line + (f" {to_right(text('mix.weight'), 6)}" if have.weights else "")


def row(board: Board, at: int, width: int, is_current: bool) -> Content:
    """One source on one line; the current one is marked by ``>`` and bold."""
    have, line = columns(board, width), board.lines[at]
    share = board.effective(at)
    filled = min(have.slider, max(1, round(share * have.slider))) if share else 0
    slider = f"[{'#' * filled}{'-' * (have.slider - filled)}]" if line.share is not None else text("mix.all-once")
    words = f"{fit(clean(line.name, keep_newlines=False), have.name)} {line.role:<7} {fit(slider, have.slider + 2)} "
    words += f"{percent(share) if board.part(at) else '?':>6}"
    words += "".join(
        f" {number:>{cells}}" for number, (_, cells) in zip(_numbers(board, at, line), _NUMBERS, strict=True)
    )
    if have.weights:
        words += f" {line.weight:>6g}"
    mark = "> " if is_current else "  "
    return Content.assemble(
        (mark, "bold"), (letter(at), f"bold {colour(at)}"), (f" {words}", "bold" if is_current else "")
    )


def _numbers(board: Board, at: int, line: Line) -> tuple[str, str, str, str]:
    """Trained tokens, rows and passes over the run, and the part of its rows that is dropped."""
    found = board.mix
    if found is None or line.figures is None:
        return "?", "?", "?", "?"
    part = found.parts[at]
    passes = board.training.passes(found.rows)
    used = part.drawn * passes
    dropped = "?" if line.figures.guessed else f"{line.figures.dropped:,}"
    return amount(used * line.figures.trained_mean), amount(used), times(part.repeats * passes), dropped


def times(passes: float) -> str:
    if passes < 0.01:
        return "<0.01"
    return f"{passes:.2f}" if passes < 10 else f"{passes:.0f}" if passes < 1000 else amount(passes)


def letter(at: int) -> str:
    return LETTERS[at % len(LETTERS)]


def colour(at: int) -> str:
    return COLOURS[at % len(COLOURS)]


def bar(board: Board, width: int) -> Content:
    """The whole mix, each source as many of its letters as it has a share; every source that is in it has one."""
    cells = max(10, width - 2)
    pieces: list[tuple[str, str]] = [("[", "")]
    done, drawn = 0.0, 0
    shares = [board.effective(at) for at in range(len(board.lines))]
    for at, share in enumerate(shares):
        done += share
        to_come = sum(later > 0 for later in shares[at + 1 :])
        count = min(max(int(share > 0), round(done * cells) - drawn), max(0, cells - drawn - to_come))
        drawn += count
        pieces.append((letter(at) * count, f"reverse {colour(at)}"))
    pieces.append(("." * (cells - drawn) + "]", ""))
    return Content.assemble(*pieces)


def in_short(board: Board, width: int = 80) -> str:
    """ "mix: orders 70%, chat 20%, old 10% of tokens; F8", with names cut so that it fits ``width``."""
    if board.mix is None:
        return text("mix.short-unknown")
    every = len(board.lines)
    ways = [(every, longest, _SHORT_OF[board.unit]) for longest in range(24, 8, -1)]
    ways += [(most, longest, "mix.short") for most in (every, min(3, every)) for longest in range(24, 5, -1)]
    for most, longest, code in ways:
        parts = [
            f"{fit(clean(line.name, False), longest).rstrip()} {percent(board.effective(at), whole=True)}"
            for at, line in enumerate(board.lines[:most])
        ]
        line = text(code, parts=[*parts, *([text("mix.more", more=every - most)] if most < every else [])])
        if cell_len(line) <= width:
            return line
    return text("mix.short-count", sources=every)
