"""``tunedeck export``: an adapter in the form that another program loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.commands.evaluate import show
from engine.cli.commands.run import Json
from engine.cli.completing import export_targets, run_names
from engine.cli.console import Progress, agrees, json_line, out, say
from engine.messages import formats
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.runs.directory import RunDir
    from engine.runs.evaluations import Evaluation
    from engine.runs.exports import Export

HUB = "hub"


def export(
    name: Annotated[str, typer.Argument(metavar="RUN", autocompletion=run_names)],
    target: Annotated[str, typer.Option("--to", metavar="TARGET", autocompletion=export_targets)],
    kinds: Annotated[list[str] | None, typer.Option("--type", metavar="TYPE")] = None,
    folder: Annotated[Path | None, typer.Option("--out", metavar="FOLDER")] = None,
    repo: Annotated[str, typer.Option(metavar="OWNER/NAME")] = "",
    public: Annotated[bool, typer.Option("--public")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run")] = False,
    yes: Annotated[bool, typer.Option("--yes")] = False,
    proof: Annotated[bool, typer.Option()] = True,
    base_id: Annotated[str, typer.Option(metavar="OWNER/NAME")] = "",
    base: Annotated[str, typer.Option(metavar="MODEL")] = "",
    trust_base: Annotated[bool, typer.Option()] = False,
    as_json: Json = False,
) -> None:
    """Export an adapter for another program; prints its files."""
    import msgspec

    from engine.app.export import export, plan_export
    from engine.app.export_proof import faults
    from engine.app.export_use import uses
    from engine.common.errors import ConfigError, ModelError

    if (target == HUB) != bool(repo):
        raise ConfigError("hub.repo-and-target")
    plan = plan_export(name, "adapter" if target == HUB else target, kinds or (), folder, trust_base, base_id, base)
    about = {"adapter": plan.adapter.name, "base": plan.base.name, "target": target}
    proves = plan.proof_seconds if proof and target != HUB else 0.0
    code = "exporting.about-proved" if proves else "exporting.about"
    say(text(code, **about, size=plan.out_bytes, seconds=plan.seconds, proof=proves))
    if plan.licence is not None:
        say(f"! {text(plan.licence)}")
    if plan.done:
        say(text("exporting.kept", files=len(plan.done)))
    with Progress() as progress:
        made = export(plan, progress)
    if target == HUB and not _pushed(made, plan.run, repo, not public, dry_run, yes, quiet=as_json):
        if as_json:
            json_line(msgspec.to_builtins(made) | {"repo": None, "proof": None})
        return
    for file in made.files if target != HUB and not as_json else ():
        out(str(Path(made.path) / file))
    made, evaluation = _proved(made, plan.run, trust_base, as_json) if proof else (made, None)
    for use in uses(made) if target != HUB else ():
        say(text("widgets.named", name=text(use.code), value=use.command))
    if as_json:
        proven = None if evaluation is None else msgspec.to_builtins(evaluation)
        json_line(msgspec.to_builtins(made) | {"repo": repo or None, "proof": proven})
    if evaluation is not None and faults(evaluation):
        raise typer.Exit(ModelError.exit_code)


def _proved(made: Export, run: RunDir | None, trust_base: bool, quiet: bool) -> tuple[Export, Evaluation | None]:
    """Let the files answer, and show what that says; None where nothing can."""
    from engine.app.evaluate import STOPPED, Stopped
    from engine.app.export_proof import proof_request, prove

    asked = proof_request(made, run, trust_base)
    if asked is None or run is None:
        return made, None
    try:
        with Progress() as progress:
            made, evaluation = prove(made, run, asked, progress)
    except Stopped as stopped:
        say(text("evaluate.stopped", kept=stopped.kept, name=asked.name))
        raise typer.Exit(STOPPED) from None
    if not quiet:
        show(run, evaluation, 0, as_json=False)
    return made, evaluation


def _pushed(
    made: Export, run: RunDir | None, repo: str, private: bool, dry_run: bool, yes: bool, quiet: bool
) -> bool:  # fmt: skip
    """Show what would go to the hub, and send it when the person agrees; whether it was sent."""
    from engine.app.export import CARD
    from engine.app.hub_push import plan_push, push

    planned = plan_push(made, repo, private)
    seen = text("hub.seen-private" if private else "hub.seen-public")
    say(text("hub.would-push", files=len(planned.files), size=planned.bytes, repo=repo, seen=seen))
    for file, size in planned.files.items() if not quiet else ():
        out(f"{file}  {formats.size(size)}")
    if planned.local_base:
        say(text("hub.local-base", base=planned.local_base))
    if CARD in planned.files:
        say(text("hub.read-card", card=planned.folder / CARD))
    if dry_run or not (yes or agrees(text("hub.ask"))):
        return False
    say(text("hub.pushed", repo=push(planned, run=run)))
    return True
