"""``tunedeck data``: look at rows before a model learns them."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.commands.data_named import FATAL, NO_MODEL, UNUSABLE, config_of
from engine.cli.commands.data_show import show
from engine.cli.commands.run import Json, Settings
from engine.cli.console import Progress, fail, json_line, out
from engine.common.errors import TunedeckError

app = typer.Typer(
    name="data", no_args_is_help=True, rich_markup_mode=None,
    add_completion=False,
)  # fmt: skip


@app.callback()
def _group() -> None:
    """Look at rows before a model learns them."""


@app.command("check")
def check(
    what: Annotated[
        list[str],
        typer.Argument(metavar="CONFIG|FILE...", show_default=False),
    ],
    settings: Settings = None,
    model: Annotated[str, typer.Option(metavar="NAME")] = "",
    rows: Annotated[int, typer.Option(min=0, max=20)] = 3,
    as_json: Json = False,
) -> None:
    """Examine rows: what is broken, repeated, cut off, private or wrong, which rows, and what helps."""
    from engine.common import hub_watch
    from engine.data.quality.examine import examine
    from engine.data.quality.findings import to_json
    from engine.data.quality.report import lines_of

    try:
        config = config_of(what, settings or [], model)
        with Progress() as progress, hub_watch.listening(lambda words: progress(0, None, words)):
            report = examine(config, progress, tokens=config.model.name_or_path != NO_MODEL)
    except TunedeckError as problem:
        fail(problem, UNUSABLE)
        raise typer.Exit(UNUSABLE) from None
    if as_json:
        json_line(to_json(report) | {"fatal": report.is_fatal})
    else:
        for line in lines_of(report, rows):
            out(line)
    if report.is_fatal:
        raise typer.Exit(FATAL)


app.command("show")(show)
