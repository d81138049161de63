"""An evaluation as it is drawn: its sentence, what takes its worth, the figures with intervals, the worst rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from engine.common.clean_text import clean
from engine.common.columns import aligned
from engine.messages.catalogue import sentences, text
from tui import words
from tui.widgets.line import wrap

if TYPE_CHECKING:
    from engine.app.evaluate import RowOf
    from engine.runs.evaluations import Evaluation

_MOST_ANSWER = 400


def result(
    found: Evaluation, worst: Sequence[RowOf], width: int, muted: str, warning: str
) -> RenderableType:  # fmt: skip
    """An evaluation on a screen of ``width`` cells: verdict, what takes its worth, the figures, the worst rows."""
    from engine.app import evaluation_lines as lines
    from engine.metrics import words as metric_words

    verdict = sentences(words.said(found.sentence) or text("evaluate.no-verdict"))
    parts: list[RenderableType] = [folded(verdict, width, "bold")]
    notes = lines.notes(found)
    parts += [folded(f"! {note}", width, f"bold {warning}") for is_grave, note in notes if is_grave]
    parts += [Text(), figures(found, muted)]
    lesser = [folded(note, width, muted) for is_grave, note in notes if not is_grave]
    parts += [Text(), *lesser] if lesser else []
    if worst:
        parts += [Text(), Text(text("evaluate.worst"), style="bold")]
    for each in worst:
        parts.append(folded(text("evaluate.worst-row", row=each.row + 1, prompt=_short(each.prompt)), width))
        if not each.reference:  # of plain text there is no more to show
            continue
        parts.append(folded(f"  {words.label('evaluate.wanted')}{_short(each.reference)}", width, muted))
        for name in found.candidates:
            if name in each.answers:
                called = text("evaluate.answered", candidate=metric_words.candidate(name))
                parts.append(folded(f"  {called} {_short(each.answers[name].answer)}", width, muted))
    return Group(*parts)


def figures(found: Evaluation, muted: str) -> RenderableType:
    """Each metric with a line for each candidate, and what was confused with what."""
    from engine.app import evaluation_lines as lines

    tables = lines.by_metric(found)
    head = [text(code) for code in lines.HEAD]
    every = aligned([head, *(line for _, table in tables for line in table)])
    parts: list[RenderableType] = [Text(f"  {every[0]}", style=muted, no_wrap=True)]
    at = 1
    for title, table in tables:
        parts.append(Text(title, style="bold"))
        parts += [Text(f"  {clean(line)}", no_wrap=True) for line in every[at : at + len(table)]]
        at += len(table)
    costs = lines.costs(found)
    if costs:
        first, *others = aligned([[text(code) for code in lines.COST_HEAD], *costs])
        parts += [Text(text("proof.costs"), style="bold"), Text(f"  {first}", style=muted, no_wrap=True)]
        parts += [Text(f"  {clean(line)}", no_wrap=True) for line in others]
    classes = lines.confusion(found)
    if classes is not None:
        parts += [Text(), Text(text("evaluate.confusion"), style="bold")]
        parts += [Text(clean(line), no_wrap=True) for line in aligned(classes[1], right=True)]
    return Group(*parts)


def folded(said: str, width: int, style: str = "") -> Text:
    """``said`` in lines of ``width`` cells."""
    return Text("\n".join(wrap(clean(said), max(20, width))), style=style)


def _short(said: str) -> str:
    flat = clean(said, keep_newlines=False).strip()
    return f"{flat[:_MOST_ANSWER].rstrip()} ..." if len(flat) > _MOST_ANSWER else flat
