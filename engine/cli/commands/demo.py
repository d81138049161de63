"""``tunedeck demo``: the wizard filled in, or without a screen the whole demo and its table of before and after."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import outcome
from engine.cli.commands.run import Settings, checked, exit_code, tell, tell_end
from engine.cli.commands.watch import INTERRUPTED, watch
from engine.cli.console import Progress, json_line, one_line, out, padded, say, table
from engine.common.errors import RunError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs import events as ev
    from engine.runs.evaluations import Evaluation
    from engine.runs.state import RunState

_LABEL_CELLS = 13


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
    say(text("cli-runs.created", run=run.id, path=run.path))
    watched = watch(run, on_interrupt="stop")
    if watched.left:
        say(text("cli-runs.left-to-stop", run=run.id))
        raise typer.Exit(INTERRUPTED)
    seconds = time.monotonic() - began
    tell_end(run, watched, with_figures=False)
    code = exit_code(watched)
    if code:
        raise typer.Exit(code)
    evaluation = outcome.own_evaluation(run)
    comparison = compare(watched.state, seconds, evaluation)
    show(watched.state, comparison, evaluation)
    if as_json:
        json_line(comparison)


def demo_with(settings: Sequence[str]) -> Resolved:
    """The demo's config with ``--set`` assignments on top."""
    from engine.app.demo import demo_layers
    from engine.config.presets import Layer, overrides, resolve
    from engine.config.provenance import SET

    extra = [Layer(SET, overrides(settings))] if settings else []
    return resolve([*demo_layers(), *extra])


def compare(state: RunState, seconds: float, evaluation: Evaluation | None = None) -> dict[str, Any]:
    """Before against after, from the run's own evaluations. Raises RunError when one of them is not there.

    Exact match is a fraction of ``n`` held-out rows, ``peak_rss_gib`` the runner's largest resident memory.
    """
    from engine.runs import story

    before, after = state.evals_at("before"), state.evals_at("after")
    if before is None or after is None:
        raise RunError("cli-runs.not-evaluated", state=story.state(state.state))
    return {
        "exact_match_before": before.metrics.get("exact_match", math.nan),
        "exact_match_after": after.metrics.get("exact_match", math.nan),
        "loss_before": before.loss,
        "loss_after": after.loss,
        "n": after.n,
        "loss_n": after.loss_n or after.n,
        "seconds": round(seconds, 1),
        "peak_rss_gib": round((state.peak_rss or 0) / 2**30, 3),
        "evaluation": outcome.as_values(evaluation),
    }


def show(state: RunState, comparison: dict[str, Any], evaluation: Evaluation | None = None) -> None:
    """The verdict with its table, the loss (without a verdict all figures) before and after, the example answers.

    On stdout, but for what must be known of the figures.
    """
    from engine.metrics import words

    n = comparison["n"]
    if evaluation is not None:
        out(outcome.verdict(evaluation))
        out()
        table(outcome.head(), list(outcome.lines(evaluation)))
        for note in outcome.notes(evaluation):
            say(note)
        out()
    right = [f"{comparison[f'exact_match_{when}']:.0%}" for when in ("before", "after")]
    measured = [] if evaluation is not None else [[text(words.metric("exact_match")), *right]]
    table(
        [text("cli-runs.on-rows", rows=n), text("cli-runs.before"), text("cli-runs.after")],
        [
            *measured,
            [
                text("cli-runs.loss-row", rows=comparison["loss_n"]),
                *(_loss(comparison[f"loss_{when}"]) for when in ("before", "after")),
            ],
        ],
    )
    for number, (first, last) in enumerate(pairs(state.samples)[:3], 1):
        out()
        told = [(text("cli-runs.example", number=number), last.prompt),
                ("  " + text("cli-runs.answer-before"), first.answer),
                ("  " + text("cli-runs.answer-after"), last.answer)]  # fmt: skip
        if last.reference is not None:
            told.append(("  " + text("cli-runs.should-be"), last.reference))
        for label, said in told:
            out(f"{padded(label, _LABEL_CELLS)}{one_line(said)}")
    out()
    out(text("cli-runs.took", seconds=comparison["seconds"], peak=round(comparison["peak_rss_gib"] * 2**30)))


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
    say(text("cli-runs.starter-fetched", name=name))
    with Progress() as progress:
        result = get(name, progress)
    for each in result.did:
        say(text(each))
