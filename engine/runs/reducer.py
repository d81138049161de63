"""The one reducer: events in, the state of a run out, whatever part of its log they are."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import TypeVar

import msgspec

from engine.messages.message import Message
from engine.runs import events as ev
from engine.runs import story
from engine.runs.by_source import BySource
from engine.runs.curves import Curve, Stopwatch, TimeCurve
from engine.runs.state import ENDED, LogLine, Mark, MarkKind, RunState, StateName, gauged

_RUNNER_STATES = frozenset({"starting", "running", "paused", "stopping"})
_LOG_LINES = 500
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Measured = TypeVar("_Measured", tuple[int, str], tuple[int, str, int])
_EACH_STEP = ("learning_rate", "grad_norm", "tokens_per_second")
_GRAVER = ("unknown", "fine", "look", "stop")
_AVERAGE_WINDOW = 20  # steps of the moving average, as a time constant
_AVERAGE_SHARE = 8  # early on the window is an eighth of the steps so far: a short run's average must not lag


class RunReducer:
    """Applies events one by one. ``snapshot`` is cheap: curves are shared, never copied."""

    def __init__(self) -> None:
        self._curves: dict[str, Curve] = {}
        self._state: StateName = "created"
        self._reason: Message | None = None
        self._failure: ev.Failed | None = None
        self._started: ev.RunStarted | None = None
        self._started_t: float | None = None
        self._phase: ev.Phase | None = None
        self._step: ev.Step | None = None
        self._total: int | None = None
        self._device: ev.Device | None = None
        self._rows: ev.Rows | None = None
        self._memory_plan: ev.MemoryPlan | None = None
        self._memory_measured: dict[str, ev.MemoryMeasured] = {}
        self._out_of_memory: ev.OutOfMemory | None = None
        self._micro_batch_tokens: int | None = None
        self._finished: ev.Finished | None = None
        self._evals: dict[tuple[int, str], ev.Eval] = {}
        self._tests: dict[tuple[int, str], ev.Eval] = {}
        self._evaluations: dict[str, ev.Evaluated] = {}
        self._forgetting: dict[tuple[int, str], ev.Forgetting] = {}
        self._samples: dict[tuple[int, str, int], ev.Sample] = {}
        self._checkpoints: dict[int, ev.Checkpoint] = {}
        self._warnings: list[ev.Warn] = []
        self._spikes: list[ev.Spike] = []
        self._rollbacks: list[ev.RolledBack] = []
        self._rates: list[ev.RateLowered] = []
        self._marks: list[Mark] = []
        self._abandoned: list[tuple[float, float]] = []
        self._acks: dict[int, ev.ControlAck] = {}
        self._log: deque[LogLine] = deque(maxlen=_LOG_LINES)
        self._step_times: deque[float] = deque(maxlen=_AVERAGE_WINDOW)
        self._peak_rss: int | None = None
        self._last_seq = 0
        self._last_t = 0.0
        self._step_t: float | None = None
        self._phase_t: float | None = None
        self._watch = Stopwatch()
        self._by_source = BySource(self._curve)

    def apply_all(self, events: Iterable[ev.AnyEvent]) -> RunReducer:
        for event in events:
            self.apply(event)
        return self

    def apply(self, event: ev.AnyEvent) -> None:
        """Take one event. Unknown combinations never raise: a log may start or end anywhere."""
        self._last_seq, self._last_t = event.seq, event.t
        seconds = self._watch.at(event.t)
        match event:
            case ev.Step():
                self._on_step(event)
            case ev.RunStarted():
                self._on_started(event)
            case ev.Phase():
                if self._phase is None or self._phase.name != event.name:
                    self._say(event, "info", event.message or Message.literal(event.name))
                    self._phase_t = event.t
                self._phase = event
            case ev.Rows():
                self._rows = event
                for message in story.rows(event):
                    self._say(event, "info", message)
            case ev.Eval():
                is_test = event.part == "test"
                _put_last(self._tests if is_test else self._evals, (event.step, event.moment), event)
                # The result may be of an earlier step, whose place in the curve is taken.
                earlier = event.moment == "after" and self._step is not None and event.step < self._step.step
                if event.loss is not None and not is_test and not earlier:
                    self._curve("eval_loss").add(event.step, event.loss)
                self._say(event, "good", story.evaluation(event))
                for warning in () if is_test or earlier else self._by_source.evaluation(event):
                    self._warn(warning)
            case ev.Evaluated():
                self._evaluations[event.name] = event
                told = event.sentence or Message("events.evaluated", name=event.name, rows=event.n)
                self._say(event, "info", told)  # it may say that the result is worse
            case ev.Forgetting():
                self._on_forgetting(event)
            case ev.Sample():
                _put_last(self._samples, (event.step, event.moment, event.index), event)
            case ev.Device():
                self._on_device(event, seconds)
            case ev.MemoryPlan():
                self._memory_plan, self._micro_batch_tokens = event, event.micro_batch_tokens
                self._say(event, "info", story.memory_plan(event))
            case ev.MemoryMeasured():
                self._memory_measured[event.moment] = event
                self._say(event, "info", story.memory_measured(event))
            case ev.OutOfMemory():
                self._out_of_memory = event
                self._micro_batch_tokens = event.retry_tokens or self._micro_batch_tokens
                self._say(event, "warning", story.out_of_memory(event))
                self._mark("out-of-memory", event.step, event.t, story.out_of_memory(event))
            case ev.Checkpoint():
                _put_last(self._checkpoints, event.step, event)
                self._say(event, "good", story.checkpoint(event))
                self._mark("checkpoint", event.step, event.t, story.checkpoint(event))
            case ev.Spike():
                self._spikes = [spike for spike in self._spikes if spike.step < event.step] + [event]
                self._say(event, "warning", story.spike(event))
                self._mark("spike", event.step, event.t, story.spike(event))
            case ev.RateLowered():
                self._rates.append(event)
                self._say(event, "info", story.rate_lowered(event))
                self._mark("rate", event.step, event.t, story.rate_lowered(event))
            case ev.RolledBack():
                self._on_rollback(event)
            case ev.StepSkipped():
                self._say(event, "info", Message("steering.step-skipped", step=event.step))
                if self._step is not None:
                    self._step, self._step_t = msgspec.structs.replace(self._step, step=event.step), event.t
            case ev.Warn():
                self._warn(event)
            case ev.ControlAck():
                self._acks[event.control_seq] = event
                self._say(event, "info" if event.ok else "warning", story.answer_to(event))
            case ev.State():
                # Only a new process, whose first word is "starting", undoes an end.
                if event.state == "starting":
                    self._failure, self._finished, self._out_of_memory = None, None, None
                elif self._state in ENDED:
                    return
                if event.state in _RUNNER_STATES:
                    self._state = event.state  # type: ignore[assignment]
                    self._reason = event.reason
                    self._say(event, "info", story.state(event.state, event.reason))
                    if event.state == "paused":
                        step = self._step.step if self._step else None
                        self._mark("pause", step, event.t, story.state(event.state))
            case ev.Finished():
                self._finished, self._failure = event, None
                self._state = "stopped" if event.outcome == "stopped" else "finished"
                self._reason = event.reason
                if event.result is not None:
                    self._say(event, "info", event.result)
                self._say(event, "good", story.state(self._state, event.reason))
            case ev.Failed():
                self._failure, self._finished = event, None
                self._state, self._reason = "failed", event.reason
                self._say(event, "error", Message("events.failed", error=event.reason))
            case ev.Heartbeat():
                if self._state == "created" and event.state in _RUNNER_STATES:
                    self._state = event.state  # type: ignore[assignment]

    def snapshot(self) -> RunState:
        return RunState(
            state=self._state, reason=self._reason, failure=self._failure, started=self._started,
            started_t=self._started_t, phase=self._phase, step=self._step, total_steps=self._total,
            device=self._device, rows=self._rows, memory_plan=self._memory_plan,
            memory_measured=dict(self._memory_measured),
            out_of_memory=self._out_of_memory, micro_batch_tokens=self._micro_batch_tokens, finished=self._finished,
            series={name: curve.view() for name, curve in self._curves.items()},
            evals=tuple(self._evals.values()), tests=tuple(self._tests.values()),
            evaluations=tuple(self._evaluations.values()), forgetting=tuple(self._forgetting.values()),
            samples=tuple(self._samples.values()),
            checkpoints=tuple(self._checkpoints.values()),
            warnings=tuple(self._warnings), spikes=tuple(self._spikes), rollbacks=tuple(self._rollbacks),
            rate_scale=self._rates[-1].scale if self._rates else 1.0, marks=tuple(self._marks),
            abandoned_t=tuple(self._abandoned), acks=dict(self._acks), log=tuple(self._log),
            recent_step_time=_median(self._step_times), step_t=self._step_t, phase_t=self._phase_t,
            peak_rss=self._peak_rss,
            last_seq=self._last_seq, first_t=self._watch.first_t, last_t=self._last_t,
        )  # fmt: skip

    def _on_started(self, event: ev.RunStarted) -> None:
        if self._started_t is None:
            self._started_t = event.t
        self._started, self._total = event, event.total_steps or self._total
        self._state, self._reason, self._failure, self._finished = "starting", None, None, None
        self._phase = None
        self._step_times.clear()
        if event.resumed_from_step is None:
            self._step = None  # from the beginning, also where there was a start before
        else:
            self._say(event, "info", Message("events.resumed-from", step=event.resumed_from_step))
            if self._step is not None and self._step.step > event.resumed_from_step:
                self._step = msgspec.structs.replace(self._step, step=event.resumed_from_step)

    def _on_step(self, event: ev.Step) -> None:
        if self._state in ("created", "starting"):  # created: a log read from its middle
            self._state = "running"
        self._step, self._step_t = event, event.t
        curves = self._curves
        if "loss" not in curves:
            curves |= {name: Curve() for name in ("loss", *_EACH_STEP)}
        x, loss = event.step, event.loss
        curves["loss"].add(x, loss)
        if math.isfinite(loss):
            average = self._curve("loss_average")
            keep = 1 - 1 / min(_AVERAGE_WINDOW, max(1.0, len(curves["loss"].x) / _AVERAGE_SHARE))
            before = average.before(x)
            average.add(x, loss if before is None else keep * before + (1 - keep) * loss)
        for name in _EACH_STEP:
            curves[name].add(x, getattr(event, name))
        if event.memory_allocated is not None:
            self._curve("memory").add(x, event.memory_allocated)
        if event.loss_by_source:
            self._by_source.step(event)
        self._step_times.append(event.step_time)

    def _on_rollback(self, event: ev.RolledBack) -> None:
        """Everything is as after its step; what the abandoned steps brought counts no more."""
        step = event.step
        saved = self._checkpoints.get(step)
        begun = saved.t if saved else self._started_t or 0.0  # the beginning, or a log read from its middle
        self._abandoned.append((begun, event.t))
        for curve in self._curves.values():
            if not isinstance(curve, TimeCurve):
                curve.cut_after(step)
        self._by_source.cut_after(step)
        _drop_after(step, self._evals)
        _drop_after(step, self._tests)
        _drop_after(step, self._forgetting)
        _drop_after(step, self._samples)
        self._checkpoints = {at: each for at, each in self._checkpoints.items() if at <= step}
        self._spikes = [spike for spike in self._spikes if spike.step <= step]
        self._rates = [rate for rate in self._rates if rate.step <= step]
        self._marks = [mark for mark in self._marks if mark.step is None or mark.step <= step]
        self._warnings = [warning for warning in self._warnings if warning.step is None or warning.step <= step]
        self._step_times.clear()
        self._step = self._step_at(event)
        self._rollbacks.append(event)
        if event.rate_factor is not None:
            scale = event.rate_factor * (self._rates[-1].scale if self._rates else 1.0)
            self._rates.append(ev.RateLowered(step=step, factor=event.rate_factor, scale=scale, t=event.t))
        for message in story.rolled_back(event):
            self._say(event, "warning", message)
        self._mark("rollback", step, event.t, story.rolled_back(event)[0])

    def _step_at(self, event: ev.RolledBack) -> ev.Step | None:
        """The newest step once the others are taken back, as far as the curves know it; None at the beginning."""
        if self._step is None or not event.step:
            return None
        known = {name: self._curves[name].y[-1] for name in ("loss", *_EACH_STEP) if self._curves[name].y}
        return msgspec.structs.replace(
            self._step, step=event.step, num_tokens=event.num_tokens, supervised_tokens=event.supervised_tokens, **known
        )

    def _on_forgetting(self, event: ev.Forgetting) -> None:
        """Curves by step, but for what is measured again of an earlier step, the best; a worse mark is a warning."""
        before = next(reversed(self._forgetting.values()), None)
        _put_last(self._forgetting, (event.step, event.moment), event)
        for name, value in gauged(event).items():
            if value is not None and (before is None or event.moment != "after" or event.step > before.step):
                self._curve(f"forgetting/{name}").add(event.step, value)
        worse = event.mark in _GRAVER and _GRAVER.index(event.mark) > _GRAVER.index(before.mark if before else "fine")
        self._say(event, "warning" if worse else "info", story.forgetting(event))

    def _on_device(self, event: ev.Device, seconds: float) -> None:
        self._device = event
        if event.peak_rss is not None:
            self._peak_rss = max(self._peak_rss or 0, event.peak_rss)
        sizes: dict[str, int | None] = {"rss": event.rss}
        for gpu in event.gpus:
            sizes |= {f"gpu/{gpu.index}": gpu.used, f"reserved/{gpu.index}": gpu.reserved}
        for name, size in sizes.items():
            if size is not None:
                self._curve(name, TimeCurve).add(seconds, size)

    def _curve(self, name: str, kind: type[Curve] = Curve) -> Curve:
        found = self._curves.get(name)
        if found is None:
            found = self._curves[name] = kind()
        return found

    def _mark(self, kind: MarkKind, step: int | None, t: float, message: Message) -> None:
        self._marks.append(Mark(kind, step, t, message))

    def _warn(self, event: ev.Warn) -> None:
        self._warnings.append(event)
        self._mark("warning", event.step, event.t, event.message)
        self._say(event, "warning", Message("events.warning", about=event.message))

    def _say(self, event: ev.AnyEvent, level: str, message: Message) -> None:
        self._log.append(LogLine(event.t, level, message))


def reduce(events: Iterable[ev.AnyEvent]) -> RunState:
    """The state after ``events``; any prefix of a log gives a valid one."""
    return RunReducer().apply_all(events).snapshot()


def _put_last(into: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Set ``key`` and make it the newest; a step repeated after a resume replaces what it gave before."""
    into.pop(key, None)
    into[key] = value


def _drop_after(step: int, of: dict[_Measured, _Value]) -> None:
    """Forget what is of a later step, which its key begins with."""
    for key in [key for key in of if key[0] > step]:
        del of[key]


def _median(values: Iterable[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None
