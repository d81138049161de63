"""``tunedeck model``: fetch a model, and list those on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.completing import starters
from engine.cli.console import Progress, json_line, one_line, out, say, table
from engine.messages.catalogue import text
from engine.messages.formats import amount

_COLUMNS = (
    "cli.column-model", "cli.column-parameters", "cli.column-kind", "cli.column-disk", "cli.column-folder",
)  # fmt: skip
app = typer.Typer(name="model", no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", autocompletion=starters)],
    revision: Annotated[str, typer.Option()] = "main",
    allow_pickle: Annotated[bool, typer.Option()] = False,
) -> None:
    """Fetch a model; what is here already is not fetched again. Prints its folder."""
    from engine.models import hub, starter

    with Progress() as progress:
        if name in starter.STARTERS:
            result = starter.get(name, progress)
            path, did = result.path, result.did
        else:
            path, did = hub.download(name, revision, progress, allow_pickle), ()
    for each in did:
        say(text(each))
    out(str(path))


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the models on this machine, and the starter models there are."""
    from engine.models.local import scan_models
    from engine.models.starter import STARTERS

    scan = scan_models()
    names = {card.name for card in scan.models}
    if as_json:
        json_line(
            [
                {"name": card.name, "path": str(card.path), "parameters": card.parameters, "kind": card.kind,
                 "dtype": card.dtype, "weight_bytes": card.weight_bytes, "model_type": card.model_type}
                for card in scan.models
            ]
        )  # fmt: skip
        return
    table(
        [text(code) for code in _COLUMNS],
        [
            [card.name, amount(card.parameters) if card.parameters else "", card.kind,
             f"{card.weight_bytes / 1e6:,.0f} MB", str(card.path)]
            for card in scan.models
        ],
    )  # fmt: skip
    for folder, problem in scan.broken:
        say(one_line(text("cli.model-unusable", folder=folder, reason=problem.reason)))
    for starter_name, starter in STARTERS.items():
        if starter_name not in names:
            say(text("cli.starter", name=starter_name, title=starter.title))
