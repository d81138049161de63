"""One run from config to adapter: read, plan, load, rehearse, measure, train, measure again, keep the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from accelerate.utils import set_seed

from engine.common import hub_watch
from engine.common.errors import MachineError
from engine.common.versions import versions
from engine.config.schema import RunConfig
from engine.data import run_source
from engine.distributed.cpu_threads import Processors
from engine.distributed.device import Placement, choose_devices, place
from engine.distributed.workers import Companions
from engine.evaluation.assess import Assessor
from engine.memory.disk import beside_bytes, require, run_disk
from engine.memory.job import coarsest_on
from engine.modeling import optimizers
from engine.modeling.batches import StepPlan
from engine.modeling.kernels import liger
from engine.modeling.memory_peaks import Peaks
from engine.modeling.out_of_memory import MemoryGuard, give_back
from engine.modeling.padding import tell_rows
from engine.models import origins
from engine.models.card import ModelCard
from engine.models.position_check import require_positions
from engine.runs import events as ev
from engine.runs.ahead import rhythm_of
from engine.runs.directory import RunDir
from engine.runs.phases import Phases, Sink
from engine.runs.steering import Steering, StopRequested
from engine.tokens import held_out
from engine.tokens.dataset import Prepared, prepare
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import ADAPTERS_OWN, Words, locate, words_of
from engine.training import checkpoint, old_adapter, result
from engine.training.assessing import make_assessor
from engine.training.building import Built, build
from engine.training.checkpoint import TrainerState
from engine.training.loop import Hooks, Loop, Outcome
from engine.training.memory import rehearsal
from engine.training.memory.after_kill import smaller_budget
from engine.training.memory.measured import MemoryStory
from engine.training.memory.plan import RunMemory, make_plan, parted
from engine.training.memory.rehearsal import Rehearsal
from engine.training.merge_first import merge_first
from engine.training.mixing import plan_steps, tell_mix


@dataclass
class _Ready:
    """All that a training works with; dropped as a whole when a run is paused, but for the rows."""

    card: ModelCard
    words: Words
    placement: Placement
    prepared: Prepared
    steps: StepPlan
    plan: RunMemory
    memory: MemoryGuard
    peaks: Peaks
    built: Built

    @property
    def config(self) -> RunConfig:
        """The run's config without ``auto``."""
        return self.plan.config


class Session:
    """Runs ``config`` in ``run``; reports to ``sink`` and obeys ``steering``.

    ``devices`` are those of ``choose_devices``, of which this process sees the first.
    """

    def __init__(
        self, run: RunDir, config: RunConfig, sink: Sink, steering: Steering, devices: Sequence[str] = ()
    ) -> None:
        self.devices = devices or choose_devices(config)
        self.run, self.config, self.sink, self.steering = run, config, sink, steering
        self.phases = Phases(sink)
        self.prepared: Prepared | None = None
        self.resolved = config
        self.began = time.monotonic()
        self._after_kill = False
        self._accept_changes = False
        self._hashing: threading.Thread | None = None
        self._most_tokens: int | None = None
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
                if outcome.kind != "paused":
                    return
                self._wait_paused()
                if self.steering.stop_requested:
                    self._finish("stopped", outcome.state.step, self.steering.reason)
                    return
                resume = True
        except StopRequested:
            last = self.run.complete_checkpoints()
            step = int(last[-1].name.removeprefix("checkpoint-")) if last else 0
            self._finish("stopped", step, self.steering.reason)

    def _train(self, resume: bool) -> Outcome:
        """Make everything ready, train until the loop ends, and finish unless it is only paused."""
        newest = checkpoint.newest_sound(self.run, self.sink) if resume else None
        state = checkpoint.read_state(newest) if newest else TrainerState(0)
        ready = self._make_ready(state, newest)
        try:
            if newest is not None:
                state = checkpoint.restore(newest, ready.built.model, ready.built.optimizer)
            else:
                old_adapter.take_over(self.run, self.config, ready.built.optimizer, self.sink)
            self._announce(ready, state.step if newest else None)
            state = replace(state, settings=ready.plan.settings, coarsest=ready.plan.coarsest)
            precision = ready.placement.precision
            with Companions(self.run, ready.config, self.devices, precision, newest, self.steering) as company:
                return self._run(ready, state, company, fresh=newest is None)
        except Exception as error:
            shortage = ready.memory.shortage(error)
            if shortage is None:
                raise
        raise ready.memory.ends(shortage)

    def _make_ready(self, state: TrainerState, newest: Path | None) -> _Ready:
        """Rows first, then the plan they allow, then the weights: what is wrong with the data is said at once."""
        placement = place(self.config)
        if placement.device.type == "cpu" and len(self.config.launch.devices) == 1 and self._processors is None:
            self._processors = Processors(torch.get_num_threads(), torch.set_num_threads, self._tell_threads)
        optimizers.check(self.config.train, placement.device)
        liger.check(self.config.train, placement.device)
        config = self._merged_first()
        set_seed(config.run.seed)
        card = self._locate()
        require_positions(config, card)
        self._mind_origins(card, goes_on=newest is not None)
        words = words_of(config, card, newest)
        prepared = self._prepare(words)
        steps = plan_steps(config, prepared)
        if state.step == 0:
            tell_mix(config, prepared, steps, self.sink)
        # The cut is as it was at the first start, and with it the losses.
        coarsest = state.coarsest if newest else coarsest_on(placement.device.type, card.position_limit)
        plan = make_plan(config, card, prepared, steps, placement, state.settings, self.sink, coarsest)
        tell_rows(prepared, steps, plan.micro_batch_tokens, plan.packed, coarsest, self.sink)
        self.resolved = plan.config
        optimizers.check(plan.config.train, placement.device)
        memory, peaks = MemoryGuard(placement.device, self.sink, plan.remedies), Peaks(placement.device)
        if self._after_kill:
            self._after_kill = False
            longest = int(prepared.train.lengths.max())
            self._most_tokens = smaller_budget(self.run, memory, longest, plan.micro_batch_tokens)
        self.phases.begin("load", f"loading {card.name}")
        peaks.restart()
        built = build(plan.config, card, words, placement, memory, self.steering, newest)
        self._hash_weights()
        peaks.take("load")
        plan = parted(plan, built.model, self.config, self.sink)
        plan = replace(plan, settings={**plan.settings, liger.FIELD: built.used_liger})
        for title in liger.told_of_change(state.settings, built.used_liger):
            self.sink(ev.Warn(title=title))
        return _Ready(card, words, placement, prepared, steps, plan, memory, peaks, built)

    def _run(self, ready: _Ready, state: TrainerState, company: Companions, fresh: bool) -> Outcome:
        """Meet the other processes, rehearse, measure, train, measure again."""
        built, config = ready.built, ready.config
        self._check_disk(ready)
        if len(self.devices) > 1:
            self.phases.begin("join", "starting the other processes")
        ranks = company.meet(ready.placement.device)
        ranks.same_weights(built.trained)
        ranks.rehearse(built.trained)
        planned = ready.plan.micro_batch_tokens
        budget = min(planned, state.micro_batch_tokens or planned, self._most_tokens or planned)
        if budget < planned:
            state = replace(state, micro_batch_tokens=budget)
        assessor = make_assessor(
            config, built, ready.words, ready.prepared, ready.placement.device, budget, ready.memory, self.sink,
            self.phases, self._check, ranks, state.coarsest,
        )  # fmt: skip
        story = MemoryStory(self.run.path.name, ready.plan, ready.peaks, self.sink)
        if state.step < ready.steps.total_steps:
            self.phases.begin(rehearsal.PHASE, rehearsal.MESSAGE)
            tried = Rehearsal(
                config.train, ready.prepared.train, ready.steps, built.net, built.optimizer, built.accelerator,
                built.base.pad_id, assessor, ready.memory, ready.peaks, self.steering.check, ready.plan.packed,
                state.coarsest,
            ).run(budget, state.step)  # fmt: skip
            if tried.budget_tokens < budget:
                state = replace(state, micro_batch_tokens=tried.budget_tokens)
            story.rehearsed(tried)
        state, budget, _ = checkpoint.begun(ranks, state, planned, budget)
        if fresh:
            # Before anything that can be interrupted: a resumed run must not measure "before" again.
            with story.phase("evaluation"):
                assessor.evaluate(0, "before")
            free_cached()
        hooks = Hooks(
            save=lambda at, reason: self._save(at, reason, ready, story),
            evaluate=lambda at: self._during(at, assessor, story),
            sample=lambda at: self._sample(at, assessor, story),
            between=self._share_processors,
        )
        loop = Loop(
            config, ready.steps, ready.prepared.train, ready.prepared.sources, built.net, built.optimizer,
            built.accelerator, built.base.pad_id, budget, ready.memory, self.steering, self.sink, hooks, ranks,
        )  # fmt: skip
        self.sink(ev.State(state="running"))
        self.phases.begin("train", "training")
        outcome = loop.run(state)
        story.trained(state, outcome.state, loop.budget)
        if outcome.kind == "finished":
            with story.phase("evaluation"):
                assessor.evaluate(outcome.state.step, "after")
        if outcome.kind != "paused":
            story.ended()
            self._finish(outcome.kind, outcome.state.step, outcome.reason)
        return outcome

    def _merged_first(self) -> RunConfig:
        """With strategy merge the run goes on with the merged model as its base; any other's config as it is."""
        if self.config.strategy.kind == "merge":
            self.config = merge_first(self.run, self.config, self.phases, self.sink, self.steering.check).config
        return self.config

    def _locate(self) -> ModelCard:
        fetch = self.phases.progress("download", f"fetching {self.config.model.name_or_path}", "bytes")

        def on_download(done: float, total: float | None, message: str) -> None:
            self.steering.check()
            fetch(done, total, message)

        return locate(self.config.model, on_download)

    def _mind_origins(self, card: ModelCard, goes_on: bool) -> None:
        """Note what the run is made from; one that goes on must be made from the same, unless told otherwise."""
        self._hashed()
        changed = origins.changes(self.run, self.config, Path(card.path), thorough=True) if goes_on else []
        if changed and not self._accept_changes:
            raise origins.refuse(self.run, changed)
        for said in changed:
            self.sink(ev.Warn(title="The run goes on with what was not there at its start.", message=said))
        if changed or not goes_on:
            try:
                origins.note(self.run, self.config, Path(card.path), changed)
            except OSError as error:
                raise MachineError(
                    "The run directory can't be written", f"{self.run.origins}: {error.strerror}", "Free space there."
                ) from error

    def _hash_weights(self) -> None:
        """Hash the weights beside the training: they were just read, and may be another file when the run ends."""
        self._hashing = threading.Thread(target=origins.hash_weights, args=(self.run,), name="hashes", daemon=True)
        self._hashing.start()

    def _hashed(self) -> None:
        """Wait for the hashes."""
        if self._hashing is not None:
            self._hashing.join()

    def _prepare(self, words: Words) -> Prepared:
        """Rows as tokens; made once, they outlive a pause."""
        if self.prepared is None:
            renderer = Renderer(words.tokenizer, words.stops)
            before = held_out.before(self.run)
            waiting = self.phases.progress("fetch", "fetching rows from the hub")

            told = ""

            def on_wait(words: str) -> None:
                nonlocal told
                self.steering.check()
                if words != told:
                    told = words
                    waiting(0, None, words)

            with hub_watch.listening(on_wait):
                self.prepared = prepare(self.config, renderer, self.phases, self.sink, self.steering.check, before)
            with suppress(OSError):  # of a full disk the log tells
                held_out.keep(self.run, self.prepared.held_out)
            run_source.save_sample(self.run, self.prepared.sample)
        return self.prepared

    def _announce(self, ready: _Ready, resumed: int | None) -> None:
        config, built, prepared = ready.config, ready.built, ready.prepared
        rhythm = rhythm_of(config, ready.steps.total_steps)
        method = "LoRA" if config.model.quantization == "none" else f"QLoRA {config.model.quantization}"
        kernels = ", Liger kernels" if built.used_liger else ""
        self.sink(
            ev.RunStarted(
                **result.process_facts(ready.placement, len(config.launch.devices)), model=ready.card.name,
                method=f"{method} r{config.adapter.r}{kernels}", strategy=config.strategy.kind,
                total_steps=ready.steps.total_steps, trainable_parameters=sum(p.numel() for p in built.trained),
                total_parameters=ready.card.parameters, train_rows=len(prepared.train),
                eval_rows=len(prepared.heldout), test_rows=len(prepared.test), resumed_from_step=resumed,
                evaluate_every=rhythm.evaluate, sample_every=rhythm.sample, save_every=rhythm.save,
                versions=versions(built.used_liger),
            )
        )  # fmt: skip
        for sentence in built.base.told:
            self.sink(ev.Warn(title=sentence))
        if ready.words.template == ADAPTERS_OWN and not ready.card.has_chat_template:
            self.sink(ev.Warn(title="Dialogue is written in the chat template that came with the adapter."))
        if ready.words.template == "plain" and not config.model.chat_template and prepared.heldout_rows:
            self.sink(
                ev.Warn(
                    title="This model has no chat template; a plain question-and-answer one is used.",
                    hint="It is saved with the adapter: use the same when you use the model.",
                )
            )

    def _check_disk(self, ready: _Ready) -> None:
        """Refuse to start what the disk can't hold: checkpoints and the adapter, of what is really trained."""
        trained = sum(p.numel() for p in ready.built.trained)
        beside = beside_bytes(Path(ready.card.path))
        disk = run_disk(trained, self.config.checkpoint.keep, ready.config.train.optim, beside=beside)
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
            self.sink(
                ev.Warn(
                    title=f"Other processes keep this machine's cores busy: training uses {threads} of {most} threads.",
                    hint="It uses more again when cores are free. Set OMP_NUM_THREADS to choose a fixed number.",
                )
            )

    def _save(self, state: TrainerState, reason: str, ready: _Ready, story: MemoryStory) -> str:
        began = time.monotonic()
        with story.phase("save"):
            path, size = checkpoint.save(
                self.run, state, ready.built.model, ready.words.tokenizer, ready.built.optimizer,
                self.config.checkpoint.keep,
            )  # fmt: skip
        seconds = round(time.monotonic() - began, 2)
        self.sink(ev.Checkpoint(step=state.step, path=path.name, size_bytes=size, seconds=seconds, reason=reason))
        return path.name

    def _during(self, state: TrainerState, assessor: Assessor, story: MemoryStory) -> float | None:
        try:
            with story.phase("evaluation"):
                return assessor.evaluate(state.step, "during")
        except StopRequested:  # the loop stops by itself, with a checkpoint
            return None
        finally:
            free_cached()
            self.phases.begin("train", "training")

    def _sample(self, state: TrainerState, assessor: Assessor, story: MemoryStory) -> None:
        with suppress(StopRequested), story.phase("evaluation"):
            assessor.sample(state.step)
        free_cached()
        self.phases.begin("train", "training")

    def _wait_paused(self) -> None:
        """Give the memory back and wait. What was built is out of scope by now; only the rows stay."""
        give_back(place(self.config).device)
        self.sink(ev.State(state="paused", reason="memory is freed; resume goes on from the checkpoint"))
        self.steering.wait_while_paused()
        if not self.steering.stop_requested:
            self.sink(ev.State(state="starting", reason="resumed"))

    def _finish(self, kind: str, step: int, reason: str) -> None:
        """Publish the newest checkpoint's adapter as the run's result and say that it is over."""
        self._hashed()
        adapter = result.publish(self.run, self.resolved, self.prepared) if self.run.complete_checkpoints() else None
        self.sink(
            ev.Finished(
                outcome=kind, step=step, adapter=adapter, seconds=round(time.monotonic() - self.began, 1), reason=reason
            )
        )


def free_cached() -> None:
    """Give the GPU back what torch keeps for shapes that come no more soon, such as those of generated answers."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
