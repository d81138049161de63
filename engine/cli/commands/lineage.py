"""``tunedeck lineage``: what was made from what, and what differs between two runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.completing import run_names
from engine.cli.console import json_line, one_line, out, say, table
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.models.lineage import Line, Node


_KINDS = {"model": "cli-runs.base-model", "merged": "cli-runs.merged-model", "adapter": "cli-runs.an-adapter",
          "export": "cli-runs.an-export"}  # fmt: skip


def lineage(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    against: Annotated[str, typer.Option(metavar="RUN", autocompletion=run_names)] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show what was made from what."""
    from engine.models.lineage import draw, key_of, read_lineage
    from engine.runs.directory import find

    if against:
        _differences(run, against, as_json)
        return
    family = read_lineage()
    if run:
        family = family.around(key_of(find(run)))
    if as_json:
        json_line([asdict(node) for node in family.nodes.values()])
    elif not family.nodes:
        say(text("cli-runs.none"))
    else:
        for line in draw(family):
            again = f"  {text('cli-runs.see-above')}" if line.is_repeated else ""
            out(one_line(f"{branch(line)}{describe(line.node)}{again}"))


def branch(line: Line) -> str:
    """The lines that lead to a node, in plain ASCII."""
    if not line.lasts:
        return ""
    trunk = "".join("   " if last else "|  " for last in line.lasts[:-1])
    return f"{trunk}{'`- ' if line.lasts[-1] else '|- '}"


def describe(node: Node) -> str:
    """A node in one line: name, how it was made, what it saw, and whether it is gone."""
    kind = node.strategy if node.kind == "adapter" and node.strategy else text(_KINDS[node.kind])
    seen = [path.rpartition("/")[2] or path for path in node.data]
    data = text("cli-runs.from-data", files=seen) if seen else ""
    details = [*map(text, node.details), data, *([text(node.absence)] if node.absence else [])]
    parts = [part for part in (kind, *details) if part]
    names_run = node.run and node.run not in node.title and node.kind != "export"
    name = f"{node.title} [{node.run}]" if names_run else node.title
    return text("widgets.named", name=name, value=text("rows.names", names=parts))


def _differences(first: str, second: str, as_json: bool) -> None:
    from engine.app.compare.differences import differences, shown
    from engine.cli.commands.lookup import run_or_latest
    from engine.runs.directory import find

    ours, theirs = run_or_latest(first), find(second)
    found = differences(ours, theirs)
    if as_json:
        told = [{"field": each.field, "first": each.values[0], "second": each.values[1]} for each in found]
        json_line({"first": ours.id, "second": theirs.id, "differences": told})
    elif not found:
        say(text("cli-runs.no-difference", first=ours.id, second=theirs.id))
    else:
        table(
            [text("cli-runs.column-field"), ours.id, theirs.id],
            [[shown(each.field), *map(shown, each.values)] for each in found],
        )
