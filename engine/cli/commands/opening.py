"""``tunedeck PATH`` (and ``tunedeck open PATH``): the screen, begun with what lies there."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.usage import COLORS, one_of


def open_path(
    context: typer.Context,
    paths: Annotated[list[str], typer.Argument(metavar="PATH")],
    ascii_only: Annotated[bool, typer.Option("--ascii")] = False,
    no_mouse: Annotated[bool, typer.Option("--no-mouse")] = False,
    colors: Annotated[str, typer.Option(metavar="N", callback=one_of(*COLORS))] = "",
) -> None:
    """Open the screen with what lies at PATH."""
    # The screen reads its flags itself, wherever they stand.
    from engine.app.opening import opened

    raise typer.Exit(context.obj("open", opened=opened(paths)))
