"""``tunedeck compare``: runs side by side, with a verdict where they answered the same rows."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.completing import run_names
from engine.cli.console import json_line, out, table
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.compare.compare import Compared
    from engine.app.compare.sides import Side
    from engine.app.compare.tables import Cell


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", show_default=False, autocompletion=run_names)],
    by: Annotated[str, typer.Option("--by", metavar="METRIC")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Put runs side by side."""
    from engine.app.compare.compare import compare as side_by_side
    from engine.app.compare.tables import tables
    from engine.app.compare.targets import targets

    found = side_by_side(targets(runs), by)
    if as_json:
        json_line(values(found))
        return
    for number, each in enumerate(tables(found)):
        if number:
            out("")
        if each.rows:
            header = [_shown(cell) for cell in each.header]
            table([text(each.title), *header[1:]], [[_shown(cell) for cell in row] for row in each.rows])
        else:
            out(text(each.title))
        for sentence in each.below:
            out(text(sentence))


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else text(cell)


def values(found: Compared) -> dict[str, Any]:
    """A comparison for a program."""
    return {
        "runs": [_side(side) for side in found.sides],
        "row_sets": [
            {
                "part": each.part, "data": each.data or None, "n": each.n, "runs": list(each.letters),
                "new_tokens": [{"letter": letter, "most": list(most)} for letter, most in each.new_tokens.items()],
                "metrics": [
                    {
                        "metric": figure.metric,
                        "values": [{"letter": letter, **asdict(value)} for letter, value in figure.values.items()],
                        "comparisons": [asdict(versus) for versus in figure.versus], "barred": figure.barred,
                    }
                    for figure in each.figures
                ],
            }
            for each in found.row_sets
        ],
        "comparisons_made": found.looked_at, "secondary_comparisons": found.secondary,
        "settings": [{"field": each.field, "values": list(each.values)} for each in found.settings],
        "notes": list(found.notes),
    }  # fmt: skip


def _side(side: Side) -> dict[str, Any]:
    group = side.target.group
    return {
        "letter": side.letter, "run": None if group else side.target.id, "group": group.id if group else None,
        "name": side.name, "state": side.state, "model": side.model, "kind": side.kind or None, "seeds": side.seeds,
        "result_step": side.result_step, "losses": dict(side.losses), "cost": asdict(side.cost),
    }  # fmt: skip
