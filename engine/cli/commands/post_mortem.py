"""A post-mortem as text and as JSON values, and a remedy applied without a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.cli.console import out, say
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.post_mortem import PostMortem
    from engine.runs.directory import RunDir

_WAYS = {"resume": "cli-runs.way-resumes", "restart": "cli-runs.way-restarts", "new run": "cli-runs.way-new-run"}


def print_post_mortem(run: RunDir, found: PostMortem) -> None:
    """Title, why, who else was there, and the remedies with the command that applies one."""
    from engine.app.remedy import way_of

    out()
    out(text(found.title))
    for line in (*([found.what] if found.what else []), *found.shortage):
        out(f"  {text(line)}")
    for who in found.others:
        out(f"  {text('cli-runs.also-on-gpu', who=who)}")
    if not found.remedies:
        if found.is_explained:
            out(f"  {text('cli-runs.no-remedy')}")
        return
    out(text("cli-runs.remedies"))
    for number, remedy in enumerate(found.remedies, 1):
        out(f"  {number}  {text(remedy.message)}")
        out(f"     {text(_WAYS[way_of(run, found, remedy).kind])}")
    out(text("cli-runs.apply-remedy", run=run.id))


def json_values(found: PostMortem) -> dict[str, Any]:
    return {
        "title": found.title.as_json(), "what": found.what.as_json() if found.what else None,
        "shortage": [each.as_json() for each in found.shortage], "others": [each.as_json() for each in found.others],
        "phase": found.failure.phase, "step": found.failure.step,
        "remedies": [
            {
                "what": each.what.as_json(), "settings": each.settings,
                "saved_bytes": round(each.saved_bytes), "slow_down": round(each.slow_down, 3), "carries": each.carries,
                "enough": each.enough, "same_result": each.same_result,
            }
            for each in found.remedies
        ],
    }  # fmt: skip


def apply_remedy(run: RunDir, number: int) -> RunDir:
    """Apply remedy ``number`` (from 1) and launch; returns the run that runs now. Raises RunError, TunedeckError."""
    from engine.app import remedy as remedying
    from engine.app.post_mortem import examine_here
    from engine.machine.snapshot import read_machine_now
    from engine.runs.follow import load_state

    remedying.require_ended(run)
    found = examine_here(run, load_state(run))
    remedy = remedying.numbered(run, found, number)
    assert found is not None
    say(text(remedy.what))
    for line in remedying.way_of(run, found, remedy).lines:
        say(f"  {text(line)}")
    machine = read_machine_now() if remedy.wait_bytes else None
    target = remedying.apply(run, found, remedy, machine=machine)
    if target != run:
        say(text("cli-runs.created", run=target.id, path=target.path))
    return target
