"""Before and after the training side by side, as figures and as bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from engine.messages import formats
from engine.messages.catalogue import text
from engine.metrics import words
from tui.words import bar, gauge_parts

_LONGEST_BAR, _SHORTEST_BAR = 20, 6
_FIGURES = 44  # cells that title and figures take beside the bars


@dataclass(frozen=True)
class ByWidth:
    """A renderable that is made for the cells there are."""

    make: Callable[[int], RenderableType]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield self.make(options.max_width)


@dataclass(frozen=True)
class Change:
    """A figure before and after; ``shares`` fill the bars, and None stands for what was not measured."""

    title: str
    before: str
    after: str
    shares: tuple[float | None, float | None]
    is_better: bool = False

    @classmethod
    def of_metric(cls, title: str, metric: str, before: float | None, after: float, digits: int = 1) -> Change:
        """A share is drawn against the whole, any other figure against the larger of both."""
        better = before is not None and before != after and (after > before) is not (metric in words.LOWER_IS_BETTER)
        whole = 1.0 if words.is_share(metric) else max(abs(before or 0.0), abs(after)) or 1.0
        shares = (None if before is None else abs(before) / whole, abs(after) / whole)
        told = words.value(metric, before, digits=digits), words.value(metric, after, digits=digits)
        return cls(title, *told, shares, better)

    @classmethod
    def of_loss(cls, title: str, before: float | None, after: float) -> Change:
        """Drawn against the larger of both; lower is better."""
        whole = max(before or 0.0, after) or 1.0
        shares = (None if before is None else before / whole, after / whole)
        return cls(title, formats.loss(before), formats.loss(after), shares, before is not None and after < before)


Section = tuple[str, Sequence[Change]]
"""What the figures below are of, and the figures."""


def table(sections: Sequence[Section], style: Callable[[str], str], unicode: bool) -> RenderableType:
    """A line for each change; the words for before and after stand once, above the first."""
    return ByWidth(lambda width: _table(sections, style, unicode, width))


def _table(sections: Sequence[Section], style: Callable[[str], str], unicode: bool, width: int) -> RenderableType:
    muted, good = style("muted"), style("success")
    cells = min(_LONGEST_BAR, (width - _FIGURES) // 2)
    bars = cells >= _SHORTEST_BAR
    grid = Table.grid(padding=(0, 2))
    for justify in ("left", "right", "right", *(("left", "left") if bars else ())):
        grid.add_column(justify=justify, no_wrap=justify == "right")
    for number, (head, changes) in enumerate(sections):
        names = [text("monitor.before"), text("monitor.after")] if not number else ["", ""]
        grid.add_row(Text(head, style=muted), *(Text(name, style=muted) for name in names))
        for each in changes:
            colour = good if each.is_better else ""
            styles, rest = (muted, colour), style("border-blurred")
            pairs = zip(each.shares, styles, strict=True)
            drawn = [_bar(*pair, rest, cells, unicode) for pair in pairs] if bars else []
            grid.add_row(each.title, each.before, Text(each.after, style=f"bold {colour}"), *drawn)
    return grid


def _bar(share: float | None, style: str, rest: str, cells: int, unicode: bool) -> Text:
    """In ``style`` as far as it is full, the others in ``rest``."""
    drawn = Text("-" if share is None else bar(share, cells, unicode), style=rest)
    drawn.stylize(style, 0, drawn.plain.count(gauge_parts(unicode)[0]))
    return drawn
