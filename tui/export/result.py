"""What an export made: the proof's verdict, what to type next, the files with their folder, and the figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from tui import words
from tui.export.job import Ended
from tui.theme import Colours
from tui.widgets import evaluated
from tui.widgets.evaluated import folded
from tui.widgets.line import wrap_paths

if TYPE_CHECKING:
    from engine.runs.evaluations import Evaluation
    from engine.runs.exports import Export

_UNPROVED = {"adapter": "exporting.same-files", "vllm": "exporting.not-asked"}


PARTS = (("verdict", "evaluate.verdict"), ("next", "exporting.next"), ("files", "exporting.files"),
         ("figures", "evaluate.figures"))  # fmt: skip
"""The parts of a result, each with its title."""


def parts(ended: Ended, width: int, colours: Colours) -> dict[str, RenderableType | None]:
    """``ended``, which made something, in lines of ``width`` cells; None for what there is not."""
    assert ended.made is not None
    return {
        "verdict": _verdict(ended, width, colours),
        "next": _next(ended.made, width, colours("muted")),
        "files": _files(ended.made, width, colours("muted")),
        "figures": _figures(ended.proof, width, colours) if ended.proof is not None else None,
    }


def _verdict(ended: Ended, width: int, colours: Colours) -> RenderableType:
    from engine.app.export_proof import faults

    grave = evaluated.grave(colours)
    said: list[RenderableType] = [folded(_headline(ended), width, "bold")]
    if ended.problem is not None:
        said.append(folded(ended.problem.said, width, grave))
    if ended.proof is not None:
        said += [folded(f"! {words.said(each)}", width, grave) for each in faults(ended.proof)]
    return Group(*said)


def _next(made: Export, width: int, muted: str) -> RenderableType | None:
    from engine.app.export_use import uses

    said: list[RenderableType] = []
    for use in uses(made) if made.is_there else ():
        said += [Text(text(use.code), style=muted), _with_paths(use.command, width)]
    return Group(*said) if said else None


def _files(made: Export, width: int, muted: str) -> RenderableType:
    head = "exporting.files-at" if made.is_there else "exporting.was-at"
    said = [_with_paths(text(head, folder=made.path), width, muted)]
    for name, size in made.files.items():
        there = (Path(made.path) / name).is_file()
        cells = clean(name, keep_newlines=False), formats.size(size), "" if there else text("exporting.gone")
        said.append(Text("  ".join(["", *filter(None, cells)]), no_wrap=True))
    return Group(*said)


def _figures(proof: Evaluation, width: int, colours: Colours) -> RenderableType:
    from engine.app import evaluation_lines as lines

    notes = [folded(note, width, colours("muted")) for is_grave, note in lines.notes(proof) if not is_grave]
    return Group(evaluated.figures(proof, colours), *([Text(), *notes] if notes else ()))


def _with_paths(said: str, width: int, style: str = "") -> Text:
    return Text("\n".join(wrap_paths(clean(said, keep_newlines=False), width)), style=style, no_wrap=True)


def _headline(ended: Ended) -> str:
    assert ended.made is not None
    if not ended.made.is_there:
        return text("exporting.files-gone")
    if ended.proof is not None and ended.proof.sentence is not None:
        return words.said(ended.proof.sentence)
    if ended.problem is not None:
        return text("exporting.whole-proof-failed")
    if ended.was_stopped:
        return text("exporting.whole-unproved")
    return text(_UNPROVED.get(ended.made.target, "exporting.whole"))
