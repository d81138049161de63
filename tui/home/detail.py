"""The chosen run on home: what it is, how it came out, and the keys for what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from engine.common.clean_text import clean
from engine.messages import formats
from engine.messages.catalogue import text
from tui import keys, words
from tui.home.columns import VERDICTS, has_ended, is_group, steps_of
from tui.widgets.bars import KeyBar
from tui.widgets.line import cut_cells, wrap
from tui.widgets.panel import Panel
from tui.widgets.pieces import Tone, figure, row, toned

if TYPE_CHECKING:
    from engine.runs.group_summary import Line
    from tui.keys import Key

Fact = tuple[str, str, Tone]
"""The code of a label, what is so, and its tone."""
_WAYS_ON, _LOOKS = ("talk", "go_on", "evaluate", "export"), ("adapter", "strength", "report", "family")
"""Keys of the two rows: what is made of a run, and what is to be seen."""
_LABEL_CELLS = 12


class Actions(KeyBar):
    """A row of keys inside a screen: what can't be done now is not there."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(key for name in names for key in keys.HOME if key.id == name)

    def _shown(self, allowed: Mapping[Key, bool | None], width: int) -> list[Key]:
        shown = [key for key, may in allowed.items() if may]
        self.display = bool(shown)
        return shown


class Detail(Panel):
    """Shows what ``tell`` is given; in a short window two lines, else one a fact."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__("", id=id)
        self._shown = Content("")

    def compose(self) -> ComposeResult:
        yield Static("", id="facts", markup=False)
        yield Actions(_WAYS_ON)
        yield Actions(_LOOKS)

    def tell(self, line: Line | None, short: bool, width: int) -> None:
        """Of ``line`` in ``width`` cells; nothing is drawn when nothing changed."""
        self.display = line is not None
        if line is None:
            return
        self.rename(cut_cells(clean(line.name, keep_newlines=False), width - 4))
        found = facts(line)
        shown = _in_two(found, width - 2) if short else _one_each(found, width - 2)
        if shown != self._shown:
            self._shown = shown
            self.query_one("#facts", Static).update(shown)


def facts(line: Line) -> list[Fact]:
    """What is known of a run or a group, what matters most first."""
    from engine.runs.listing import result_of

    found: list[Fact] = []
    if line.state in ("failed", "crashed", "damaged", "stopped") and line.reason:
        found.append(("home.fact-reason", words.said(line.reason), "look" if line.state == "stopped" else "lost"))
    elif result := result_of(line):
        verdict = line.score.verdict if line.score else None
        tone: Tone = VERDICTS[verdict][2] if verdict else ""  # type: ignore[assignment]
        found.append(("home.fact-result", words.said(result), tone))
    if not has_ended(line):
        eta_s = None if is_group(line) else line.eta_s
        left = f"  {text('home.eta', left=eta_s)}" if eta_s is not None else ""
        found.append(("home.fact-step", steps_of(line) + left, "good" if line.state == "running" else ""))
    model, data = words.said(PurePath(line.model).name), [words.source_name(PurePath(each).name) for each in line.data]
    found += [("home.fact-base", model, ""), ("home.fact-data", words.commas(data), "")]
    if is_group(line):
        found.append(("home.fact-seeds", words.commas(str(each.seed) for each in line.members), ""))
        return [fact for fact in found if fact[1]]
    for code, loss in (("home.fact-eval", line.eval_loss), ("home.fact-test", line.test_loss)):
        found.append((code, "" if loss is None else formats.loss(loss), ""))
    found.append(("home.fact-gpu", words.commas(map(str, line.gpus)), ""))
    found.append(("home.fact-folder", clean(str(line.run.path), keep_newlines=False), "muted"))
    return [fact for fact in found if fact[1]]


def _in_two(found: list[Fact], width: int) -> Content:
    """The first fact in a line of its own, the others as far as they fit in the second."""
    (code, said, tone), *rest = found or [("home.fact-base", "-", "")]
    first = Content.assemble((f"{text(code)} ", "$muted"))
    first += toned(cut_cells(said, width - first.cell_length), tone)
    second = Content("")
    for code, said, tone in rest:
        if code == "home.fact-folder":
            continue
        longer = row(second, figure(text(code), cut_cells(said, 30), tone=tone))
        second = longer if longer.cell_length <= width else second
    return Content("\n").join([first, second])


def _one_each(found: list[Fact], width: int) -> Content:
    """A line a fact behind its label; long ones go on below, at most two lines each."""
    lines = []
    for code, said, tone in found:
        wrapped = wrap(said, max(20, width - _LABEL_CELLS))
        shown = [wrapped[0], cut_cells(" ".join(wrapped[1:]), width - _LABEL_CELLS)] if len(wrapped) > 1 else wrapped
        for place, part in enumerate(shown):
            label = "" if place else text(code)
            blank = Content(" " * max(1, _LABEL_CELLS - Content(label).cell_length))
            lines.append(toned(label, "muted") + blank + toned(part, tone))
    return Content("\n").join(lines)
