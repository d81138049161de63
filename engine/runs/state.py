"""Everything that is known of a run at one moment: what screens, verbs and reports show is derived from here."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile
from typing import Literal

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs.ahead import Coming, Rhythm, Seen, coming, seconds_left
from engine.runs.curves import Series

StateName = Literal["created", "starting", "running", "paused", "stopping", "finished", "stopped", "failed", "crashed",
                    "damaged"]  # fmt: skip
"""``damaged``: a file of the run is none that a run wrote, so that nothing else can be told."""
ENDED = frozenset({"finished", "stopped", "failed", "crashed", "damaged"})


@dataclass(frozen=True)
class LogLine:
    """One line of the run's story; ``level`` is info, good, warning or error."""

    t: float
    level: str
    message: Message


MarkKind = Literal["checkpoint", "warning", "pause", "out-of-memory", "spike", "rollback", "rate"]


@dataclass(frozen=True)
class Mark:
    """Something that happened after optimizer step ``step`` (None: at none), at Unix time ``t``."""

    kind: MarkKind
    step: int | None
    t: float
    message: Message


@dataclass(frozen=True)
class RunState:
    """Everything a screen or a verb shows of a run, at one moment.

    ``series`` has, where the run gives them: loss, loss_average, learning_rate, grad_norm, tokens_per_second,
    step_time, memory, eval_loss, those of ``gauged`` as forgetting/<name>, and for each source loss/<source>,
    loss_average/<source> and eval_loss/<source>, over the optimizer step; and over the seconds since the first
    event, pauses included, rss and for each GPU by its index gpu/<i> (used by everybody) and reserved/<i> (by this
    run). Memory is in bytes. ``first_t`` is the first event's time, ``step_t`` the newest step's and
    ``phase_t`` that of the first word of the present phase.
    ``evals`` are those of the validation, ``tests`` those of the test. ``memory_measured`` is by its moment.
    ``out_of_memory`` is the newest one since the runner started, and
    ``micro_batch_tokens`` what running out has left of the planned micro-batch.

    Steps that a rollback abandoned are in none of these, nor is what they brought, but in the ``log``: what was said
    in ``abandoned_t``, pairs of Unix times, was said of them. ``spikes`` and ``marks`` are those that still count,
    ``rollbacks`` all of them, and ``rate_scale`` what the schedule's learning rate is multiplied by now.
    """

    state: StateName = "created"
    reason: Message | None = None
    failure: ev.Failed | None = None
    started: ev.RunStarted | None = None
    started_t: float | None = None
    phase: ev.Phase | None = None
    step: ev.Step | None = None
    total_steps: int | None = None
    device: ev.Device | None = None
    rows: ev.Rows | None = None
    memory_plan: ev.MemoryPlan | None = None
    memory_measured: dict[str, ev.MemoryMeasured] = field(default_factory=dict)
    out_of_memory: ev.OutOfMemory | None = None
    micro_batch_tokens: int | None = None
    finished: ev.Finished | None = None
    series: dict[str, Series] = field(default_factory=dict)
    evals: tuple[ev.Eval, ...] = ()
    tests: tuple[ev.Eval, ...] = ()
    evaluations: tuple[ev.Evaluated, ...] = ()
    forgetting: tuple[ev.Forgetting, ...] = ()
    samples: tuple[ev.Sample, ...] = ()
    checkpoints: tuple[ev.Checkpoint, ...] = ()
    warnings: tuple[ev.Warn, ...] = ()
    spikes: tuple[ev.Spike, ...] = ()
    rollbacks: tuple[ev.RolledBack, ...] = ()
    rate_scale: float = 1.0
    marks: tuple[Mark, ...] = ()
    abandoned_t: tuple[tuple[float, float], ...] = ()
    acks: dict[int, ev.ControlAck] = field(default_factory=dict)
    log: tuple[LogLine, ...] = ()
    recent_step_time: float | None = None
    step_t: float | None = None
    phase_t: float | None = None
    peak_rss: int | None = None
    last_seq: int = 0
    first_t: float | None = None
    last_t: float = 0.0

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def alarms(self) -> list[ev.Spike | ev.Forgetting]:
        """What wants a person, the newest first: the last loss spike, and the mark from which on much is forgotten."""
        forgotten = [*takewhile(lambda each: each.mark == "stop", reversed(self.forgetting))]
        return sorted([*self.spikes[-1:], *forgotten[-1:]], key=lambda each: -each.seq)

    @property
    def loss(self) -> float | None:
        """The loss of now, the same everywhere: the moving average, before there is one that of the newest step."""
        average = self.series.get("loss_average")
        value = average.last() if average else None
        return value if value is not None or self.step is None else self.step.loss

    @property
    def done_steps(self) -> int:
        return self.step.step if self.step else 0

    @property
    def progress(self) -> float | None:
        """Share of the optimizer steps done, 0 to 1; None before the total is known."""
        return min(1.0, self.done_steps / self.total_steps) if self.total_steps else None

    @property
    def eta_s(self) -> float | None:
        """Seconds left to the run's end, evaluations and answers included; None before the first step, or if over."""
        if self.ended or not self.total_steps or self.recent_step_time is None:
            return None
        return seconds_left(self.done_steps, self.total_steps, self.recent_step_time, self._seen)

    @property
    def coming(self) -> list[Coming]:
        """The next evaluation and the next checkpoint, the nearest first; [] where that is not known."""
        if self.ended or not self.total_steps or self.step is None:
            return []
        return coming(self.done_steps, self.total_steps, self.recent_step_time, self._seen)

    @property
    def _seen(self) -> Seen:
        started, phase_t, step_t = self.started, self.phase_t, self.step_t
        rhythm = None
        if started and started.evaluate_every and started.sample_every and started.save_every:
            rhythm = Rhythm(started.evaluate_every, started.sample_every, started.save_every)
        return Seen(
            rhythm, self.evals, self.tests, self.samples, self.checkpoints,
            since_step_s=self.last_t - step_t if step_t is not None else 0.0, phase=self.phase,
            phase_s=self.last_t - phase_t if phase_t is not None else 0.0,
        )  # fmt: skip

    @property
    def own_gpu(self) -> ev.GpuUse | None:
        """The GPU the run computes on: of those told the one it holds memory of, else the first; None on the CPU."""
        gpus = self.device.gpus if self.device else []
        if not gpus or (self.memory_plan is not None and self.memory_plan.device == "cpu"):
            return None
        return next((gpu for gpu in gpus if gpu.reserved), gpus[0])

    @property
    def predicted_bytes(self) -> int | None:
        """What the run's memory is expected to read: on a GPU with what torch's allocator keeps, in RAM without."""
        plan = self.memory_plan
        if plan is None:
            return None
        return (plan.needed_bytes if plan.device == "cpu" else max(plan.needed_bytes, plan.shown_bytes)) or None

    def is_abandoned(self, line: LogLine) -> bool:
        """Whether a line of the log tells of steps that a rollback took back."""
        return any(first < line.t < last for first, last in self.abandoned_t)

    @property
    def skipped_rows(self) -> int:
        """Rows that are trained on no more."""
        return sum(event.skipped_rows for event in self.rollbacks)

    @property
    def interventions(self) -> list[Message]:
        """What people did to the training on its way, for whoever shows its result: [] for most runs."""
        said = []
        if self.rollbacks:
            steps = sum(event.from_step - event.step for event in self.rollbacks)
            said.append(Message("steering.told-rollbacks", times=len(self.rollbacks), steps=steps))
        if self.skipped_rows:
            said.append(Message("steering.told-skipped", rows=self.skipped_rows))
        if self.rate_scale != 1:
            said.append(Message("steering.told-rate", scale=self.rate_scale))
        return said

    def evals_at(self, moment: str, part: str = "validation") -> ev.Eval | None:
        """The newest evaluation of a moment (before, during, after)."""
        evals = self.tests if part == "test" else self.evals
        return next((e for e in reversed(evals) if e.moment == moment), None)


def gauged(event: ev.Forgetting) -> dict[str, float | None]:
    """What the gauge of forgetting shows: divergences, and losses as rises over what they were; nats a token."""
    return {
        "task": event.kl_task, "prompts": event.kl_prompts, "general": event.kl_general,
        "general_loss": rise(event.general_loss, event.general_before),
        "texts_loss": rise(event.texts_loss, event.texts_before),
        "answers_loss": rise(event.answers_loss, event.answers_before),
        "old_loss": rise(event.old_loss, event.old_before),
    }  # fmt: skip


def rise(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before
