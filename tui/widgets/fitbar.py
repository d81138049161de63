"""The foot of the wizard: what a run needs, whether it fits and what the memory goes to; words before that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from engine.common.clean_text import shorten
from engine.messages.catalogue import text
from tui import fit_words
from tui.widgets.line import cut

if TYPE_CHECKING:
    from engine.memory.fit import Fit

NAMES = {
    "W": "weights",
    "L": "adapter",
    "O": "optimizer",
    "A": "activations",
    "G": "logits",
    "T": "copies",
    "C": "context",
    "p": "others",
}
"""Letter to the name its colour has in the theme (``term-...``)."""
OURS = tuple(name for letter, name in NAMES.items() if letter != "p")
FREE = "."
BLOCKS = {FREE: "·", "p": "▒"}
"""What is drawn for a letter where there are colours and Unicode: of a term, a full block in its colour."""
REVERSED = Style(reverse=True)
LEAST_CELLS = 20
WIDE = 100
GAPS = (4, 3, 2)
"""Blanks between the pieces of the first line, where there is room for so many."""


@dataclass(frozen=True)
class Bar:
    """``inside`` the GPU: p for others, letters of the terms, dots for what is free; ``beyond``: what has no place."""

    inside: str
    beyond: str


def lay_out(groups: Mapping[str, float], used_bytes: float, total_bytes: float, width: int) -> Bar:
    """Others' ``used_bytes`` first, then ``groups`` (bytes by letter, in order), then what is free.

    A bar that is too long keeps ``width`` cells in all: the GPU's own share of them shrinks.
    """
    needed = sum(groups.values())
    surplus = needed + used_bytes - total_bytes
    cells = width
    if surplus > 0:
        cells = min(width - 1, max(1, round(width * total_bytes / (total_bytes + surplus))))
    scale = cells / total_bytes if total_bytes else 0.0
    taken = min(cells, round(used_bytes * scale))
    own = _letters(groups, cells - taken + width - cells if surplus > 0 else min(cells, max(1, round(needed * scale))))
    room = cells - taken
    return Bar("p" * taken + own[:room] + FREE * (room - len(own)), own[room:])


def _letters(groups: Mapping[str, float], cells: int) -> str:
    """``cells`` letters shared out by size, each border rounded on its own so that the sum is exact."""
    whole, done, drawn = sum(groups.values()), 0.0, ""
    for letter, size in groups.items():
        done += size
        end = round(done / whole * cells) if whole else 0
        drawn += letter * (end - len(drawn))
    return drawn


def groups_of(fit: Fit) -> dict[str, float]:
    """Bytes at the peak by letter; C is the GPU's context and the margin, so that the sum is what is needed."""
    from engine.memory.report import bar_groups

    groups = bar_groups(fit.estimate.peak)
    return {**groups, "C": max(0.0, fit.verdict.needed_bytes - sum(groups.values()))}


def fitting(pieces: Sequence[str], width: int) -> list[str]:
    """The pieces that have room in ``width`` cells, the first two whatever happens."""
    kept = list(pieces[:2])
    for piece in pieces[2:]:
        if _length([*kept, piece], GAPS[-1]) <= width:
            kept.append(piece)
    return kept


def _length(pieces: Sequence[str], gap: int) -> int:
    return sum(cell_len(piece) for piece in pieces) + gap * (len(pieces) - 1)


class FitBar(Widget):
    """Shows a Fit; ``show`` sends nothing when no figure that is shown changed, else only the line that did.

    Letters stand for the terms unless there is ``colour``, which needs ``unicode``.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"fitbar--{name}" for name in (*NAMES.values(), "success", "warning", "error", "muted", "foreground"))
    }
    DEFAULT_CSS = (
        "FitBar { height: 2; width: 1fr; padding: 0 1; }\n"
        + "".join(f"FitBar > .fitbar--{name} {{ color: $term-{name}; }}" for name in OURS)
        + "FitBar > .fitbar--others { color: $term-others; text-style: bold; }"
        + "".join(
            f"FitBar > .fitbar--{name} {{ color: ${name}; text-style: bold; }}"
            for name in ("success", "warning", "error")
        )
        + "FitBar > .fitbar--muted { color: $muted; }"
        + "FitBar > .fitbar--foreground { color: $foreground; text-style: bold; }"
    )

    def __init__(self, unicode: bool = True, colour: bool = True) -> None:
        super().__init__()
        self._unicode, self._blocks = unicode, unicode and colour
        self._fit: Fit | None = None
        self._pieces: tuple[str, ...] = ()
        self._drawn: tuple[Text, ...] = ()

    @property
    def words(self) -> str:
        """Both lines as they are on the screen."""
        return "\n".join(line.plain for line in self._lines())

    def show(self, fit: Fit, pieces: Sequence[str] = ()) -> None:
        """``pieces`` follow the verdict, the most important first: those without room are left out."""
        self._fit, self._pieces = fit, tuple(pieces)
        for row, (before, now) in enumerate(zip(self._drawn, self._lines(), strict=False)):
            if before.plain != now.plain or before.spans != now.spans:
                self.refresh(Region(self.gutter.left, row, self.content_size.width, 1))
        if not self._drawn:
            self.refresh()

    def render(self) -> Text:
        self._drawn = self._lines()
        return Text("\n", end="").join(self._drawn)

    def _lines(self) -> tuple[Text, ...]:
        width = self.content_size.width
        if self._fit is None or width < LEAST_CELLS:
            return ()
        return self._verdict(self._fit, width), self._bar(self._fit, width)

    def _verdict(self, fit: Fit, width: int) -> Text:
        level = self.get_component_rich_style(f"fitbar--{fit_words.STYLES[fit.verdict.level]}", partial=True)
        extras = (fit_words.calibrated(fit, self._unicode), shorten(fit.budget.name, 28) if fit.budget.gpu else "")
        needs, verdict = fit_words.needs(fit), fit_words.verdict(fit)
        pieces = fitting((needs, verdict, *filter(None, (*self._pieces, *extras))), width)
        gap = next((gap for gap in GAPS if _length(pieces, gap) <= width), GAPS[-1])
        line = Text(needs, no_wrap=True, end="").append(" " * gap).append(verdict, level)
        for piece in pieces[2:]:
            line.append(" " * gap + piece)
        cut(line, width)
        return line

    def _bar(self, fit: Fit, width: int) -> Text:
        legend = self._legend(fit, width)
        cut(legend, width - 3 - LEAST_CELLS)
        budget, cells = fit.budget, width - 2 - cell_len(legend.plain)
        overflows = fit.verdict.spare_bytes < 0
        bar = lay_out(groups_of(fit), budget.used_bytes, budget.total_bytes, cells - overflows)
        line = Text("" if self._blocks else "[", no_wrap=True, end="")
        self._draw(line, bar.inside)
        # The mark at the limit: what is drawn beyond it has no place.
        line.append("┃" if self._blocks else "]", self._style("error" if bar.beyond else "foreground"))
        if bar.beyond:
            beyond = "█" * len(bar.beyond) if self._blocks else bar.beyond
            line.append(f"!{beyond}", self._style("error"))
        line.append(" " * (cells + (not self._blocks) + 1 - cell_len(line.plain)))
        return line.append(legend)

    def _legend(self, fit: Fit, width: int) -> Text:
        """``others 2.4 + run 17.8 + free 3.8 of 24.0 GiB``, each beside a sample of how it is drawn."""
        budget, verdict = fit.budget, fit.verdict
        pieces: list[tuple[str, str, float, str]] = []
        if budget.used_bytes >= fit_words.WORTH_NAMING_SHARE * budget.total_bytes:
            pieces.append(("p", "others", budget.used_bytes, "widgets.bar-others"))
        pieces.append(("W", "weights", verdict.needed_bytes, "widgets.bar-run"))
        if verdict.spare_bytes > 0:
            pieces.append((FREE, "muted", fit_words.spare_shown(fit), "widgets.bar-free"))
        legend = Text(end="")
        for letter, name, size, code in pieces:
            sample = BLOCKS.get(letter, "█") if self._blocks else "" if letter == "W" else letter
            legend.append("  ").append(sample, self._style(name)).append(" " * bool(sample))
            legend.append(text(code, size=size))
        legend.append(text("widgets.bar-of", total=budget.total_bytes), self._style("muted"))
        if width >= WIDE:
            legend.append(f"  {text('widgets.peak', moment=text(fit_words.MOMENTS[fit.estimate.peak.name]))}",
                          self._style("muted"))  # fmt: skip
            if others := fit_words.others(budget, short=True):
                legend.append(f"  {others}", self._style("muted"))
        return legend

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"fitbar--{name}", partial=True)

    def _draw(self, line: Text, letters: str) -> None:
        start = 0
        for end in range(1, len(letters) + 1):
            if end == len(letters) or letters[end] != letters[start]:
                letter, style = letters[start], self._style(NAMES.get(letters[start], "muted"))
                if self._blocks:
                    line.append(BLOCKS.get(letter, "█") * (end - start), style)
                else:
                    line.append(letters[start:end], style + REVERSED if letter in NAMES and letter != "p" else style)
                start = end


class ConsequenceLine(Static):
    """At the foot of the wizard; redrawn only when its words change."""

    DEFAULT_CSS = "ConsequenceLine { height: 2; width: 1fr; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.words = ""

    def say(self, words: str, note: str = "") -> None:
        """``note`` follows on a line of its own."""
        both = f"{words}\n{note}" if note else words
        if both != self.words:
            self.words = both
            self.update(Content(both))
