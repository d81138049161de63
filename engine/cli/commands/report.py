"""``tunedeck report``: one HTML file on what a run did and whether it worked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.completing import run_names
from engine.cli.console import out, say
from engine.messages.catalogue import text


def report(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE")] = None,
    force: Annotated[bool, typer.Option("--force")] = False,
    open_it: Annotated[bool, typer.Option("--open")] = False,
) -> None:
    """Write one HTML file on what a run did and whether it worked."""
    from engine.app.report import open_in_browser, write
    from engine.cli.commands.lookup import run_or_latest

    path = write(run_or_latest(run), to, force)
    out(str(path))
    if open_it and not open_in_browser(path):
        say(text("report.no-browser"))
