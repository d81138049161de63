"""``tunedeck stop``, ``pause``, ``save``, ``set``, ``rollback`` and ``resume``: commands to a run, their answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.commands.lookup import run_or_latest, run_to_steer
from engine.cli.completing import run_names
from engine.cli.console import json_line, say
from engine.common.errors import ConfigError, RunError
from engine.config import numbers
from engine.messages.catalogue import text
from engine.messages.message import Message

if TYPE_CHECKING:
    from engine.runs.control import Command
    from engine.runs.directory import RunDir

RunToSteer = Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)]
NoWait = Annotated[bool, typer.Option("--no-wait")]
ANSWER_TIMEOUT_S = 60.0  # one optimizer step on a slow machine
END_TIMEOUT_S = 600.0
_POLL_S = 0.1


def stop(
    run: RunToSteer = "", no_wait: NoWait = False, at_best: Annotated[bool, typer.Option("--at-best")] = False
) -> None:
    """Stop after the present step, with a checkpoint; with ``at_best`` the best step is the result."""
    from engine.cli.commands import group as of_groups
    from engine.runs import groups

    if run and (group := groups.find(run)) is not None:
        of_groups.stop(group, no_wait)
        return
    target = run_to_steer(run)
    if _command(target, "stop", no_wait, {"at": "best"} if at_best else None):
        _wait_for_end(target)
        group = groups.of_run(target)
        if group is not None and group.is_alive():
            say(text("cli-groups.next-starts", group=group.id))
        if target.complete_checkpoints():
            say(text("cli-runs.stopped", run=target.id))
        else:
            say(text("cli-runs.stopped-early", run=target.id))


def pause(run: RunToSteer = "", no_wait: NoWait = False) -> None:
    """Hold the training after the present step."""
    target = run_to_steer(run)
    if _command(target, "pause", no_wait):
        say(text("cli-runs.paused"))


def save(run: RunToSteer = "", no_wait: NoWait = False) -> None:
    """Save a checkpoint now and go on."""
    target = run_to_steer(run)
    if _command(target, "save", no_wait):
        say(text("cli-runs.saved"))


def change(
    first: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)],
    second: Annotated[str, typer.Argument(metavar="replay=SHARE|more|rate=FACTOR")] = "",
    no_wait: NoWait = False,
) -> None:
    """Change the share of replay, or lower the learning rate, from the next step on."""
    name, values = (first, _setting(second)) if second else ("", _setting(first))
    _command(run_to_steer(name), "set", no_wait, values)


def _setting(given: str) -> dict[str, Any]:
    """What ``replay=0.2``, ``replay=more`` or ``rate=0.5`` sets. Raises ConfigError."""
    field, _, value = given.partition("=")
    field = field.strip()
    if field not in ("replay", "rate") or not value.strip():
        raise ConfigError("forgetting.no-setting", given=given)
    if field == "rate":
        return {"rate": _factor(value)}
    if value.strip() == "more":
        return {"replay": "more"}
    try:
        return {"replay": numbers.read(value, whole=False)}
    except (numbers.NoNumber, numbers.TwoNumbers):
        raise ConfigError("forgetting.no-share", given=value) from None


def _factor(given: str) -> float:
    """Raises ConfigError."""
    from engine.runs.interventions import factor_wanted

    try:
        return factor_wanted(numbers.read(given, whole=False))
    except (numbers.NoNumber, numbers.TwoNumbers):
        raise ConfigError("steering.no-factor", given=given) from None


def rollback(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    to: Annotated[int | None, typer.Option("--to", metavar="STEP", min=0)] = None,
    lower_rate: Annotated[str, typer.Option("--lower-rate", metavar="FACTOR")] = "",
    skip_rows: Annotated[bool, typer.Option("--skip-rows")] = False,
    no_wait: NoWait = False,
    accept_changes: Annotated[bool, typer.Option("--accept-changes")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Go back to a checkpoint and train on from there."""
    from engine.app import children
    from engine.app import rollback as back
    from engine.runs.follow import load_state
    from engine.runs.rollback import Request

    target = run_or_latest(run)
    request = Request(to, _factor(lower_rate) if lower_rate else None, skip_rows)
    planned = back.look(target, request)
    if not accept_changes:
        children.refuse_while_training(target)
    for line in children.told(target):
        say(text(line))
    if target.is_alive():
        known = len(load_state(target).rollbacks)
        values = {**request.values, "to": planned.step}
        if not _command(target, "rollback", no_wait, values):
            return
        done = load_state(target).rollbacks[known:]
        step, rows, from_step = planned.step, planned.rows, done[-1].from_step if done else planned.from_step
    else:
        rolled = back.carry_out(target, Request(planned.step, request.rate, request.skip_rows), accept_changes)
        for line in rolled.lines:
            say(text(line))
        step, rows, from_step = planned.step, planned.rows, planned.from_step
    say(text("steering.checkpoints-kept"))
    say(text("steering.resumes", run=target.id, step=step))
    if as_json:
        json_line(
            {
                "run": target.id, "path": str(target.path), "step": step, "from_step": from_step,
                "rate_factor": request.rate, "skipped_rows": rows,
            }
        )  # fmt: skip
    if not no_wait:
        _wait_for_start(target)


def resume(
    run: Annotated[str, typer.Argument(metavar="[RUN]", autocompletion=run_names)] = "",
    no_wait: NoWait = False,
    follow: Annotated[bool, typer.Option("--follow")] = False,
    remedy: Annotated[int | None, typer.Option(metavar="N")] = None,
    accept_changes: Annotated[bool, typer.Option("--accept-changes")] = False,
) -> None:
    """Go on with a run that is paused or has ended."""
    from engine.cli.commands import group as of_groups
    from engine.runs import groups

    if run and remedy is None and (group := groups.find(run)) is not None:
        of_groups.resume(group, accept_changes)
        if follow:
            from engine.cli.commands.run import follow_group

            raise typer.Exit(follow_group(group, as_json=False))
        return
    target = run_or_latest(run)
    if remedy is not None:
        from engine.cli.commands.post_mortem import apply_remedy

        target = apply_remedy(target, remedy)
        if not no_wait and not follow:
            _wait_for_start(target)
    elif target.is_alive():
        if _state_of(target) != "paused":
            raise RunError("runs.already-running", run=target.id)
        if _command(target, "resume", no_wait):
            say(text("cli-runs.resumed"))
    else:
        relaunch(target, accept_changes)
        if not no_wait and not follow:
            _wait_for_start(target)
    if follow:
        from engine.cli.commands.run import follow as follow_to_end

        raise typer.Exit(follow_to_end(target, as_json=False))


def relaunch(run: RunDir, accept_changes: bool = False) -> None:
    """Resume ``run`` and say from where. Raises as ``engine.app.resume`` does."""
    from engine.app.resume import resume as go_on

    resumed = go_on(run, accept_changes)
    for line in resumed.told:
        say(text(line))
    for folder, why in resumed.damaged:
        say(text("cli-runs.checkpoint-damaged", checkpoint=folder.name, reason=why))
    newest = resumed.checkpoint
    goes_on = Message("cli-runs.goes-on-from", run=run.id, checkpoint=newest.name if newest else "")
    say(text(goes_on if newest else Message("cli-runs.started-again", run=run.id)))


def _command(run: RunDir, command: Command, no_wait: bool, values: dict[str, Any] | None = None) -> bool:
    """Send ``command``; True once it was done, False if nobody waits. Raises RunError when refused or unanswered."""
    from engine.runs import control, story

    seq = control.send(run, command, values)
    if no_wait:
        say(text("cli-runs.asked", run=run.id, command=Message(story.COMMANDS[command])))
        return False
    answer = control.wait_for_ack(run, seq, ANSWER_TIMEOUT_S)
    if answer is None:
        raise RunError("runs.no-answer" if run.is_alive() else "runs.ended-unanswered", run=run.id)
    said = answer.message
    if not answer.ok:
        reason = said or Message("events.refused")
        raise RunError("runs.refused", command=Message(story.COMMANDS[command]), run=run.id, reason=reason)
    if said is not None:
        say(text(said))
    return True


def _wait_for_end(run: RunDir) -> None:
    from engine.runs import story

    deadline = time.monotonic() + END_TIMEOUT_S
    while run.is_alive():
        if time.monotonic() > deadline:
            raise RunError("runs.still-stopping", run=run.id)
        time.sleep(_POLL_S)
    state = _state_of(run)
    if state not in ("stopped", "finished"):
        raise RunError("runs.not-stopped-cleanly", run=run.id, state=story.state(state), log=run.log)


def _wait_for_start(run: RunDir) -> None:
    """Until the runner trains again, or has ended. Raises RunError for an end without success."""
    from engine.runs import story
    from engine.runs.follow import Follower

    follower = Follower(run)
    deadline = time.monotonic() + END_TIMEOUT_S
    while time.monotonic() < deadline:
        state = follower.poll()
        if follower.caught_up and state.state in ("failed", "crashed"):
            raise RunError("runs.not-resumed", run=run.id, reason=state.reason, log=run.log)
        if follower.caught_up and state.state != "starting":
            say(text("cli-runs.goes-on", state=story.state(state.state), run=run.id))
            return
        time.sleep(_POLL_S)


def _state_of(run: RunDir) -> str:
    from engine.runs.follow import load_state

    return load_state(run).state
