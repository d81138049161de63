"""What an export made: the proof's verdict, what to type next, the files with their folder, and the figures."""

from __future__ import annotations

from pathlib import Path

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

_UNPROVED = {"adapter": "exporting.same-files", "vllm": "exporting.not-asked"}


def result(ended: Ended, width: int, colours: Colours) -> RenderableType:
    """``ended``, which made something, on a screen of ``width`` cells."""
    from engine.app import evaluation_lines as lines
    from engine.app.export_proof import faults
    from engine.app.export_use import uses

    made, proof = ended.made, ended.proof
    assert made is not None
    grave, muted = evaluated.grave(colours), colours("muted")
    parts: list[RenderableType] = [folded(_headline(ended), width, "bold")]
    if ended.problem is not None:
        parts.append(folded(ended.problem.said, width, grave))
    if proof is not None:
        parts += [folded(f"! {words.said(each)}", width, grave) for each in faults(proof)]
    parts.append(Text())
    if made.is_there:
        for use in uses(made):
            parts += [Text(text(use.code), style=muted), _with_paths(use.command, width)]
        parts.append(Text())
    head = "exporting.files-at" if made.is_there else "exporting.was-at"
    parts.append(_with_paths(text(head, folder=made.path), width, muted))
    for name, size in made.files.items():
        there = (Path(made.path) / name).is_file()
        cells = clean(name, keep_newlines=False), formats.size(size), "" if there else text("exporting.gone")
        parts.append(Text("  ".join(["", *filter(None, cells)]), no_wrap=True))
    if proof is not None:
        parts += [Text(), evaluated.figures(proof, colours), Text()]
        parts += [folded(note, width, muted) for is_grave, note in lines.notes(proof) if not is_grave]
    return Group(*parts)


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
