"""What a mix leads to, where the window has room for it: what each preset would give, and the first steps' examples."""

from __future__ import annotations

from textual.content import Content

from engine.messages import formats
from engine.messages.catalogue import text
from tui.draft.mix_board import Board
from tui.flow import mix_text
from tui.flow.mix_text import percent
from tui.widgets.bars import fit
from tui.widgets.clickable import acts
from tui.widgets.line import DOTS, cut_cells, to_right
from tui.wizard.mix import draw

_NAME, _SHARE = 22, 6
_FIGURES = (("mix.rows-a-pass", 12), ("mix.steps", 7), ("mix.most-passes", 12))
_LEAST_ROOM = 3 + _NAME + sum(cells for _, cells in _FIGURES)


def presets(board: Board, width: int) -> list[Content]:
    """A line for the mix as it is and for each preset: the share of each source, rows, steps, and most passes.

    A click on a preset takes it.
    """
    sources = range(min(len(board.lines), max(0, (width - _LEAST_ROOM) // (_SHARE + 1))))
    heads = [(f"{'':{3 + _NAME}}", "$muted")]
    heads += [(f" {draw.letter(at):>{_SHARE}}", f"bold {draw.colour(at)}") for at in sources]
    heads += [(to_right(text(code), cells), "$muted") for code, cells in _FIGURES]
    lines = [Content.assemble(*heads), Content.styled(_figures("   ", text("mix.as-it-is"), board, sources), "bold")]
    for number, name in enumerate(mix_text.PRESETS, start=1):
        title = text(mix_text.TITLES[name], temperature=board.temperature)
        words = _figures("", title, board.preset(name), sources)
        lines.append(acts(Content.assemble((f"{number}  ", "bold $accent"), words), f"screen.preset({number})"))
    return lines


def _figures(lead: str, title: str, board: Board, sources: range) -> str:
    found = board.mix
    words = f"{lead}{fit(cut_cells(title, _NAME), _NAME)}"
    if found is None:
        return words + "".join(f" {'?':>{_SHARE}}" for _ in sources)
    words += "".join(f" {percent(board.effective(at), whole=True):>{_SHARE}}" for at in sources)
    passes = board.training.passes(found.rows)
    most = max(part.repeats for part in found.parts) * passes
    figures = (f"{found.rows:,}", f"{board.training.steps(found.rows):,}", draw.times(most))
    return words + "".join(f"{figure:>{cells}}" for figure, (_, cells) in zip(figures, _FIGURES, strict=True))


def steps(board: Board, width: int, height: int) -> list[Content]:
    """What a step is made of, and a letter for each example of as many first steps as there are lines."""
    found, size = board.mix, board.training.batch_size
    if found is None:
        return [Content(text("mix.unknown"))]
    parts = [
        text("mix.of-a-step", count=formats.number(round(size * part.drawn / found.rows, 1)), source=draw.letter(at))
        for at, part in enumerate(found.parts)
        if part.drawn
    ]
    lines = [Content.styled(cut_cells(text("mix.a-step", rows=size, parts=parts), width), "$muted")]
    count = max(0, min(height - 1, board.training.steps(found.rows)))
    order = board.order(count * size)
    label = len(text("mix.step", step=count))
    for step in range(count):
        rows = order[step * size : (step + 1) * size]
        if rows:
            said = to_right(text("mix.step", step=step + 1), label)
            lines.append(Content.assemble((f"{said}  ", "$muted"), *_letters(rows, width - label - 2)))
    return lines


def _letters(rows: list[int], room: int) -> list[tuple[str, str]]:
    """The letters of ``rows``, apart where they fit, else close together, else cut."""
    gap = " " if 2 * len(rows) <= room else ""
    shown = rows if len(gap) + len(rows) <= room or gap else rows[: room - len(DOTS)]
    found = [(draw.letter(at) + gap, draw.colour(at)) for at in shown]
    return [*found, (DOTS, "$muted")] if len(shown) < len(rows) else found
