"""``tunedeck export``: an adapter in the form that another program loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, json_line, out, say
from engine.messages.catalogue import text


def export(
    name: Annotated[str, typer.Argument(metavar="RUN")],
    target: Annotated[str, typer.Option("--to", metavar="TARGET")],
    kinds: Annotated[list[str] | None, typer.Option("--type", metavar="TYPE")] = None,
    folder: Annotated[Path | None, typer.Option("--out", metavar="FOLDER")] = None,
    trust_base: Annotated[bool, typer.Option()] = False,
    as_json: Json = False,
) -> None:
    """Export an adapter for another program; prints its files."""
    import msgspec

    from engine.app.export import export, plan_export

    plan = plan_export(name, target, kinds or (), folder, trust_base)
    about = {"adapter": plan.adapter.name, "base": plan.base.name, "target": target}
    say(text("exporting.about", **about, size=plan.out_bytes, seconds=plan.seconds))
    if plan.done:
        say(text("exporting.kept", files=len(plan.done)))
    progress = Progress()
    try:
        made = export(plan, progress)
    finally:
        progress.end()
    if as_json:
        json_line(msgspec.to_builtins(made))
        return
    for file in made.files:
        out(str(Path(made.path) / file))
