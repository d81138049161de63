"""The panel of a loss spike: what the step held, and what the three actions would do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from engine.common.clean_text import clean
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.rollback import Plan
from tui.widgets.line import cut

HALF = 0.5


def title(spike: ev.Spike) -> str:
    """What happened at which step."""
    return text("steering.panel-not-finite" if spike.kind == "not-finite" else "steering.panel", step=spike.step)


def panel(spike: ev.Spike, width: int, rows: int, steers: bool = True) -> RenderableType:
    """``spike`` in ``width`` cells, with at most so many of its ``rows``, a line each, and the keys that work."""
    figures = text(
        "steering.figures", loss=spike.loss, expected=spike.expected, norm=spike.grad_norm, rate=spike.learning_rate
    )
    held = text("steering.held", rows=spike.row_count)
    lines = [Text(figures), Text(held)]
    lines += [_row(row) for row in spike.rows[:rows]]
    lines.append(Text(text("steering.actions" if steers else "steering.actions-watched"), style="bold"))
    for line in lines:
        line.no_wrap = True
        cut(line, width)
    return Group(*lines)


def _row(row: ev.HeldRow) -> Text:
    where = text("steering.row", source=row.source, row=str(row.row), tokens=row.tokens, loss=row.loss)
    said = clean(" ".join(row.text.split()), keep_newlines=False)
    return Text(f"  {where}: {said}")


def consequences(planned: Plan, told: Sequence[Message] = ()) -> list[str]:
    """What a rollback would do, a line each; ``told`` is what it does to others."""
    lines = [text("steering.abandons", step=planned.step, steps=planned.from_step - planned.step)]
    if planned.request.skip_rows:
        lines.append(text("steering.skips", rows=planned.rows))
    return [*map(text, told), *lines, text("steering.checkpoints-kept")]
