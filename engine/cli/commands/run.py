"""``tunedeck run``: check a config, start its runner, and follow it to its end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.watch import INTERRUPTED, Watched, watch
from engine.cli.console import Progress, error, json_line, one_line, out, say
from engine.common.errors import TunedeckError
from engine.units import duration

if TYPE_CHECKING:
    from engine.config.presets import Resolved
    from engine.runs.directory import RunDir

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE")]
Json = Annotated[bool, typer.Option("--json")]
STOPPED_EARLY = 6


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", show_default=False)],
    settings: Settings = None,
    preset: Annotated[str, typer.Option(metavar="NAME")] = "",
    detach: Annotated[bool, typer.Option("--detach")] = False,
    check: Annotated[bool, typer.Option("--check")] = False,
    as_json: Json = False,
) -> None:
    """Train what CONFIG says."""
    from engine.config import toml

    resolved = toml.load(config, settings or [], preset)
    checked(resolved)
    if check:
        planned(resolved)
        rows_checked(resolved)
        out("The config can be run.")
        return
    started = start(resolved)
    if detach:
        if as_json:
            json_line({"run": started.id, "path": str(started.path)})
        else:
            out(started.id)
            say(f"It runs on its own. `tunedeck attach {started.id}` shows it.")
        return
    raise typer.Exit(follow(started, as_json))


def checked(resolved: Resolved) -> None:
    """Check before anything is created; advice is narrated. Raises TunedeckError for what can't work."""
    from engine.app.preflight import preflight
    from engine.common import hub_watch

    progress = Progress()
    try:
        with hub_watch.listening(lambda words: progress(0, None, words)):
            issues = preflight(
                resolved, lambda done, total: progress(done, total, "comparing the base with the adapter's")
            )
    finally:
        progress.end()
    for issue in issues:
        say(f"{issue.level}: {issue}")


def rows_checked(resolved: Resolved) -> None:
    """Let the model's tokenizer try the first rows. Raises DataError for what the run would end with."""
    from engine.app.preflight_rows import check_rows

    progress = Progress()
    try:
        issues = list(check_rows(resolved.config, progress))
    finally:
        progress.end()
    for issue in issues:
        say(f"{issue.level}: {issue}")


def planned(resolved: Resolved) -> Resolved:
    """``resolved`` with ``auto`` settled for this machine; what it needs is narrated, and what helps if it is too much.

    Raises MachineError for GPUs that are not there or can't be used.
    """
    from engine.memory import planning
    from engine.memory.report import plan_lines

    machine = planning.read_machine_now()
    found = planning.plan(resolved, machine)
    if found.line:
        say(one_line(found.line))
    if found.fit is not None and found.fit.budget.unused:
        say(f"warning: {one_line(found.fit.budget.unused)}")
    if found.fit is not None and found.fit.verdict.level == "too much":
        say("warning: this run will probably end for lack of memory.")
        for line in plan_lines(found.fit.plan()):
            say(line)
    return found.resolved


def start(resolved: Resolved) -> RunDir:
    """Create a run directory and launch its runner, with what is ``auto`` settled for this machine.

    Raises TunedeckError; nothing is left behind then.
    """
    from engine.config import toml
    from engine.runs import directory
    from engine.runs.launch import launch
    from engine.runs.logout_survival import warning

    settled = planned(resolved)
    config = settled.config
    created = directory.create(config.model.name_or_path, toml.dumps(settled), config.run.name)
    try:
        if warning():
            say(f"warning: {warning()}")
        say(f"Run {created.id} in {created.path}")
        launch(created)
    except TunedeckError:
        with suppress(TunedeckError):
            directory.delete(created)
        raise
    return created


def follow(run: RunDir, as_json: bool) -> int:
    """Narrate ``run`` to its end, say how it came out, and return the exit code."""
    watched = watch(run, on_interrupt="stop")
    if watched.left:
        say(f"Left it to stop by itself. `tunedeck status {run.id}` tells how it went.")
        return INTERRUPTED
    tell_end(run, watched)
    if as_json:
        json_line(result(run, watched))
    return exit_code(watched)


def tell_end(run: RunDir, watched: Watched) -> None:
    """How the run ended, what it changed, and what to do now."""
    from engine.runs.phrases import outcome

    state = watched.state
    again = f"`tunedeck resume {run.id}` goes on from its last checkpoint."
    resumable = bool(run.complete_checkpoints())
    if state.state == "failed" and state.failure is not None:
        failure = state.failure
        error(TunedeckError(failure.title, failure.message, failure.hint))
        say(f"The runner's own words: {run.log}")
    elif state.state == "damaged":
        error(TunedeckError("The files of this run are damaged", f"{run.path}: {state.reason}"))
    elif state.state == "crashed":
        error(TunedeckError("The run crashed", state.reason, again if resumable else f"Its last words: {run.log}"))
    elif state.finished is not None:
        where = f" Adapter: {run.path / state.finished.adapter}" if state.finished.adapter else ""
        took = f" in {duration(state.finished.seconds)}" if state.finished.seconds else ""
        say(f"{state.state.capitalize()} after {state.done_steps:,} steps{took}.{one_line(where)}")
        for part, name in (("validation", "Validation"), ("test", "Test")):
            after = state.evals_at("after", part)
            if after is not None:
                say(one_line(f"{name + ':':<12}{outcome(state.evals_at('before', part), after)}"))
        if state.state == "stopped":
            anew = f"There is no checkpoint to go on from; `tunedeck run {run.config}` starts it from the beginning."
            say(again if resumable else anew)
    if state.state in ("failed", "crashed"):
        from engine.app.post_mortem import ended_for_memory

        if ended_for_memory(state):
            say(f"`tunedeck status {run.id}` tells which part did not fit and what would help.")


def result(run: RunDir, watched: Watched) -> dict[str, Any]:
    """The end of a run for a program."""
    state = watched.state
    adapter = state.finished.adapter if state.finished else None
    return {
        "run": run.id, "path": str(run.path), "state": state.state, "reason": state.reason, "step": state.done_steps,
        "total_steps": state.total_steps, "loss": state.step.loss if state.step else None,
        "evals": [{"step": e.step, "moment": e.moment, "loss": e.loss, "n": e.n, **e.metrics} for e in state.evals],
        "tests": [{"step": e.step, "moment": e.moment, "loss": e.loss, "n": e.n, **e.metrics} for e in state.tests],
        "adapter": str(run.path / adapter) if adapter else None, "peak_rss": state.peak_rss,
    }  # fmt: skip


def exit_code(watched: Watched) -> int:
    """0 only for a run that finished: what comes after it in a script must not take less for done."""
    if watched.state.state == "finished":
        return 0
    if watched.asked_to_stop:
        return INTERRUPTED
    return STOPPED_EARLY if watched.state.state == "stopped" else 1


def fields(
    section: Annotated[str, typer.Argument(metavar="[SECTION]")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List every field of a config with its default and meaning."""
    from engine.cli.console import table
    from engine.common.errors import ConfigError
    from engine.config.presets import description, known_fields, section_model
    from engine.config.schema import RunConfig

    if as_json:
        json_line(RunConfig.model_json_schema())
        return
    sections = known_fields("")
    if section and section not in sections:
        raise ConfigError("config.no-such-section", section=section, known=sections)
    rows = []
    for name in [section] if section else sections:
        model = section_model(name)
        for field, info in model.model_fields.items() if model else ():
            default = "required" if info.is_required() else info.get_default(call_default_factory=True)
            shown = "" if default is None or default in ({}, []) else default
            rows.append([f"{name}.{field}", str(shown), description(f"{name}.{field}")])
    table(["FIELD", "DEFAULT", "MEANING"], rows)
