"""``tunedeck export``: an adapter in the form that another program loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.commands.run import Json
from engine.cli.console import Progress, json_line, out, say
from engine.messages import formats
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.runs.exports import Export

HUB = "hub"


def export(
    name: Annotated[str, typer.Argument(metavar="RUN")],
    target: Annotated[str, typer.Option("--to", metavar="TARGET")],
    kinds: Annotated[list[str] | None, typer.Option("--type", metavar="TYPE")] = None,
    folder: Annotated[Path | None, typer.Option("--out", metavar="FOLDER")] = None,
    repo: Annotated[str, typer.Option(metavar="OWNER/NAME")] = "",
    public: Annotated[bool, typer.Option("--public")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    yes: Annotated[bool, typer.Option("--yes")] = False,
    base_id: Annotated[str, typer.Option(metavar="OWNER/NAME")] = "",
    trust_base: Annotated[bool, typer.Option()] = False,
    as_json: Json = False,
) -> None:
    """Export an adapter for another program; prints its files."""
    import msgspec

    from engine.app.export import export, plan_export
    from engine.common.errors import ConfigError

    if (target == HUB) != bool(repo):
        raise ConfigError("hub.repo-and-target")
    plan = plan_export(name, "adapter" if target == HUB else target, kinds or (), folder, trust_base, base_id)
    about = {"adapter": plan.adapter.name, "base": plan.base.name, "target": target}
    say(text("exporting.about", **about, size=plan.out_bytes, seconds=plan.seconds))
    if plan.done:
        say(text("exporting.kept", files=len(plan.done)))
    progress = Progress()
    try:
        made = export(plan, progress)
    finally:
        progress.end()
    if target == HUB and not _pushed(made, repo, not public, dry_run, yes):
        return
    if as_json:
        json_line(msgspec.to_builtins(made) | {"repo": repo or None})
        return
    for file in made.files if target != HUB else ():
        out(str(Path(made.path) / file))


def _pushed(made: Export, repo: str, private: bool, dry_run: bool, yes: bool) -> bool:
    """Show what would go to the hub, and send it when the person agrees; whether it was sent."""
    from engine.app.export import CARD
    from engine.app.hub_push import plan_push, push

    planned = plan_push(made, repo, private)
    seen = text("hub.seen-private" if private else "hub.seen-public")
    say(text("hub.would-push", files=len(planned.files), size=planned.bytes, repo=repo, seen=seen))
    for file, size in planned.files.items():
        out(f"{file}  {formats.size(size)}")
    if planned.local_base:
        say(text("hub.local-base", base=planned.local_base))
    if CARD in planned.files:
        say(text("hub.read-card", card=planned.folder / CARD))
    if dry_run or not (yes or typer.confirm(text("hub.ask"), err=True)):
        return False
    say(text("hub.pushed", repo=push(planned)))
    return True
