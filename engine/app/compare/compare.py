"""Two runs or more side by side: metrics on the very same rows with a verdict, losses, settings, cost, curves.

A group of seeds stands for itself: its figures are means over the seeds, its verdict is over seeds and rows. What can't
be compared is said, never left out without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.app.compare.differences import Difference, differences_of_readable
from engine.app.compare.figures import RowSet, row_sets
from engine.app.compare.notes import notes
from engine.app.compare.sides import Side, side_of
from engine.app.compare.targets import Target
from engine.messages.message import Message


@dataclass(frozen=True)
class Compared:
    """``row_sets``: first those that several sides answered. ``notes`` say what can't be compared, and why.

    ``looked_at`` comparisons were made by the metrics that decide, the first of each set of rows, and ``secondary`` by
    others; of a set of rows the p-values of each kind are corrected together (Holm). ``read`` configs could be read.
    """

    sides: tuple[Side, ...]
    row_sets: tuple[RowSet, ...]
    settings: tuple[Difference, ...]
    notes: tuple[Message, ...]
    looked_at: int
    secondary: int
    read: int


def compare(found: Sequence[Target], by: str = "") -> Compared:
    """The targets side by side, each against the first that was measured on the same rows; ``by`` one metric alone.

    Reads whole logs and answers: takes from a moment to some seconds. No state of a run is a fault. Raises RunError
    for a metric that none of them has.
    """
    sides = tuple(side_of(letter, target) for letter, target in zip("ABCDEFGH", found, strict=False))
    models = {side.letter: side.model for side in sides}
    sets, looked_at, secondary = row_sets({side.letter: side.target for side in sides}, by, models)
    measured = {letter for each in sets for letter in each.letters}
    sets += tuple(each for side in sides if side.letter not in measured and not by for each in side.logged)
    settings, problems = differences_of_readable([side.target.runs[0] for side in sides])
    if any(side.target.group for side in sides):
        settings = [each for each in settings if each.field not in ("run.seed", "run.split_seed")]
    told = (*notes(sides, sets, looked_at, secondary), *problems)
    return Compared(sides, sets, tuple(settings), told, looked_at, secondary, len(sides) - len(problems))
