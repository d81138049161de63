"""The training loop: optimizer steps over fixed batches, cut into micro-batches, steerable between any two."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import psutil
import torch

from engine.common.errors import MachineError, TunedeckError
from engine.messages.message import Message
from engine.modeling.batches import Batch, StepPlan
from engine.modeling.optimizers import learning_rate
from engine.modeling.out_of_memory import Shortage
from engine.modeling.randomness import set_torch_state, torch_state
from engine.runs import events as ev
from engine.runs.ahead import rhythm_of
from engine.runs.interventions import RateChange, factor_wanted
from engine.runs.mix_changes import MixChange
from engine.runs.steering import Order
from engine.training.best import judged, keeps_best
from engine.training.checkpoint import TrainerState
from engine.training.gradient import Gradient, Tally, row_losses
from engine.training.mixing import replay_now, share_wanted
from engine.training.prepare import Training
from engine.training.spikes import Found, SpikeFinder

_RETRY = 100
"""Steps after memory ran out before larger micro-batches are tried again, at least."""

# What became of a step or lies ahead, the gravest word of any process being the last.
_DONE, _CHANGE, _PAUSE, _STOP, _BACK, _SHORT = range(6)


class NotFinite(TunedeckError):
    """Loss or gradient is NaN or infinite; the step was not taken."""


@dataclass(frozen=True)
class Outcome:
    """How the loop ended, and where."""

    kind: Literal["finished", "stopped", "paused", "rolled-back"]
    state: TrainerState
    reason: Message | None = None


@dataclass(frozen=True)
class Held:
    """Rows of a step, those with the highest loss first, and what tells all of them by what they say."""

    rows: list[ev.HeldRow] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@dataclass
class Hooks:
    """What the loop calls and does not do itself. ``save`` takes the reason of a Checkpoint event; ``evaluate`` returns
    what the validation set is judged by (``best.measure_of``), None where nothing was measured.

    ``between`` is called before each micro-batch. ``held`` says what rows are, by their indices and with the mean loss
    of those whose it is known. ``roll_back`` is what takes steps back as an order's values say, and ``keep_rate`` keeps
    a lower rate; both raise TunedeckError where that can't be. ``remix`` gives the steps with another share of replay,
    keeps that where this process is the first, and raises TunedeckError where it can't be; None where shares can't be
    changed.
    """

    save: Callable[[TrainerState, str], str]
    evaluate: Callable[[TrainerState], float | None]
    sample: Callable[[TrainerState], None]
    between: Callable[[], None] = lambda: None
    held: Callable[[Sequence[int], Mapping[int, float]], Held] = lambda rows, losses: Held()
    roll_back: Callable[[TrainerState, Mapping[str, Any]], Message] | None = None
    keep_rate: Callable[[RateChange], None] = lambda change: None
    remix: Callable[[StepPlan, MixChange], StepPlan] | None = None


class Loop:
    """Trains what is ``training`` in the order of its steps, in batches of ``budget_tokens``, as one of its ranks.

    ``past`` are the losses of the steps before, which a spike is told by.
    """

    def __init__(self, training: Training, budget_tokens: int, hooks: Hooks, past: Iterable[float] = ()) -> None:
        self.config, self.objective, self.layout = training.config, training.objective, training.layout
        self.plan, self.examples, self.sources = training.steps, training.rows.train, training.rows.sources
        self.net, self.optimizer = training.built.net, training.built.optimizer
        self.memory, self.steering, self.ranks = training.memory, training.steering, training.ranks
        self.sink, self.hooks = training.phases.sink, hooks
        self.budget, self.halved = budget_tokens, False
        self.larger: int | None = None  # the budget before memory ran out, at step ``short_at``
        self.short_at = 0
        self.device = training.built.accelerator.device
        self.tries_larger = self.device.type == "cuda"  # in RAM too much of it would end the process
        self.gradient = Gradient(training, hooks.between)
        self._orders: list[Order] = []
        self.rhythm = rhythm_of(self.config, self.plan.total_steps)
        self.done = training.done
        self.spikes = SpikeFinder(past)

    def run(self, state: TrainerState) -> Outcome:
        """Train from ``state`` to the end, or until somebody stops or pauses it.

        Raises NotFinite and OutOfMemory (after a checkpoint of the last good step), and MachineError.
        """
        self.net.train()
        total = self.plan.total_steps
        saved_step = state.step
        if state.micro_batch_tokens is not None:  # the same cut as before: the last bits of a sum depend on it
            self.budget, self.halved = min(self.budget, state.micro_batch_tokens), True
            self.larger, self.short_at = state.larger_tokens, state.short_at
        patience = self.config.eval.early_stopping_patience
        while state.step < total:
            state = self._evaluate(state)
            if state.best_step == state.step != saved_step and keeps_best(self.config):
                self.hooks.save(state, "best")
                saved_step = state.step
            if patience and state.worse_evals >= patience:
                return self._end(state, saved_step, "finished", Message("events.early-stop", evaluations=patience))
            began = time.monotonic()
            taken = self._step(state)
            if taken is None:  # asked to stop in the middle: the step is not taken and will be repeated
                return self._end(state, saved_step, "stopped", self.steering.reason)
            state = replace(taken, train_seconds=state.train_seconds + time.monotonic() - began)
            if self._sample_due(state.step):
                self.hooks.sample(state)
            if state.step % self.rhythm.save == 0 or state.step == total:
                self.hooks.save(state, "last-step" if state.step == total else "scheduled")
                saved_step = state.step
            change = self._change(state)
            wanted, saved_step = self._obey(state, saved_step)
            mine = max(wanted, _STOP if self.steering.stop_requested else _CHANGE if change else _DONE)
            ahead = self.ranks.largest(mine)
            if ahead == _CHANGE and self.ranks.count > 1:
                self._follow(self.ranks.from_first(change))
            if ahead == _STOP:
                return self._end(state, saved_step, "stopped", self.steering.reason)
            if ahead == _PAUSE:
                return Outcome("paused", state)
            if ahead == _BACK:
                return Outcome("rolled-back", state)
        return Outcome("finished", state)

    def _step(self, state: TrainerState) -> TrainerState | None:
        """One optimizer step, repeated with smaller micro-batches while memory runs out; None if asked to stop."""
        step = state.step + 1
        indices = self.plan.rows(step)
        if not len(indices):
            self.sink(ev.StepSkipped(step=step))
            return replace(state, step=step)
        examples = self.objective.of_step([self.examples[i] for i in indices], step)
        rows = self.ranks.mine(examples)
        began = time.monotonic()
        self.ranks.reseed(self.config.run.seed, step)
        random_state = torch_state()
        self.memory.step = step
        self._take_larger(step)
        while True:
            batches = self.objective.cut(rows, self.budget, self.layout)
            tally, shortage = self._try(batches)
            fate = self.ranks.largest(_SHORT if shortage else _STOP if tally is None else _DONE)
            if fate == _DONE:
                assert tally is not None
                loss, grad_norm = self.gradient.finish(tally)
                if not self.gradient.overflowed(step, loss, grad_norm):
                    break
            set_torch_state(random_state)
            self.optimizer.zero_grad(set_to_none=True)
            if fate == _STOP:
                return None
            if fate == _SHORT:
                self._take_smaller(batches, shortage, state)
        train = self.config.train
        rate = learning_rate(
            step, self.plan.total_steps, train.learning_rate, train.lr_scheduler_type, train.warmup_ratio
        ) * self.done.factor(step)
        finite = math.isfinite(loss) and math.isfinite(grad_norm)
        spike = self.spikes.look(loss, grad_norm)
        if finite:
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        taken = replace(
            state, step=step, num_tokens=state.num_tokens + tally.tokens,
            supervised_tokens=state.supervised_tokens + tally.supervised,
            micro_batch_tokens=self.budget if self.halved else None,
            larger_tokens=self.larger, short_at=self.short_at,
        )  # fmt: skip
        self._report(taken, tally, loss, grad_norm, rate, time.monotonic() - began)
        if self.ranks.largest(int(spike is not None and self.ranks.is_first)):
            known = {id(example): int(index) for example, index in zip(examples, indices, strict=True)}
            losses = row_losses(batches, tally.per_part, [known[id(row)] for row in rows])
            self._tell_spike(taken, spike or Found("loss"), indices.tolist(), losses, (loss, grad_norm, rate))
            taken = replace(taken, spike_step=step)
        if not finite:
            self._give_up(state, step, loss, grad_norm)
        return taken

    def _try(self, batches: Sequence[Batch]) -> tuple[Tally | None, Shortage | None]:
        """What the step's gradients added up, None if asked to stop; or the shortage of memory that ended it."""
        try:
            return self.gradient.add_up(batches), None
        except Exception as error:
            shortage = self.memory.shortage(error)
            if shortage is None:
                raise
            return None, shortage  # only now, with the error gone, the failed micro-batch's memory is free

    def _take_smaller(self, batches: Sequence[Batch], shortage: Shortage | None, state: TrainerState) -> None:
        """Halve the budget, as one process or more ran short. Raises OutOfMemory when single rows don't fit."""
        is_single = shortage is not None and all(batch.rows == 1 for batch in batches)
        told = self.ranks.any_of(shortage)
        assert told is not None
        if self.ranks.largest(int(is_single)):
            ended = self.memory.ends(told, "runs.out-of-memory-row")
            if state.step > 0:
                with suppress(MachineError):  # saving takes memory too; the checkpoint before is good
                    self.hooks.save(state, "out-of-memory")
            raise ended
        self.larger, self.short_at = self.larger or self.budget, state.step + 1
        self.budget = self.ranks.largest(half_of(self.budget, batches))
        self.halved = True
        self.memory.repeats(told, self.budget)

    def _take_larger(self, step: int) -> None:
        """Long after memory ran out on a GPU, try again what was too much then: others may have left.

        The wait doubles with each failure.
        """
        if not self.tries_larger or self.larger is None or step < self.short_at + max(_RETRY, self.short_at):
            return
        told = Message("events.larger-again", tokens=self.larger, step=self.short_at)
        self.sink(ev.Warn(message=told, step=step))
        self.budget, self.larger = self.larger, None

    def _report(
        self, state: TrainerState, tally: Tally, loss: float, grad_norm: float, rate: float, seconds: float
    ) -> None:
        by_source = {self.sources[s]: tally.sums[s] / tally.counts[s] for s in tally.sums}
        allocated, reserved = memory_now(self.device)
        self.sink(
            ev.Step(
                step=state.step, epoch=round(self.plan.epoch_after(state.step), 4), loss=loss, learning_rate=rate,
                grad_norm=grad_norm, num_tokens=state.num_tokens, supervised_tokens=state.supervised_tokens,
                tokens_per_second=round(tally.tokens / seconds, 2), step_time=round(seconds, 4),
                memory_allocated=allocated, memory_reserved=reserved, loss_by_source=by_source,
            )
        )  # fmt: skip

    def _tell_spike(
        self, state: TrainerState, found: Found, indices: list[int], losses: dict[int, float],
        told: tuple[float, float, float],
    ) -> None:  # fmt: skip
        """What the step held: rows by their ``indices``, with the ``losses`` of those that this process computed."""
        shares = self.ranks.everyone(losses)
        if not self.ranks.is_first:
            return
        held = self.hooks.held(indices, {row: loss for share in shares for row, loss in share.items()})
        loss, grad_norm, rate = told
        self.sink(
            ev.Spike(
                step=state.step, kind=found.kind, loss=loss, expected=found.expected, score=found.score,
                grad_norm=grad_norm, learning_rate=rate, rows=held.rows, row_count=len(set(indices)), keys=held.keys,
            )
        )  # fmt: skip

    def _give_up(self, before: TrainerState, step: int, loss: float, grad_norm: float) -> None:
        """Keep the adapter as it was before the step that went wrong, and say so."""
        if before.step > 0:
            self.hooks.save(before, "not-finite")
        code = "training.gradient-not-finite" if math.isfinite(loss) else "training.loss-not-finite"
        raise NotFinite(code, step=step, loss=loss, norm=grad_norm)

    def _evaluate(self, state: TrainerState) -> TrainerState:
        """Measure after the newest step if that is due. One that a stop cut short is still due after a resume."""
        step = state.step
        if step in (0, state.evaluated_step) or step % self.rhythm.evaluate:
            return state
        measured = self.ranks.from_first(self.hooks.evaluate(state))
        if self.steering.stop_requested and measured is None:
            return state
        return judged(replace(state, evaluated_step=step), measured)

    def _change(self, state: TrainerState) -> MixChange | RateChange | None:
        """Take the waiting orders, and change rate or replay first: a checkpoint of this step is before it.

        Of several changes at once the others are put off by a step, so that all processes hear of each.
        """
        self._orders = []
        change: MixChange | RateChange | None = None
        for order in self.steering.take():
            if order.command != "set":
                self._orders.append(order)
                continue
            if change is not None:
                self.steering.put(order.command, order.answer, order.values)
                continue
            if order.values.keys() == {"rate"}:
                change = self._lower_rate(state, order)
                continue
            if self.hooks.remix is None or order.values.keys() != {"replay"}:
                order.answer(False, Message("events.cannot-set"))
                continue
            try:
                now = replay_now(self.config, self.plan)
                wanted = MixChange(state.step, share_wanted(order.values.get("replay"), now))
                self.plan = self.hooks.remix(self.plan, wanted)
            except TunedeckError as error:
                order.answer(False, error.reason)
                continue
            change = wanted
            self.spikes.forget()
            order.answer(True, Message("forgetting.replay-set", share=wanted.replay, step=state.step + 1))
        return change

    def _lower_rate(self, state: TrainerState, order: Order) -> RateChange | None:
        """Multiply the schedule from the next step on."""
        try:
            change = RateChange(state.step, factor_wanted(order.values.get("rate")))
            self.hooks.keep_rate(change)
        except TunedeckError as error:
            order.answer(False, error.reason)
            return None
        self._scale(change)
        scale = self.done.factor(state.step + 1)
        self.sink(ev.RateLowered(step=state.step, factor=change.factor, scale=scale))
        told = Message("steering.rate-lowered", factor=change.factor, scale=scale, step=state.step + 1)
        order.answer(True, told)
        return change

    def _scale(self, change: RateChange) -> None:
        self.done = replace(self.done, rates=(*self.done.rates, change))

    def _follow(self, change: MixChange | RateChange | None) -> None:
        """What the first process changed, in the others."""
        if change is None or self.ranks.is_first:
            return
        if isinstance(change, RateChange):
            self._scale(change)
        elif self.hooks.remix is not None:
            self.plan = self.hooks.remix(self.plan, change)
            self.spikes.forget()

    def _obey(self, state: TrainerState, saved_step: int) -> tuple[int, int]:
        """Carry out waiting orders; returns what they ask of all processes, and the newest saved step.

        Once steps are taken back, all other orders wait: what they would save is no more.
        """
        wanted = _DONE
        for order in sorted(self._orders, key=lambda order: order.command != "rollback"):
            if wanted == _BACK:
                self.steering.put(order.command, order.answer, order.values)
            elif order.command == "save":
                name = self.hooks.save(state, "asked") if saved_step != state.step else f"checkpoint-{state.step}"
                saved_step = state.step
                order.answer(True, Message("events.saved", checkpoint=name))
            elif order.command == "sample":
                self.hooks.sample(state)
                order.answer(True, Message("events.sampled", step=state.step))
            elif order.command == "pause" and not self.steering.stop_requested:
                self.steering.pause_begins()
                if saved_step != state.step:
                    self.hooks.save(state, "pause")
                    saved_step = state.step
                wanted = _PAUSE
                order.answer(True, Message("events.paused"))
            elif order.command == "rollback" and self.hooks.roll_back is not None:
                try:
                    told = self.hooks.roll_back(state, order.values)
                except TunedeckError as error:
                    order.answer(False, error.reason)
                else:
                    wanted = _BACK
                    order.answer(True, told)
            else:
                order.answer(False, Message("events.cannot-set"))
        return wanted, saved_step

    def _end(
        self, state: TrainerState, saved_step: int, kind: Literal["finished", "stopped"], reason: Message | None
    ) -> Outcome:
        if state.step != saved_step and state.step > 0:
            self.hooks.save(state, "stop" if kind == "stopped" else "early-stop")
        return Outcome(kind, state, reason)

    def _sample_due(self, step: int) -> bool:
        return step % self.rhythm.sample == 0 and step < self.plan.total_steps


def half_of(budget_tokens: int, batches: Sequence[Batch]) -> int:
    """The next smaller budget: half of what was really computed at once."""
    return min(budget_tokens, max((batch.padded_tokens for batch in batches), default=0)) // 2


def memory_now(device: torch.device) -> tuple[int, int | None]:
    """Bytes in use: allocated and reserved on a GPU; on the CPU this process's resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device), torch.cuda.memory_reserved(device)
    return psutil.Process().memory_info().rss, None
