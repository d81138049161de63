"""``tunedeck mix``: several adapters into one, measured on the tasks of each, then kept or thrown away."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.run import Json
from engine.cli.completing import mix_methods, run_names
from engine.cli.console import Progress, json_line, out, say, table
from engine.common.errors import ConfigError
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.mix import Plan
    from engine.runs.directory import RunDir
    from engine.runs.mixes import Mix


def mix(
    names: Annotated[list[str] | None, typer.Argument(metavar="[RUN...]", autocompletion=run_names)] = None,
    method: Annotated[str, typer.Option(metavar="METHOD", autocompletion=mix_methods)] = "linear",
    weights: Annotated[str, typer.Option(metavar="W,...")] = "",
    density: Annotated[float, typer.Option(metavar="SHARE")] = 0.5,
    seed: Annotated[int, typer.Option(metavar="N", min=0)] = 0,
    rank: Annotated[int, typer.Option(metavar="R", min=0)] = 0,
    name: Annotated[str, typer.Option(metavar="NAME")] = "",
    rows: Annotated[int | None, typer.Option(metavar="N", min=0)] = None,
    data: Annotated[list[str] | None, typer.Option(metavar="FILE")] = None,
    margin: Annotated[float | None, typer.Option(metavar="SHARE", min=0, max=1)] = None,
    keep: Annotated[bool, typer.Option("--keep")] = False,
    discard: Annotated[bool, typer.Option("--discard")] = False,
    trust_base: Annotated[bool, typer.Option("--trust-base")] = False,
    as_json: Json = False,
) -> None:
    """Mix adapters into one and measure it on the task of each."""
    from engine.app import mix as mixing

    if keep and discard:
        raise ConfigError("mixes.keep-and-discard")
    if not names:
        _list(as_json)
        return
    if len(names) == 1 and (keep or discard):
        run = _waiting(names[0])
    else:
        given = _numbers(weights)
        with Progress() as progress:
            found = mixing.parents(
                names, trust_base, lambda done, total: progress(done, total, Message("adapter.comparing-hash"))
            )
        plan = found.plan(method, given, density, seed, rank, rows)
        _tell(plan)
        run = mixing.candidate(plan, name)
        _measured(plan, run, rows, mixing.sources(data or ()), margin, trust_base)
    _show(run, keep, discard, as_json)


def _list(as_json: bool) -> None:
    """The mixes that wait for a word."""
    from engine.app import mix as mixing
    from engine.runs import mixes

    waiting = [(run, found) for run in mixes.candidates() if (found := mixes.read(run)) is not None]
    if as_json:
        json_line([{"id": run.id, "name": found.name, "measured": bool(found.tasks)} for run, found in waiting])
        return
    for run, found in waiting:
        said = mixing.sentence(found) if found.tasks else Message("mixes.waiting-unmeasured")
        out(f"{run.id}  {found.name}: {text(said)}")
    if not waiting:
        say(text("mixes.none-waiting"))


def _waiting(name: str) -> RunDir:
    """A candidate by its id or its name. Raises ConfigError."""
    from engine.runs import mixes

    for run in mixes.candidates():
        if name in (run.id, str(run.path), run.read_run_json().get("name")):
            return run
    raise ConfigError("mixes.no-candidate", id=name)


def _numbers(given: str) -> list[float]:
    try:
        return [float(Fraction(each)) for each in given.split(",") if each.strip()]
    except (ValueError, ZeroDivisionError):
        raise ConfigError("mixes.no-numbers", given=given) from None


def _tell(plan: Plan) -> None:
    """What will be made, before it is."""
    from engine.app import mix as mixing

    recipe = plan.recipe
    base = plan.parents[0].card.name
    say(text("mixes.about", weights=mixing.weights_said(recipe), method=recipe.method, base=base))
    for note in (mixing.about(recipe.method), mixing.estimate(plan), *plan.notes):
        say(f"  {text(note)}")


def _measured(
    plan: Plan, run: RunDir, rows: int | None, data: tuple[dict[str, Any], ...], margin: float | None, trust_base: bool
) -> None:
    """Make and measure it. Ctrl+C says what is kept, and ends the verb."""
    from engine.app import mix as mixing
    from engine.app.evaluate import STOPPED, Stopped

    try:
        with Progress() as progress:
            mixing.measure(
                plan, run, progress, progress.note, rows=rows, data=data, margin=margin, trust_base=trust_base
            )
    except Stopped as stopped:
        say(text("mixes.stopped", kept=stopped.kept))
        raise typer.Exit(STOPPED) from None
    except KeyboardInterrupt:
        say(text("mixes.stopped", kept=mixing.answers_in(run)))
        raise


def _show(run: RunDir, keep: bool, discard: bool, as_json: bool) -> None:
    """The sentence, the table, and what became of the mix."""
    from engine.app import mix as mixing
    from engine.runs import mixes

    found = mixes.read(run)
    if found is None or not found.tasks:
        if discard:
            mixing.throw_away(run)
            say(text("mixes.thrown-away"))
            return
        raise ConfigError("mixes.not-measured", name=found.name if found else run.id)
    lines = mixing.table(run, found)
    values = as_values(run, found) if as_json else {}
    if not as_json:
        out(text(mixing.sentence(found)))
        out()
        table([text(code) for code in mixing.HEAD], lines)
    for part in mixing.parts(found) if not as_json else ():
        say(f"  {text(part)}")
    if keep:
        run = mixing.keep(run)
        say(text("mixes.kept-as", run=run.id, name=found.name))
    elif discard:
        mixing.throw_away(run)
        say(text("mixes.thrown-away"))
    else:
        say(text("mixes.is-candidate", id=run.id))
    if as_json:
        where = None if discard else str(run.path)
        json_line({"id": run.id, "path": where, "kept": keep} | values)


def as_values(run: RunDir, found: Mix) -> dict[str, Any]:
    """The mix for a program, with what every candidate reached on each task by the metric that decides."""
    import msgspec

    from engine.app import mix as mixing
    from engine.runs import evaluations

    values: dict[str, Any] = msgspec.to_builtins(found) | {"sentence": mixing.sentence(found).as_json()}
    for task, told in zip(found.tasks, values["tasks"], strict=True):
        whole = evaluations.read(evaluations.folder(run, task.evaluation)) if task.evaluation else None
        told["values"] = [
            {"candidate": mean.candidate, "value": mean.value, "low": mean.low, "high": mean.high}
            for mean in (whole.means if whole else ())
            if mean.metric == task.metric
        ]
    return values
