"""``tunedeck demo``: the wizard filled in, or without a screen the whole demo and its table of before and after."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.run import Settings, checked, exit_code, tell, tell_end
from engine.cli.commands.watch import INTERRUPTED, watch
from engine.cli.console import Progress, json_line, one_line, out, say, table
from engine.common.errors import RunError
from engine.messages.catalogue import text
from engine.messages.formats import duration

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs import events as ev
    from engine.runs.state import RunState


def demo(
    context: typer.Context,
    headless: Annotated[bool, typer.Option("--headless")] = False,
    settings: Settings = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Teach a 135M model to write orders as JSON."""
    from engine.app.start import start

    resolved = demo_with(settings or [])
    if not headless and not as_json:
        raise typer.Exit(context.obj("demo", prefill=resolved))
    _fetch_starter(resolved.config.model.name_or_path)
    found = checked(resolved)
    tell(found)
    began = time.monotonic()
    run = start(found)
    say(f"Run {run.id} in {run.path}")
    watched = watch(run, on_interrupt="stop")
    if watched.left:
        say(f"Left it to stop by itself. `tunedeck status {run.id}` tells how it went.")
        raise typer.Exit(INTERRUPTED)
    seconds = time.monotonic() - began
    tell_end(run, watched)
    code = exit_code(watched)
    if code:
        raise typer.Exit(code)
    comparison = compare(watched.state, seconds)
    show(watched.state, comparison)
    if as_json:
        json_line(comparison)


def demo_with(settings: Sequence[str]) -> Resolved:
    """The demo's config with ``--set`` assignments on top."""
    from engine.app.demo import demo_layers
    from engine.config.presets import Layer, overrides, resolve
    from engine.config.provenance import SET

    extra = [Layer(SET, overrides(settings))] if settings else []
    return resolve([*demo_layers(), *extra])


def compare(state: RunState, seconds: float) -> dict[str, Any]:
    """Before against after, from the run's own evaluations. Raises RunError when one of them is not there.

    Exact match is a fraction of ``n`` held-out rows, ``peak_rss_gib`` the runner's largest resident memory.
    """
    before, after = state.evals_at("before"), state.evals_at("after")
    if before is None or after is None:
        raise RunError("The run was not evaluated before and after", state.state, "See its log for the reason.")
    return {
        "exact_match_before": before.metrics.get("exact_match", math.nan),
        "exact_match_after": after.metrics.get("exact_match", math.nan),
        "loss_before": before.loss,
        "loss_after": after.loss,
        "n": after.n,
        "seconds": round(seconds, 1),
        "peak_rss_gib": round((state.peak_rss or 0) / 2**30, 3),
    }


def show(state: RunState, comparison: dict[str, Any]) -> None:
    """The table of before and after, and the example answers, on stdout."""
    n = comparison["n"]
    table(
        [f"ON {n} ROWS IT NEVER SAW", "BEFORE", "AFTER"],
        [
            ["exact match", *(f"{comparison[f'exact_match_{when}']:.0%}" for when in ("before", "after"))],
            ["loss", *(_loss(comparison[f"loss_{when}"]) for when in ("before", "after"))],
        ],
    )
    for number, (first, last) in enumerate(pairs(state.samples)[:3], 1):
        out()
        out(f"example {number}   {one_line(last.prompt)}")
        out(f"  before     {one_line(first.answer)}")
        out(f"  after      {one_line(last.answer)}")
        if last.reference is not None:
            out(f"  should be  {one_line(last.reference)}")
    out()
    out(f"{duration(comparison['seconds'])}, peak memory {comparison['peak_rss_gib']:.2f} GiB")


def pairs(samples: Sequence[ev.Sample]) -> list[tuple[ev.Sample, ev.Sample]]:
    """The answers to the same prompt before and after training, in the order of their index."""
    before = {sample.index: sample for sample in samples if sample.moment == "before"}
    after = {sample.index: sample for sample in samples if sample.moment == "after"}
    return [(before[index], after[index]) for index in sorted(before.keys() & after.keys())]


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _fetch_starter(name: str) -> None:
    """The demo brings its model along: fetched once, before the clock starts."""
    from engine.common import paths
    from engine.models.starter import STARTERS, get

    if name not in STARTERS or (paths.models_dir() / name).is_dir():
        return
    say(f"The starter model {name} is not here yet; it is fetched once.")
    progress = Progress()
    try:
        result = get(name, progress)
    finally:
        progress.end()
    for each in result.did:
        say(text(each))
