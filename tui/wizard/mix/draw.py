"""The board in text: a row a source, the whole mix as a bar of letters, and what it comes to in words."""

from __future__ import annotations

import string
from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from engine import units
from engine.common.clean_text import clean, shorten
from engine.data.mixing.presets import TITLES
from engine.data.mixing.warnings import MixWarning
from engine.units import amount
from tui.draft.mix_board import Board, Line
from tui.widgets.bars import fit

WIDE = 100
LETTERS = string.ascii_uppercase
COLOURS = ("$chart-1", "$chart-3", "$chart-2", "$chart-0")
ALL_ONCE = "all once"
_NUMBERS = (("trained", 7), ("rows", 6), ("passes", 6), ("dropped", 7))
_ROLES = {
    "new": "is to be learnt",
    "replay": "is there not to be forgotten; none of it is held out",
    "general": "keeps the model broad",
}
PRESETS = tuple(TITLES)


@dataclass(frozen=True)
class Columns:
    """Cells for the name and the slider's inside, and whether weights have a column of their own."""

    name: int
    slider: int
    weights: bool


def columns(board: Board, width: int) -> Columns:
    weights = width >= WIDE or any(line.weight != 1 for line in board.lines)
    slider = 20 if width >= WIDE else 8
    fixed = 4 + 1 + 7 + 1 + slider + 2 + 1 + 6 + sum(1 + cells for _, cells in _NUMBERS) + 7 * weights
    return Columns(max(6, min(40, width - fixed)), slider, weights)


def header(board: Board, width: int) -> str:
    have = columns(board, width)
    share = f"share of {board.unit}"
    line = f"    {'source':<{have.name}} {'role':<7} {share:<{have.slider + 9}}"
    line += "".join(f" {name:>{cells}}" for name, cells in _NUMBERS)
    return line + (" weight" if have.weights else "")


def row(board: Board, at: int, width: int, is_current: bool) -> Content:
    """One source on one line; the current one is marked by ``>`` and bold."""
    have, line = columns(board, width), board.lines[at]
    share = board.effective(at)
    filled = min(have.slider, max(1, round(share * have.slider))) if share else 0
    slider = f"[{'#' * filled}{'-' * (have.slider - filled)}]" if line.share is not None else ALL_ONCE
    words = f"{fit(clean(line.name, keep_newlines=False), have.name)} {line.role:<7} {slider:<{have.slider + 2}} "
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
    return amount(used * line.figures.trained_mean), amount(used), _times(part.repeats * passes), dropped


def _times(passes: float) -> str:
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


def totals(board: Board, time: str) -> list[str]:
    """One pass and the run in a line each; ``time`` is how long the run takes, "" where that is not known."""
    found = board.mix
    if found is None:
        return ["Nothing is known of these sources yet.", ""]
    steps, passes = board.training.steps(found.rows), board.training.passes(found.rows)
    guessed = "  (guessed from bytes)" if board.guessed else ""
    return [
        f"one pass  {found.rows:,} rows, {amount(found.tokens)} tokens, {amount(found.trained)} trained{guessed}",
        f"the run   {passes:.3g} pass{'es' * (round(passes, 2) != 1)}, {steps:,} steps, "
        f"{amount(found.tokens * passes)} tokens{f', {time}' if time else ''}",
    ]


def free(board: Board) -> str:
    """What the sources without a share get, in a sentence."""
    whole = [at for at, line in enumerate(board.lines) if line.share is None]
    cap = "" if board.epochs_cap is None else f" At most {board.epochs_cap:g} passes over any source."
    if len(whole) == len(board.lines):
        return f"Every row once a pass: the shares are those of the sizes.{cap}"
    if not whole:
        return f"Every source has a share: a pass is as long as all the rows there are.{cap}"
    names = _listed([shorten(board.lines[at].name, 20) for at in whole])
    together = percent(sum(board.effective(at) for at in whole))
    return f"{names} take{'s' * (len(whole) == 1)} what is left, {together}: every row once a pass.{cap}"


def about(board: Board, at: int) -> str:
    """The source under the cursor: what it is for, its rows, and why some are dropped."""
    line = board.lines[at]
    name = shorten(line.name, 30)
    if line.figures is None:
        return f"{name}: its rows are not known yet."
    known = line.figures
    reasons = (
        (known.too_long, "too long"),
        (known.refused, "refused by the template"),
        (known.not_trained, "with nothing trained"),
    )
    dropped = ", ".join(f"{count:,} {why}" for count, why in reasons if count)
    held = f", {known.held_out:,} held out" if known.held_out else ""
    told = f"{name} {_ROLES[line.role]}. {known.rows:,} rows to train on{held}, {known.tokens_mean:,.0f} tokens each"
    if dropped:
        told += f"; dropped: {dropped}."
    elif known.guessed:
        told += "; guessed, until F5 in the data step examines them."
    else:
        told += "; none is dropped."
    weight = "" if line.weight == 1 else f" Each of its tokens counts {line.weight:g} times in the loss."
    return clean(told + weight, keep_newlines=False)


def warning(found: MixWarning) -> str:
    """What is wrong, and what helps here."""
    hint = "Lower its share, or c caps it." if found.kind == "repeated" else found.hint
    return clean(f"! {found.title} {hint}", keep_newlines=False).rstrip()


def presets(board: Board) -> str:
    titles = {**TITLES, "temperature": f"temperature {board.temperature:g}"}
    return "   ".join(f"{number} {titles[name]}" for number, name in enumerate(PRESETS, start=1))


def in_short(board: Board, width: int = 80) -> str:
    """ "mix: orders 70%, chat 20%, old 10% of tokens; F8", with names cut so that it fits ``width``."""
    if board.mix is None:
        return "mix: not known before the sources are read; F8"
    every = len(board.lines)
    ways = [(every, longest, f" of {board.unit}") for longest in range(24, 8, -1)]
    ways += [(most, longest, "") for most in (every, min(3, every)) for longest in range(24, 5, -1)]
    for most, longest, unit in ways:
        parts = [
            f"{fit(clean(line.name, False), longest).rstrip()} {percent(board.effective(at), whole=True)}"
            for at, line in enumerate(board.lines[:most])
        ]
        text = f"mix: {', '.join([*parts, *([f'{every - most} more'] if most < every else [])])}{unit}; F8"
        if cell_len(text) <= width:
            return text
    return f"mix of {len(board.lines)} sources; F8"


def percent(share: float, whole: bool = False) -> str:
    """ "70%", with a decimal where it says more, "12.5%", unless only ``whole`` ones are wanted."""
    return units.percent(share, decimals=not whole or share < 0.01)


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
