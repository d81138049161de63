"""``tunedeck run``: check a config, start its runner, and follow it to its end."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.watch import INTERRUPTED, Watched, watch
from engine.cli.completing import presets
from engine.cli.console import Progress, error, error_values, fitted, json_line, one_line, out, say
from engine.common.errors import ConfigError, RunError
from engine.messages.catalogue import clauses, text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.app.check import Checked
    from engine.app.findings import Finding
    from engine.app.plan import Planned
    from engine.config.presets import Resolved
    from engine.runs.directory import RunDir
    from engine.runs.groups import Group

Settings = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE")]
Json = Annotated[bool, typer.Option("--json")]
STOPPED_EARLY = 6


def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", show_default=False)],
    settings: Settings = None,
    preset: Annotated[str, typer.Option(metavar="NAME", autocompletion=presets)] = "",
    detach: Annotated[bool, typer.Option("--detach")] = False,
    check: Annotated[bool, typer.Option("--check")] = False,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, max=100)] = 1,
    as_json: Json = False,
) -> None:
    """Train what CONFIG says."""
    from engine.app.findings import of_error
    from engine.app.start import start
    from engine.config import toml

    try:
        resolved = toml.load(config, settings or [], preset)
    except ConfigError as problem:
        if check and as_json:
            json_line(findings_json(of_error(problem)))
        raise
    found = checked(resolved, thorough=check)
    if check and as_json:
        json_line(findings_json(found.findings, found.planned))
    tell(found, with_remedies=check)
    found.require()
    if check:
        if not as_json:
            out(text("cli-runs.can-be-run"))
        return
    if seeds > 1:
        raise typer.Exit(_start_group(found, seeds, detach, as_json))
    started = start(found)
    say(text("cli-runs.created", run=started.id, path=started.path))
    if detach:
        if as_json:
            json_line({"run": started.id, "path": str(started.path)})
        else:
            out(started.id)
            say(text("cli-runs.detached", run=started.id))
        return
    raise typer.Exit(follow(started, as_json))


def checked(resolved: Resolved, thorough: bool = False) -> Checked:
    """All findings about a run, and what it needs here; nothing is created. ``thorough``: of its rows too."""
    from engine.app import check
    from engine.app.examine import examine
    from engine.common import hub_watch
    from engine.machine.snapshot import read_machine_now

    with Progress() as progress, hub_watch.listening(lambda words: progress(0, None, words)):
        machine = read_machine_now()
        found = check.check(
            resolved, machine, None, lambda done, total: progress(done, total, text("cli-runs.comparing-base"))
        )
        if thorough and found.refusal is None:
            known = check.of_examination(resolved.config, examine(resolved.config, progress))
            found = check.of_parts(resolved, found.files, machine, known)
    return found


def tell(found: Checked, with_remedies: bool = False) -> None:
    """Narrate the findings but the refusal, which is raised, and what the run needs."""
    from engine.app.check import ROWS

    if found.planned.parts:
        say(clauses(*map(text, found.planned.parts)))
    if found.planned.evaluation is not None:
        say(text("cli-runs.evaluation", what=found.planned.evaluation.message))
    raised = found.wrong
    for each in found.findings:
        if each in raised:
            continue
        remedy = f" ({_as_set(each.remedy.settings)})" if with_remedies and each.remedy else ""
        more = f" {text('cli-runs.see-rows')}" if each.issue.field == ROWS and not each.issue.fix else ""
        say(f"{text(_LEVELS[each.level])} {one_line(each.said)}{more}{remedy}")
    fit = found.planned.fit
    if fit is not None and fit.verdict.level == "too much":
        from engine.memory.report import plan_lines

        for line in plan_lines(fit.plan()):
            say(line)


_LEVELS = {"error": "cli-runs.error", "warning": "cli-runs.warning", "note": "cli-runs.note"}


def findings_json(found: Sequence[Finding], planned: Planned | None = None) -> dict[str, Any]:
    """The findings, the plan and the config that would run, for a program."""
    fit = planned.fit if planned else None
    return {
        "findings": [
            {
                "level": each.level, "field": each.issue.field, **each.reason.as_json(),
                "error": type(each.error).__name__ if each.error else "",
                "remedy": dict(each.remedy.settings) if each.remedy else None,
            }
            for each in found
        ],
        "fit": None if fit is None else {
            "level": fit.verdict.level, "needed_bytes": round(fit.verdict.needed_bytes), "device": fit.budget.name,
        },
        "config": planned.resolved.config.model_dump(mode="json") if planned else None,
    }  # fmt: skip


def _as_set(settings: Mapping[str, Any]) -> str:
    """A remedy as it is given on the command line: "--set dataset.eval_share=0.05"."""
    import json

    from engine.app.check import default_of

    pairs = ((dotted, default_of(dotted, value)) for dotted, value in settings.items())
    return " ".join(f"--set {dotted}={json.dumps(value)}" for dotted, value in pairs)


def follow(run: RunDir, as_json: bool) -> int:
    """Narrate ``run`` to its end, say how it came out, and return the exit code."""
    watched = watch(run, on_interrupt="stop")
    if watched.left:
        say(text("cli-runs.left-to-stop", run=run.id))
        return INTERRUPTED
    tell_end(run, watched)
    if as_json:
        json_line(result(run, watched))
    return exit_code(watched)


def _start_group(found: Checked, seeds: int, detach: bool, as_json: bool) -> int:
    """Start a group of so many seeds, and follow it unless ``detach``; returns the exit code."""
    from engine.app.groups import start_group

    started = start_group(found, seeds)
    say(text("cli-groups.created", group=started.id, count=len(started.runs)))
    if not detach:
        return follow_group(started, as_json)
    if as_json:
        json_line({"group": started.id, "path": str(started.path), "runs": [run.id for run in started.runs]})
    else:
        out(started.id)
        say(text("cli-groups.detached", group=started.id))
    return 0


def follow_group(followed: Group, as_json: bool) -> int:
    """Narrate the runs of a group to the last, say how each came out; 0 only when all finished."""
    from engine.cli.commands import group

    ends = group.follow(followed)
    if ends is None:
        return INTERRUPTED
    for run, watched in ends:
        say(text("cli-groups.of-run", run=run.id))
        tell_end(run, watched)
    not_begun = len(followed.runs) - len(ends)
    if not_begun:
        say(text("cli-groups.not-begun", count=not_begun, group=followed.id))
    if as_json:
        results = [result(run, watched) for run, watched in ends]
        json_line({"group": followed.id, "path": str(followed.path), "runs": results})
    return max([exit_code(watched) for _, watched in ends] + [STOPPED_EARLY] * bool(not_begun), default=0)


def tell_end(run: RunDir, watched: Watched, with_figures: bool = True) -> None:
    """How the run ended, what it changed (``with_figures``), and what to do now."""
    from engine.runs import story

    state = watched.state
    resumable = bool(run.complete_checkpoints())
    again = Message("cli-runs.resume-again", run=run.id)
    if state.state == "failed" and state.failure is not None:
        error(state.failure.as_error)
        say(text("cli-runs.runner-log", log=run.log))
    elif state.state == "damaged":
        error(RunError("runs.files-damaged", path=run.path, reason=state.reason))
    elif state.state == "crashed":
        way = again if resumable else Message("cli-runs.runner-log", log=run.log)
        error(RunError("runs.run-crashed", reason=state.reason, way=way))
    elif state.finished is not None:
        code = "cli-runs.stopped-after" if state.state == "stopped" else "cli-runs.finished-after"
        ended = Message(code, steps=state.done_steps)
        took = Message("cli-runs.ended-in", ended=ended, seconds=state.finished.seconds)
        say(text(took if state.finished.seconds else ended))
        if state.finished.adapter:
            say(text("cli-runs.adapter", path=run.path / state.finished.adapter))
        for part, code in (("validation", "cli-runs.validation"), ("test", "cli-runs.test")):
            after = state.evals_at("after", part)
            if after is not None and with_figures:
                say(text(Message(code, outcome=story.outcome(state.evals_at("before", part), after))))
        if state.finished.result is not None:
            say(text(state.finished.result))
        if state.state == "finished" and with_figures:
            _tell_verdict(run)
        if state.state == "stopped":
            say(text(again if resumable else Message("cli-runs.no-checkpoint", run=run.id)))
    if state.state in ("failed", "crashed"):
        from engine.app.post_mortem import ended_for_memory

        if ended_for_memory(state):
            say(text("cli-runs.see-post-mortem", run=run.id))


def _tell_verdict(run: RunDir) -> None:
    """Whether it worked, as the run itself has measured."""
    from engine.cli import outcome

    found = outcome.own_evaluation(run)
    if found is None:
        return
    say()
    say(outcome.verdict(found))
    for line in fitted(outcome.head(), list(outcome.lines(found)), sys.stderr):
        say(line)
    for note in outcome.notes(found):
        say(note)


def result(run: RunDir, watched: Watched) -> dict[str, Any]:
    """The end of a run for a program."""
    from engine.cli import outcome

    state = watched.state
    finished = state.finished
    adapter = finished.adapter if finished else None
    evaluation = outcome.own_evaluation(run) if state.state == "finished" else None
    return {
        "run": run.id, "path": str(run.path), "state": state.state, "reason": state.reason,
        "error": error_values(state.failure.as_error) if state.failure else None, "step": state.done_steps,
        "total_steps": state.total_steps, "loss": state.step.loss if state.step else None,
        "evals": [{"step": e.step, "moment": e.moment, "loss": e.loss, "n": e.n, **e.metrics} for e in state.evals],
        "tests": [{"step": e.step, "moment": e.moment, "loss": e.loss, "n": e.n, **e.metrics} for e in state.tests],
        "adapter": str(run.path / adapter) if adapter else None, "peak_rss": state.peak_rss,
        "result_step": finished.result_step if finished else None, "result": finished.result if finished else None,
        "evaluation": outcome.as_values(evaluation),
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
    from engine.config.presets import description, known_fields, section_model
    from engine.config.schema import RunConfig

    sections = known_fields("")
    if section and section not in sections:
        raise ConfigError("config.no-such-section", section=section, known=sections)
    if as_json:
        json_line(RunConfig.model_json_schema())
        return
    rows = []
    for name in [section] if section else sections:
        model = section_model(name)
        for field, info in model.model_fields.items() if model else ():
            default = "required" if info.is_required() else info.get_default(call_default_factory=True)
            shown = "" if default is None or default in ({}, []) else default
            rows.append([f"{name}.{field}", str(shown), description(f"{name}.{field}")])
    table(["FIELD", "DEFAULT", "MEANING"], rows)
