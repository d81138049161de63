"""An evaluation as it is drawn: its sentence, what takes its worth, the figures with intervals, the worst rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.common.clean_text import clean
from engine.common.columns import aligned
from engine.messages.catalogue import sentences, text
from tui import words
from tui.theme import Colours
from tui.widgets.line import cut_cells, wrap

if TYPE_CHECKING:
    from engine.app.evaluate import RowOf
    from engine.metrics.result import Comparison
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import Evaluation
    from engine.runs.mixes import Mix

_MOST_ANSWER = 400
_TONES = {"better": "success", "worse": "error", "unclear": "warning"}


def verdict(found: Evaluation, width: int, colours: Colours) -> RenderableType:
    """The sentence in the colour of what it says, and what a reader must know before the figures."""
    from engine.app import evaluation_lines as lines

    decided = next((each for each in found.comparisons if each.metric == found.metrics[0]), None)
    colour = colours(_TONES[decided.verdict]) if decided else ""
    said = sentences(words.said(found.sentence) or text("evaluate.no-verdict"))
    parts = [folded(said, width, f"bold {colour}")]
    for is_grave, note in lines.notes(found):
        parts.append(folded(f"! {note}" if is_grave else note, width, grave(colours) if is_grave else colours("muted")))
    return Group(*parts)


def grave(colours: Colours) -> str:
    """The style of what takes the worth from a figure."""
    return f"bold {colours('warning')}"


def figures(found: Evaluation, colours: Colours) -> RenderableType:
    """Each metric with a line for each candidate, and what it takes to run each where that was measured."""
    from engine.app import evaluation_lines as lines

    grid = _columns([text(code) for code in lines.HEAD], (1,), colours)
    for metric, (title, table) in zip(found.metrics, lines.by_metric(found), strict=True):
        grid.add_row(Text(title, "bold"))
        for cells, compared in zip(table, _compared(found, metric), strict=True):
            *plain, last = (Text(clean(cell)) for cell in cells)
            last.stylize(colours(_TONES[compared.verdict]) if compared else "")
            grid.add_row(Text.assemble("  ", plain[0]), *plain[1:], last)
    parts: list[RenderableType] = [grid]
    costs = lines.costs(found)
    if costs:
        priced = _columns([text(code) for code in lines.COST_HEAD], range(1, len(lines.COST_HEAD)), colours)
        for line in costs:
            priced.add_row(*map(clean, line))
        parts += [Text(), Text(text("proof.costs"), style="bold"), priced]
    return Group(*parts)


def _columns(head: Sequence[str], right: Sequence[int], colours: Colours) -> Table:
    grid = Table.grid(padding=(0, 2))
    for at in range(len(head)):
        grid.add_column(justify="right" if at in right else "left", no_wrap=True)
    grid.add_row(*(Text(words.head(name), colours("muted")) for name in head))
    return grid


def _compared(found: Evaluation, metric: str) -> Iterator[Comparison | None]:
    """With each candidate in turn, where it was compared by ``metric``."""
    known = {each.against: each for each in found.comparisons if each.metric == metric}
    return (known.get(candidate) for candidate in found.candidates)


def confusion(found: Evaluation, colours: Colours) -> RenderableType | None:
    """What was wanted and what was answered, where there are classes."""
    from engine.app import evaluation_lines as lines

    if (classes := lines.confusion(found)) is None:
        return None
    (corner, *labels), *body = classes[1]
    head, *counts = map(clean, aligned([[words.head(corner), *labels], *body], right=True))
    return Text.assemble((head, colours("muted")), *(f"\n{line}" for line in counts), no_wrap=True)


def worst(found: Evaluation, rows: Sequence[RowOf], width: int, colours: Colours) -> RenderableType | None:
    """The rows that were answered worst, with what each candidate said; None where there are none."""
    from engine.metrics import words as metric_words

    parts: list[RenderableType] = []
    for each in rows:
        said = text("evaluate.worst-row", row=each.row + 1, prompt=_short(each.prompt))
        parts += [Text()] * bool(parts) + [folded(said, width, "bold")]
        if not each.reference:  # of plain text there is no more to show
            continue
        parts.append(folded(f"{words.label('evaluate.wanted')}{_short(each.reference)}", width))
        for name in found.candidates:
            if name in each.answers and each.answers[name].was_asked:
                called = text("evaluate.answered", candidate=metric_words.candidate(name))
                parts.append(folded(f"{called} {_short(each.answers[name].answer)}", width, colours("muted")))
    return Group(*parts) if parts else None


def folded(said: str, width: int, style: str = "") -> Text:
    """``said`` in lines of ``width`` cells, whatever it is measured for."""
    return Text("\n".join(wrap(clean(said), max(20, width))), style=style, no_wrap=True)


def _short(said: str) -> str:
    flat = clean(said, keep_newlines=False).strip()
    return f"{flat[:_MOST_ANSWER].rstrip()} ..." if len(flat) > _MOST_ANSWER else flat


def mix_parts(run: RunDir, mix: Mix, width: int, colours: Colours) -> dict[str, RenderableType | None]:
    """A mix: the sentence, a block for each task (None before it was measured), and what the adapter is."""
    from engine.app import mix as mixing

    muted = colours("muted")
    said = text(mixing.sentence(mix)) if mix.tasks else text("mixes.waiting-unmeasured")
    figures: RenderableType | None = None
    if mix.tasks:
        first, *body = aligned([[text(code) for code in mixing.SHORT_HEAD], *mixing.short_table(run, mix)])
        figures = Group(
            Text(cut_cells(words.head(first), width), style=muted), *(Text(cut_cells(line, width)) for line in body)
        )
    return {
        "verdict": folded(said, width, "bold"),
        "figures": figures,
        "made": Group(*(folded(text(each), width, muted) for each in mixing.parts(mix))),
    }


def mix_result(run: RunDir, mix: Mix, width: int, colours: Colours) -> Group:
    """The parts of a mix below each other."""
    found = [part for part in mix_parts(run, mix, width, colours).values() if part is not None]
    return Group(*(piece for part in found for piece in (part, Text())))


def mix_of(mix: Mix, width: int) -> Text:
    """The adapters of a mix with their weights, the method and the base, in a sentence."""
    from engine.app import mix as mixing

    recipe = mix.recipe
    weights = mixing.weights_said(recipe)
    return folded(text("mixes.about", weights=weights, method=recipe.method, base=recipe.base), width, "bold")
