"""What a step held, for people to look at: its rows as they were read, and the losses of the steps before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.data.rows.messages import Row
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.runs.rollback import state_in_log
from engine.tokens.dataset import Prepared
from engine.training.loop import Held
from engine.training.spikes import WINDOW

_SHOWN, _LETTERS = 8, 400


def held_rows(rows: Prepared, indices: Sequence[int], losses: Mapping[int, float]) -> Held:
    """The rows of the examples ``indices``, by the mean ``losses`` that are known by index, highest first."""
    distinct = list(dict.fromkeys(indices))
    # One that is no number comes before all others: it made the step's loss none.
    ordered = sorted(distinct, key=lambda index: _rank(losses.get(index)), reverse=True)[:_SHOWN]
    originals = rows.train.originals(ordered, rows.sources)
    shown = [
        ev.HeldRow(
            source=row.source, file=row.file, row=row.number, tokens=int(rows.train.lengths[index]),
            loss=losses.get(index), text=_beginning(row),
        )
        for index, row in zip(ordered, originals, strict=True)
    ]  # fmt: skip
    return Held(shown, list(dict.fromkeys(rows.train.keys(distinct))))


def _rank(loss: float | None) -> tuple[bool, float]:
    if loss is None:
        return False, -1.0
    return loss != loss or loss == float("inf"), loss if loss == loss else 0.0


def _beginning(row: Row) -> str:
    """What the row says, a line a turn, cut."""
    said = row.text if row.kind == "text" else "\n".join(f"{turn.role}: {turn.text}" for turn in row.messages)
    return said[:_LETTERS] + ("..." if len(said) > _LETTERS else "")


def losses_before(run: RunDir, step: int) -> Sequence[float]:
    """The losses of the steps up to ``step`` that the log has, the newest of them."""
    series = state_in_log(run).series.get("loss")
    if series is None:
        return []
    return [y for x, y in zip(series.x[: series.length], series.y[: series.length], strict=True) if x <= step][-WINDOW:]
