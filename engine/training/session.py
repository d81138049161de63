"""One run from config to adapter: read, plan, load, rehearse, measure, train, measure again, keep the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from engine.common.errors import MachineError, TunedeckError, reason_of
from engine.common.versions import versions
from engine.config.schema import RunConfig
from engine.distributed.cpu_threads import Processors
from engine.distributed.device import choose_devices, place
from engine.distributed.workers import Companions
from engine.evaluation.assess import Assessor, Moment
from engine.evaluation.forgetting import Gauge
from engine.memory.disk import beside_bytes, kept_checkpoints, require, run_disk
from engine.messages.message import Message
from engine.modeling.batches import StepPlan
from engine.modeling.out_of_memory import free_cached, give_back
from engine.models import origins
from engine.models.card import ModelCard
from engine.runs import events as ev
from engine.runs import interventions, mix_changes, rollback
from engine.runs import story as story_of
from engine.runs.ahead import rhythm_of
from engine.runs.directory import RunDir
from engine.runs.interventions import RateChange
from engine.runs.mix_changes import MixChange
from engine.runs.phases import Phases, Sink
from engine.runs.steering import Steering, StopRequested
from engine.tokens.dataset import Prepared
from engine.tokens.tokenizer import ADAPTERS_OWN
from engine.training import checkpoint, result
from engine.training.assessor import assessor
from engine.training.best import Result, folder_of, measure_of, measure_result, result_of, with_best
from engine.training.checkpoint import TrainerState, begun
from engine.training.gauge import earlier_rows, elsewhere_of, gauge_of
from engine.training.held_rows import held_rows, losses_before
from engine.training.loop import Hooks, Loop, Outcome
from engine.training.memory.measured import MemoryStory
from engine.training.memory.rehearsal import Rehearsal
from engine.training.mixing import changed
from engine.training.objectives.objective import Objective
from engine.training.prepare import Context, Training, begin, find_model, placed, prepare
from engine.training.strategies import merge_first


class Session:
    """Runs ``config`` in ``run``; reports to ``sink`` and obeys ``steering``.

    ``devices`` are those of ``choose_devices``, of which this process sees the first. ``objective`` takes the place of
    what the config asks for, in a run on one device.
    """

    def __init__(
        self, run: RunDir, config: RunConfig, sink: Sink, steering: Steering, devices: Sequence[str] = (),
        objective: Objective | None = None,
    ) -> None:  # fmt: skip
        self.devices = devices or choose_devices(config)
        self.run, self.config, self.sink, self.steering = run, config, sink, steering
        self.objective = objective
        self.phases = Phases(sink, self._check)
        self.prepared: Prepared | None = None
        self.resolved = config
        self.began = time.monotonic()
        self._after_kill = False
        self._accept_changes = False
        self._hashing: threading.Thread | None = None
        self._processors: Processors | None = None
        self._told_threads = False

    def execute(self, resume: bool, after_kill: bool = False, accept_changes: bool = False) -> None:
        """Train to an end and write it down. Raises TunedeckError; a stop is no error.

        ``after_kill``: the runner before this one was killed for want of memory, so pieces are to be smaller.
        ``accept_changes``: go on although data, model, template or old adapter are not those of the start.
        """
        self._after_kill, self._accept_changes = after_kill, accept_changes
        try:
            while True:
                outcome = self._train(resume)
                if outcome.kind == "rolled-back":
                    self._start_again()
                elif outcome.kind == "paused":
                    self._wait_paused()
                    if self.steering.stop_requested:
                        self._finish("stopped", outcome.state, self.steering.reason)
                        return
                else:
                    return
                resume = True
        except StopRequested:
            last = self.run.complete_checkpoints()
            self._finish("stopped", checkpoint.read_state(last[-1]) if last else TrainerState(0), self.steering.reason)

    def _train(self, resume: bool) -> Outcome:
        """Make everything ready, train until the loop ends, and finish unless it is only paused."""
        newest = checkpoint.newest_sound(self.run, self.sink) if resume else None
        state = with_best(self.run, checkpoint.read_state(newest)) if newest else TrainerState(0)
        context = Context(
            self.config, self.phases, self.steering, self.run, newest, state, rows=self.prepared,
            after_kill=self._after_kill, objective=self.objective,
        )  # fmt: skip
        training = self._make_ready(context)
        try:
            state = with_best(self.run, begin(context, training))
            self._announce(training, state.step if newest else None)
            state = replace(state, settings=training.plan.settings, coarsest=training.plan.coarsest)
            precision = training.placement.precision
            with Companions(self.run, training.config, self.devices, precision, newest, self.steering) as company:
                return self._run(training, state, company, fresh=newest is None)
        except Exception as error:
            shortage = training.memory.shortage(error)
            if shortage is None:
                raise
        raise training.memory.ends(shortage)

    def _make_ready(self, context: Context) -> Training:
        """What is asked of the machine first, then an old adapter merged, then all that the run is made from."""
        placement = placed(self.config)
        if placement.device.type == "cpu" and len(self.config.launch.devices) == 1 and self._processors is None:
            self._processors = Processors(torch.get_num_threads(), torch.set_num_threads, self._tell_threads)
        if self.config.strategy.kind == "merge":  # the merged model is the base of all that follows
            context.config = self.config = merge_first(self.run, self.config, self.phases).config
        card = find_model(context)
        self._mind_origins(card, goes_on=context.newest is not None)
        try:
            training = prepare(context, placement, card)
        finally:
            self.prepared = context.rows
            self.resolved = context.plan.config if context.plan else self.config
        self._after_kill = False
        self._hash_weights()
        return training

    def _run(self, training: Training, state: TrainerState, company: Companions, fresh: bool) -> Outcome:
        """Meet the other processes, rehearse, measure, train, measure again."""
        self._check_disk(training)
        if len(self.devices) > 1:
            self.phases.begin("join")
        training.meet(company.meet(training.placement.device))
        planned = training.plan.micro_batch_tokens
        budget = min(planned, state.micro_batch_tokens or planned, training.most_tokens or planned)
        if budget < planned:
            state = replace(state, micro_batch_tokens=budget)
        measure = assessor(training, budget, self.run)
        story = MemoryStory(self.run.path.name, training.plan, training.peaks, self.sink)
        if state.step < training.steps.total_steps:
            self.phases.begin("rehearsal")
            tried = Rehearsal(training, measure).run(budget, state.step)
            if tried.budget_tokens < budget:
                state = replace(state, micro_batch_tokens=tried.budget_tokens)
            story.rehearsed(tried)
        state, budget, _ = begun(training.ranks, state, planned, budget)
        earlier = earlier_rows(training)
        gauge = gauge_of(training, budget, earlier, self.run if not fresh else None)
        elsewhere = elsewhere_of(training, self.run, measure.generator, budget, earlier)
        if fresh:
            # Before anything that can be interrupted: a resumed run must not measure "before" again.
            with story.phase("evaluation"):
                loss = measure.evaluate(0, "before")
                _gauge(gauge, 0, "before")
                if elsewhere is not None:
                    elsewhere.before()
            state = replace(state, start_measure=measure_of(training.config, loss, measure.metrics))
            free_cached()
        hooks = Hooks(
            save=lambda at, reason: self._save(at, reason, training, story),
            evaluate=lambda at: self._during(at, measure, gauge, story),
            sample=lambda at: self._sample(at, measure, story),
            between=self._share_processors,
            remix=lambda steps, change: self._remix(steps, change, training),
            held=lambda rows, losses: held_rows(training.rows, rows, losses),
            roll_back=self._roll_back,
            keep_rate=self._keep_rate,
        )
        loop = Loop(training, budget, hooks, [] if fresh else losses_before(self.run, state.step))
        self.sink(ev.State(state="running"))
        self.phases.begin("train")
        outcome = loop.run(state)
        story.trained(state, outcome.state, loop.budget)
        if outcome.kind == "finished":
            with story.phase("evaluation"):
                kept, state = measure_result(self.run, training, measure, outcome.state)
                _gauge(gauge, kept.step, "after")
                if elsewhere is not None:
                    elsewhere.after(kept.step)
        else:
            kept, state = None, outcome.state
        if outcome.kind not in ("paused", "rolled-back"):
            story.ended()
            self._finish(outcome.kind, state, outcome.reason, kept)
        return outcome

    def _mind_origins(self, card: ModelCard, goes_on: bool) -> None:
        """Note what the run is made from; one that goes on must be made from the same, unless told otherwise."""
        self._hashed()
        changed = origins.changes(self.run, self.config, Path(card.path), thorough=True) if goes_on else []
        if changed and not self._accept_changes:
            raise origins.refuse(self.run, changed)
        for said in changed:
            self.sink(ev.Warn(message=Message("events.changed-since", change=said)))
        if changed or not goes_on:
            try:
                origins.note(self.run, self.config, Path(card.path), changed)
            except OSError as error:
                raise MachineError("training.run-unwritable", path=self.run.origins, reason=reason_of(error)) from error

    def _hash_weights(self) -> None:
        """Hash the weights beside the training: they were just read, and may be another file when the run ends."""
        self._hashing = threading.Thread(target=origins.hash_weights, args=(self.run,), name="hashes", daemon=True)
        self._hashing.start()

    def _hashed(self) -> None:
        """Wait for the hashes."""
        if self._hashing is not None:
            self._hashing.join()

    def _announce(self, training: Training, resumed: int | None) -> None:
        config, built, rows = training.config, training.built, training.rows
        rhythm = rhythm_of(config, training.steps.total_steps)
        method = "LoRA" if config.model.quantization == "none" else f"QLoRA {config.model.quantization}"
        noise = config.train.neftune_noise_alpha
        more = f"{', Liger kernels' if built.used_liger else ''}{f', NEFTune {noise:g}' if noise else ''}"
        self.sink(
            ev.RunStarted(
                **result.process_facts(training.placement, len(config.launch.devices)), model=training.card.name,
                method=f"{method} r{config.adapter.r}{more}", strategy=config.strategy.kind,
                total_steps=training.steps.total_steps, trainable_parameters=sum(p.numel() for p in built.trained),
                total_parameters=training.card.parameters, train_rows=len(rows.train),
                eval_rows=len(rows.heldout), test_rows=len(rows.test), resumed_from_step=resumed,
                evaluate_every=rhythm.evaluate, sample_every=rhythm.sample, save_every=rhythm.save,
                versions=versions(built.used_liger),
            )
        )  # fmt: skip
        for told in built.base.told:
            self.sink(ev.Warn(message=told))
        if training.words.template == ADAPTERS_OWN and not training.card.has_chat_template:
            self.sink(ev.Warn(message=Message("events.adapters-template")))
        if training.words.template == "plain" and not config.model.chat_template and rows.heldout_rows:
            self.sink(ev.Warn(message=Message("events.plain-template")))

    def _check_disk(self, training: Training) -> None:
        """Refuse to start what the disk can't hold: checkpoints and the adapter, of what is really trained."""
        trained = sum(p.numel() for p in training.built.trained)
        beside = beside_bytes(Path(training.card.path))
        disk = run_disk(trained, kept_checkpoints(self.config), training.config.train.optim, beside=beside)
        require(disk, self.run.path)

    def _check(self) -> None:
        """Between two parts of a measurement: end if asked to, and give way to other processes."""
        self.steering.check()
        self._share_processors()

    def _share_processors(self) -> None:
        if self._processors is not None:
            self._processors.share()

    def _tell_threads(self, threads: int, most: int) -> None:
        if threads < most and not self._told_threads:
            self._told_threads = True
            self.sink(ev.Warn(message=Message("events.cores-busy", threads=threads, most=most)))

    def _save(self, state: TrainerState, reason: str, training: Training, story: MemoryStory) -> str:
        began = time.monotonic()
        with story.phase("save"):
            path, size = checkpoint.save(
                self.run, state, training.built.model, training.words.tokenizer, training.built.optimizer,
                self.config.checkpoint.keep,
            )  # fmt: skip
        seconds = round(time.monotonic() - began, 2)
        self.sink(ev.Checkpoint(step=state.step, path=path.name, size_bytes=size, seconds=seconds, reason=reason))
        return path.name

    def _during(
        self, state: TrainerState, assessor: Assessor, gauge: Gauge | None, story: MemoryStory
    ) -> float | None:  # fmt: skip
        try:
            with story.phase("evaluation"):
                loss = assessor.evaluate(state.step, "during")
                _gauge(gauge, state.step, "during")
                return measure_of(assessor.config, loss, assessor.metrics)
        except StopRequested:  # the loop stops by itself, with a checkpoint
            return None
        finally:
            free_cached()
            self.phases.begin("train")

    def _sample(self, state: TrainerState, assessor: Assessor, story: MemoryStory) -> None:
        with suppress(StopRequested), story.phase("evaluation"):
            assessor.sample(state.step)
        free_cached()
        self.phases.begin("train")

    def _remix(self, steps: StepPlan, change: MixChange, training: Training) -> StepPlan:
        """The steps with another share of replay, which the run keeps. Raises ConfigError, MachineError."""
        plan = changed(steps, self.config, training.rows, change)
        with self._writing():
            mix_changes.add(self.run, change)
        return plan

    def _keep_rate(self, change: RateChange) -> None:
        with self._writing():
            interventions.add_rate(self.run, change)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Raises MachineError where the run can't be written."""
        try:
            yield
        except OSError as error:
            raise MachineError("training.run-unwritable", path=self.run.path, reason=reason_of(error)) from error

    def _roll_back(self, state: TrainerState | None, values: Mapping[str, Any]) -> Message:
        """Take steps back on the disk; the training that goes on from there is made anew. Raises TunedeckError."""
        request = rollback.Request.of(values)
        planned = rollback.plan(self.run, rollback.state_in_log(self.run), request, state.step if state else None)
        done = rollback.carry_out(self.run, planned, self.sink)
        return Message("steering.done", what=story_of.rolled_back(done))

    def _start_again(self) -> None:
        """What was built is out of scope by now; only the rows stay."""
        give_back(place(self.config).device)
        self.sink(ev.State(state="starting", reason=Message("steering.going-back")))

    def _wait_paused(self) -> None:
        """Give the memory back and wait. What was built is out of scope by now; only the rows stay."""
        give_back(place(self.config).device)
        self.sink(ev.State(state="paused", reason=Message("events.memory-freed")))
        while (order := self.steering.wait_while_paused()) is not None:
            try:
                order.answer(True, self._roll_back(None, order.values))
                break
            except TunedeckError as error:
                order.answer(False, error.reason)
                self.steering.pause_begins()
        if not self.steering.stop_requested:
            self.sink(ev.State(state="starting", reason=Message("events.resumed")))

    def _finish(self, kind: str, state: TrainerState, reason: Message | None, kept: Result | None = None) -> None:
        """Publish the adapter of the step that is kept as the run's result, and say that it is over."""
        self._hashed()
        config = self.config
        if self.steering.at_best:
            config = config.model_copy(update={"eval": config.eval.model_copy(update={"keep": "best"})})
        kept = kept or result_of(self.run, config, state)
        folder = folder_of(self.run, kept)
        adapter = result.publish(self.run, self.resolved, self.prepared, folder, kept) if folder is not None else None
        if kept.warning is not None and adapter is not None:
            self.sink(ev.Warn(message=kept.warning, step=kept.step))
        self.sink(
            ev.Finished(
                outcome=kind, step=state.step, adapter=adapter, seconds=round(time.monotonic() - self.began, 1),
                reason=reason, result_step=kept.step if adapter is not None else None, result=kept.reason,
            )
        )  # fmt: skip


def _gauge(gauge: Gauge | None, step: int, moment: Moment) -> None:
    if gauge is not None:
        gauge.measure(step, moment)
