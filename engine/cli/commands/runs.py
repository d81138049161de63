"""``tunedeck runs``, ``status``, ``logs`` and ``attach``: look at runs."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from engine.cli.commands.lookup import run_or_latest
from engine.cli.commands.post_mortem import json_values, print_post_mortem
from engine.cli.completing import run_names
from engine.cli.console import error_values, json_line, one_line, out, padded, say, table
from engine.cli.usage import one_of
from engine.common.errors import RunError, reason_of
from engine.messages import formats
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.runs.directory import RunDir
    from engine.runs.events import Eval
    from engine.runs.group_summary import Line
    from engine.runs.listing import Order
    from engine.runs.state import RunState
    from engine.runs.summary import RunSummary

AnyRun = Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)]
Json = Annotated[bool, typer.Option("--json")]
_COLUMNS = ("cli-runs.column-run", "cli-runs.column-name", "cli-runs.column-state", "cli-runs.column-step",
            "cli-runs.column-loss", "cli-runs.column-result", "cli-runs.column-seen",
            "cli-runs.column-note")  # fmt: skip
_ORDERS = ("newest", "name", "state", "metric", "loss")
"""Those of ``engine.runs.listing``."""
_LABELS = {
    "run": "cli-runs.run", "name": "cli-runs.name", "state": "cli-runs.state", "reason": "cli-runs.reason",
    "model": "cli-runs.model-name", "device": "cli-runs.device", "threads": "cli-runs.threads",
    "phase": "cli-runs.phase",
    "step": "cli-runs.done-steps", "total_steps": "cli-runs.total-steps", "epoch": "cli-runs.epoch",
    "loss": "cli-runs.loss", "learning_rate": "cli-runs.learning-rate",
    "tokens_per_second": "cli-runs.tokens-per-second", "eta_s": "cli-runs.time-left",
    "loss_by_source": "cli-runs.loss-by-source", "eval": "cli-runs.eval", "test": "cli-runs.test-loss",
    "interventions": "steering.status", "spikes": "steering.status-spikes",
    "forgetting": "forgetting.status", "checkpoints": "cli-runs.checkpoints", "warnings": "cli-runs.warnings",
    "memory": "cli-runs.memory",
    "peak_rss": "cli-runs.peak-rss", "adapter": "cli-runs.adapter-path", "path": "cli-runs.path",
}  # fmt: skip
_WAYS = {"eta_s": "cli-runs.left", "peak_rss": "cli-runs.size", "size": "cli-runs.size"}
"""How values of ``status`` are put that are no plain numbers or texts."""
_MEMORY = {"predicted": "cli-runs.predicted", "used": "cli-runs.used", "total": "cli-runs.total"}
_LABEL_CELLS = 19


def runs(
    sort: Annotated[str, typer.Option(metavar="ORDER", callback=one_of(*_ORDERS))] = "newest",
    only: Annotated[str, typer.Option("--filter", metavar="TEXT")] = "",
    as_json: Json = False,
) -> None:
    """List all runs, newest first."""
    from engine.runs.directory import list_runs
    from engine.runs.group_summary import GroupSummary, fold
    from engine.runs.listing import matching, ordered
    from engine.runs.summary import summarise

    found, order = [summarise(each) for each in list_runs()], cast("Order", sort)
    if as_json:
        shown = [each for each in ordered(matching(found, only), order) if not isinstance(each, GroupSummary)]
        json_line([_summary(each) for each in shown])
        return
    lines = ordered(matching(fold(found), only), order)
    if not found:
        say(text("cli-runs.none"))
    elif not lines:
        say(text("cli-runs.none-matches", wanted=only))
    else:
        rows = []
        for line in lines:
            rows.append(_row(line))
            rows += [_row(each, "  ") for each in line.members] if isinstance(line, GroupSummary) else []
        table([text(code) for code in _COLUMNS], rows)


def status(run: AnyRun = "", as_json: Json = False) -> None:
    """Tell how one run stands."""
    from engine.app.post_mortem import examine_here
    from engine.runs.follow import load_state

    target = run_or_latest(run)
    state = load_state(target)
    facts = _facts(target, state)
    found = examine_here(target, state)
    if as_json:
        json_line(facts | {"post_mortem": json_values(found) if found else None})
        return
    measured = _measured(state)
    for key, value in facts.items():
        if key in _LABELS and value is not None and value != "" and value != []:
            out(f"{padded(text(_LABELS[key]), _LABEL_CELLS)}{measured.get(key) or _shown(key, value)}")
    if found is not None:
        print_post_mortem(target, found)


def logs(
    run: AnyRun = "",
    lines: Annotated[int, typer.Option("--lines", "-n", min=1)] = 50,
) -> None:
    """Print the end of a runner's own output."""
    from engine.common.regular_files import open_regular

    target = run_or_latest(run)
    try:
        with open_regular(target.log) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 1_000_000))
            written = file.read(1_000_000).decode("utf-8", "replace")
    except FileNotFoundError:
        say(text("cli-runs.no-log", run=target.id))
        return
    except OSError as error:
        raise RunError("runs.log-unreadable", path=target.log, reason=reason_of(error)) from None
    out("\n".join(written.splitlines()[-lines:]))


def attach(
    context: typer.Context,
    run: AnyRun = "",
    plain: Annotated[bool, typer.Option("--plain")] = False,
    only_watches: Annotated[bool, typer.Option("--watch")] = False,
) -> None:
    """Show a run on the screen, or follow it as text."""
    target = run_or_latest(run)
    if not plain and screen_possible():
        raise typer.Exit(context.obj("attach", run=str(target.path), only_watches=only_watches))
    from engine.cli.commands.run import exit_code, tell_end
    from engine.cli.commands.watch import watch

    watched = watch(target, on_interrupt="leave")
    if watched.left:
        say(text("cli-runs.left-running", run=target.id))
        return
    tell_end(target, watched)
    raise typer.Exit(exit_code(watched))


def screen_possible() -> bool:
    """Whether a full screen can be drawn: the keys come from stdin, the picture goes to stderr."""
    can_draw = os.environ.get("TERM", "") not in ("dumb", "") and not os.environ.get("ACCESSIBLE")
    return sys.stdin.isatty() and sys.stderr.isatty() and can_draw


def asks_by_lines() -> bool:
    """Whether a person at a terminal asked for lines instead of a screen."""
    return bool(os.environ.get("ACCESSIBLE")) and sys.stdin.isatty() and sys.stderr.isatty()


def _summary(found: RunSummary) -> dict[str, Any]:
    return {
        "run": found.id, "name": found.name, "model": found.model, "state": found.state, "reason": found.reason,
        "step": found.step, "total_steps": found.total_steps, "loss": found.loss, "eval_loss": found.eval_loss,
        "test_loss": found.test_loss,
        "score": None if found.score is None else {
            "metric": found.score.metric, "value": found.score.value, "n": found.score.n,
            "verdict": found.score.verdict, "against": found.score.against or None,
        },
        "data": list(found.data), "group": found.group or None, "seed": found.seed, "eta_s": found.eta_s,
        "last_t": found.last_t, "resumable": found.resumable, "path": str(found.run.path),
    }  # fmt: skip


def _row(found: Line, indent: str = "") -> list[str]:
    from engine.runs import story
    from engine.runs.group_summary import GroupSummary
    from engine.runs.listing import result_of

    eta_s = None if isinstance(found, GroupSummary) else found.eta_s
    left = Message("cli-runs.left", left=eta_s) if eta_s is not None else None
    result = result_of(found)
    notes = [each for each in (found.reason or left,) if each]
    notes += [Message("cli-runs.resumable")] if found.resumable else []
    return [
        f"{indent}{found.id}",
        "" if found.name == found.id else found.name,
        text(story.state(found.state)),
        f"{found.step:,}/{found.total_steps:,}" if found.total_steps else f"{found.step:,}",
        "" if found.loss is None else f"{found.loss:.4g}",
        "" if result is None else text(result),
        time.strftime("%m-%d %H:%M", time.localtime(found.last_t)) if found.last_t else "",
        text("cli-runs.notes", notes=notes)[:100] if notes else "",
    ]


def _facts(run: RunDir, state: RunState) -> dict[str, Any]:
    step, started = state.step, state.started
    facts = run.read_run_json()
    return {
        "run": run.id, "name": str(facts.get("name") or run.id), "state": state.state, "reason": state.reason,
        "error": error_values(state.failure.as_error) if state.failure else None,
        "model": started.model if started else str(facts.get("model") or ""),
        "device": started.device if started else None, "threads": started.threads if started else None,
        "phase": _phase(state),
        "step": state.done_steps, "total_steps": state.total_steps, "epoch": step.epoch if step else None,
        "loss": state.loss, "learning_rate": step.learning_rate if step else None,
        "tokens_per_second": step.tokens_per_second if step else None, "eta_s": state.eta_s,
        "loss_by_source": _by_source(state), "eval": _newest(state.evals), "test": _newest(state.tests),
        "interventions": state.interventions, "spikes": [each.step for each in state.spikes],
        "forgetting": _forgetting(state),
        "checkpoints": [path.name for path in run.complete_checkpoints()],
        "warnings": [each.message for each in state.warnings],
        "memory": _memory(state), "peak_rss": state.peak_rss,
        "adapter": str(run.path / state.finished.adapter) if state.finished and state.finished.adapter else None,
        "duplicated_from": run.duplicated_from or None, "path": str(run.path),
    }  # fmt: skip


def _phase(state: RunState) -> dict[str, Any] | None:
    phase = None if state.ended else state.phase
    return {"name": phase.name, "message": phase.message} if phase else None


def _newest(evals: Sequence[Eval]) -> dict[str, Any] | None:
    if not evals:
        return None
    newest = evals[-1]
    return {"step": newest.step, "moment": newest.moment, "loss": newest.loss, "n": newest.n, **newest.metrics}


def _forgetting(state: RunState) -> dict[str, Any] | None:
    """The newest mark of the gauge and its figures; None where there is none."""
    from engine.runs.state import gauged

    if not state.forgetting:
        return None
    newest = state.forgetting[-1]
    counted_from = {
        "general_start": newest.kl_before, "loss_base": newest.base_loss, "loss_start": newest.general_before,
        "loss_now": newest.general_loss,
    }  # fmt: skip
    known = {name: value for name, value in (gauged(newest) | counted_from).items() if value is not None}
    return {"step": newest.step, "mark": newest.mark, **known, "general_rows": newest.general_rows}


def _measured(state: RunState) -> dict[str, str]:
    """The newest figures of the evaluations and of the gauge of forgetting, as the story tells them."""
    from engine.runs import story

    told = {"eval": [(each.step, story.evaluation(each)) for each in state.evals[-1:]]}
    told["test"] = [(each.step, story.evaluation(each)) for each in state.tests[-1:]]
    told["forgetting"] = [(each.step, story.forgetting(each)) for each in state.forgetting[-1:]]
    return {
        key: text("events.because", what=Message("events.at-step", step=step), reason=said)
        for key, found in told.items()
        for step, said in found
    }


def _by_source(state: RunState) -> dict[str, float] | None:
    """The newest loss of each source, smoothed; None with fewer than two."""
    from engine.runs.by_source import AVERAGE, sources_of

    names = sources_of(state.series)
    found = {one_line(name): state.series[AVERAGE + name].last() for name in names if AVERAGE + name in state.series}
    return {name: loss for name, loss in found.items() if loss is not None} if len(names) > 1 else None


def _memory(state: RunState) -> dict[str, Any] | None:
    """Bytes that were predicted, and those in use when last looked at; None before either is known."""
    device, gpu = state.device, state.own_gpu
    known = {
        "predicted": state.predicted_bytes,
        "used": gpu.used if gpu else device.rss if device else None,
        "total": gpu.total if gpu else device.ram_total if device else None,
    }
    return {name: size for name, size in known.items() if size} or None


def _shown(key: str, value: Any) -> str:
    from engine.runs import story

    if key == "phase":
        return text(value["message"] or value["name"])
    if key == "state":
        return text(story.state(value))
    if key in _WAYS:
        return text(Message(_WAYS[key], **({"left": value} if key == "eta_s" else {"bytes": value})))
    if isinstance(value, Message):
        return text("events.failed", error=value)
    if isinstance(value, float):
        return formats.setting(float(f"{value:.4g}"))
    if key == "memory":
        return text(
            "events.figures", figures=[f"{text(_MEMORY[name])} {_shown('size', each)}" for name, each in value.items()]
        )
    if isinstance(value, dict):
        return text("events.figures", figures=[f"{name} {_shown(name, each)}" for name, each in value.items()])
    if isinstance(value, list):
        return ("\n" + " " * _LABEL_CELLS).join(_shown("", item) for item in value)
    return one_line(f"{value:,}" if isinstance(value, int) else str(value))
