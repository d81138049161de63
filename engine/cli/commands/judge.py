"""``tunedeck judge``: pairs of answers judged blind, by a person on the screen or by a local model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.commands.evaluate import as_values
from engine.cli.commands.lookup import run_or_latest
from engine.cli.commands.run import Json
from engine.cli.completing import run_names
from engine.cli.console import Progress, json_line, out, say
from engine.common.errors import ConfigError
from engine.messages.catalogue import text

if TYPE_CHECKING:
    from engine.app.judge import Bench
    from engine.runs.evaluations import Evaluation


def judge(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    by: Annotated[str, typer.Option(metavar="MODEL")] = "",
    evaluation: Annotated[str, typer.Option(metavar="NAME")] = "",
    against: Annotated[str, typer.Option(metavar="CANDIDATE")] = "",
    rows: Annotated[int, typer.Option(metavar="N", min=0)] = 0,
    verdict: Annotated[bool, typer.Option("--verdict")] = False,
    trust_base: Annotated[bool, typer.Option("--trust-base")] = False,
    as_json: Json = False,
) -> None:
    """Judge pairs of a run's answers, blind."""
    from engine.app.judge import conclude, lines_of, open_bench
    from engine.runs.choices import HAND

    target = run_or_latest(run)
    with Progress() as progress:
        bench = open_bench(target, evaluation, against, by or HAND, progress)
    if not by and not verdict:
        if as_json or not (sys.stdout.isatty() and sys.stderr.isatty()):
            raise ConfigError("judge.needs-terminal", run=target.id)
        raise typer.Exit(context.obj("judge", run=str(target.path), judged=(bench.name, against)))
    found = conclude(bench) if verdict else _by_model(bench, rows, trust_base)
    if as_json:
        json_line(as_values(target, found))
        return
    for line in lines_of(found):
        out(text(line))


def _by_model(bench: Bench, rows: int, trust_base: bool) -> Evaluation:
    from engine.app.evaluate import STOPPED, Stopped
    from engine.app.judge import let_model_judge

    try:
        with Progress() as progress:
            return let_model_judge(bench, rows, trust_base, progress, lambda note: say(text(note)))
    except Stopped as stopped:
        say(text("judge.stopped", kept=stopped.kept))
        raise typer.Exit(STOPPED) from None
    except KeyboardInterrupt:
        say(text("judge.stopped", kept=len(bench.kept(bench.judge))))
        raise
