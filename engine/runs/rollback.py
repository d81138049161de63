"""Go back to a checkpoint: which one, what goes with it, and the deed; for a run that trains and for one that ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from engine.common.errors import ConfigError, MachineError, RunError, reason_of
from engine.common.files import read_json
from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import interventions, mix_changes
from engine.runs.checkpoints import STATE, damage, set_aside, step_of
from engine.runs.directory import MOST_LOG_BYTES, RunDir
from engine.runs.event_lines import decode, decode_batch
from engine.runs.interventions import Rollback, Skip, factor_wanted
from engine.runs.reducer import reduce
from engine.runs.state import RunState
from engine.runs.writer import tail_lines

_ABANDONED = "abandoned"


@dataclass(frozen=True)
class Request:
    """``to`` is the step of a checkpoint, 0 for the beginning, None for the last one before what went wrong.

    ``rate`` multiplies the learning rate from there on; with ``skip_rows`` the rows of all spikes after it are trained
    on no more.
    """

    to: int | None = None
    rate: float | None = None
    skip_rows: bool = False

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Request:
        """From the ``values`` of a command. Raises ConfigError."""
        to, rate = values.get("to"), values.get("rate")
        if to is not None and (not isinstance(to, int) or isinstance(to, bool) or to < 0):
            raise ConfigError("steering.no-step", given=str(to))
        return cls(to, None if rate is None else factor_wanted(rate), bool(values.get("skip_rows")))

    @property
    def values(self) -> dict[str, Any]:
        """For the command."""
        return {"to": self.to, "rate": self.rate, "skip_rows": self.skip_rows}


@dataclass(frozen=True)
class Plan:
    """What a rollback would do: go back to ``step``, skipping the rows of ``spikes``. ``folder`` is None for step 0."""

    request: Request
    step: int
    from_step: int
    folder: Path | None
    spikes: tuple[ev.Spike, ...] = ()

    @property
    def rows(self) -> int:
        """Rows that are skipped, each counted once."""
        return len({key for spike in self.spikes for key in spike.keys})


def state_in_log(run: RunDir) -> RunState:
    """What the whole log says; the runner itself wants to know nothing else of its run."""
    lines = tail_lines(run.events, MOST_LOG_BYTES)
    events = decode_batch(lines) or [event for line in lines if (event := decode(line)) is not None]
    return reduce(events)


def plan(run: RunDir, state: RunState, request: Request, at_step: int | None = None) -> Plan:
    """What ``request`` means for ``run``; ``at_step`` is where its training stands, if that is known better.

    Raises RunError where there is no such checkpoint, or no row to skip.
    """
    folders = {step_of(folder): folder for folder in run.complete_checkpoints()}
    come = max([state.done_steps, *folders]) if at_step is None else at_step
    to = request.to if request.to is not None else _last_before(state, folders, come)
    if to > come or (to and (to not in folders or damage(folders[to]) is not None)):
        raise RunError("steering.no-such-checkpoint", run=run.id, step=to, there=[0, *folders])
    spikes = tuple(spike for spike in state.spikes if spike.step > to) if request.skip_rows else ()
    if request.skip_rows and not any(spike.keys for spike in spikes):
        raise RunError("steering.no-spike", run=run.id, step=to)
    return Plan(request, to, come, folders.get(to), spikes)


def _last_before(state: RunState, folders: Mapping[int, Path], come: int) -> int:
    """The last whole checkpoint before the newest spike, where there was none the last one; else the beginning."""
    before = state.spikes[-1].step if state.spikes else come + 1
    sound = (step for step in sorted(folders, reverse=True) if step < before and damage(folders[step]) is None)
    return next(sound, 0)


def carry_out(run: RunDir, planned: Plan, emit: Callable[[ev.Event], None]) -> ev.RolledBack:
    """Do it: nobody may train meanwhile but the caller. Returns the event, which ``emit`` had.

    Later checkpoints are renamed and stay until the next rollback. What was asked of rate and mix after the step is
    undone. Killed in the middle, the run goes on from an earlier checkpoint, unchanged. Raises MachineError.
    """
    request = planned.request
    skips = _skips(planned)
    rows = sum(skip.rows for skip in skips)
    before = interventions.read(run)
    after = before.taken_back(Rollback(time.time(), planned.step, planned.from_step, request.rate, rows), skips)
    undone: list[Message] = [
        Message("steering.undone-rate", factor=change.factor, step=change.step)
        for change in before.rates if change.step > planned.step
    ]  # fmt: skip
    try:
        for old in run.path.glob(f"checkpoint-*.{_ABANDONED}*"):
            rmtree(old, ignore_errors=True)
        for folder in reversed(run.complete_checkpoints()):
            if step_of(folder) > planned.step:
                set_aside(folder, _ABANDONED)
        dropped = mix_changes.drop_after(run, planned.step)
        undone += [Message("steering.undone-replay", share=change.replay, step=change.step) for change in dropped]
        interventions.keep(run, after)
    except OSError as error:
        where = str(error.filename or run.path)
        raise MachineError("training.run-unwritable", path=where, reason=reason_of(error)) from error
    told = read_json(planned.folder / STATE) if planned.folder is not None else {}
    event = ev.RolledBack(
        step=planned.step, from_step=planned.from_step, num_tokens=_count(told, "num_tokens"),
        supervised_tokens=_count(told, "supervised_tokens"), rate_factor=request.rate, skipped_rows=rows,
        skipped_steps=[skip.of_step for skip in skips], undone=undone,
    )  # fmt: skip
    emit(event)
    return event


def _skips(planned: Plan) -> list[Skip]:
    known: set[str] = set()
    found = []
    for spike in planned.spikes:
        keys = tuple(dict.fromkeys(key for key in spike.keys if key not in known))
        known.update(keys)
        if keys:
            found.append(Skip(planned.step, spike.step, len(keys), keys))
    return found


def _count(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name)
    return value if isinstance(value, int) else 0
