"""One run from config to adapter: load, tokenise, measure, train, measure again, keep the result."""

from __future__ import annotations

import gc
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from engine.config.schema import RunConfig
from engine.evaluation.assess import Assessor
from engine.evaluation.generate import Generator
from engine.memory.disk import beside_bytes, require, run_disk
from engine.runs import events as ev
from engine.runs.directory import RunDir
from engine.training import checkpoint, optimizers, result
from engine.training.batches import StepPlan, cut
from engine.training.checkpoint import TrainerState
from engine.training.dataset import Prepared, prepare
from engine.training.devices import Placement, place
from engine.training.load import BaseModel, load_base
from engine.training.loop import Hooks, Loop, Outcome
from engine.training.loss import SupervisedLoss
from engine.training.phases import Phases, Sink
from engine.training.render import Renderer
from engine.training.steering import Steering, StopRequested
from engine.training.strategies import attach_adapter, needs_autocast, trainable
from engine.training.tokenizer import locate


@dataclass
class _Built:
    """Everything that holds memory on the device; dropped as a whole when a run is paused."""

    base: BaseModel
    model: Any
    net: Any
    optimizer: Any
    accelerator: Accelerator


class Session:
    """Runs ``config`` in ``run``; reports to ``sink`` and obeys ``steering``."""

    def __init__(self, run: RunDir, config: RunConfig, sink: Sink, steering: Steering) -> None:
        self.run, self.config, self.sink, self.steering = run, config, sink, steering
        self.phases = Phases(sink)
        self.prepared: Prepared | None = None
        self.began = time.monotonic()

    def execute(self, resume: bool) -> None:
        """Train to an end and write it down. Raises TunedeckError; a stop is no error."""
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
        """Load everything, train until the loop ends, and finish unless it is only paused."""
        config = self.config
        placement = place(config)
        built = self._build(placement)
        prepared = self._prepare(built)
        plan = StepPlan(
            len(prepared.train), config.train.batch_size, config.run.seed, config.train.num_train_epochs,
            config.train.max_steps,
        )  # fmt: skip
        checkpoints = self.run.complete_checkpoints() if resume else []
        state = TrainerState(0)
        if checkpoints:
            state = checkpoint.restore(checkpoints[-1], built.model, built.optimizer)
        self._announce(built, prepared, plan, placement, state.step if checkpoints else None)
        self._check_disk(built)
        assessor = self._assessor(built, prepared, placement)
        if not checkpoints:
            # Before anything that can be interrupted: a resumed run must not measure "before" again.
            assessor.evaluate(0, "before")
        hooks = Hooks(
            save=lambda at, reason: self._save(at, reason, built),
            evaluate=lambda at: self._during(at, assessor),
            sample=lambda at: self._sample(at, assessor),
        )
        loop = Loop(
            config, plan, prepared.train, prepared.sources, built.net, built.optimizer, built.accelerator,
            built.base.pad_id, placement.micro_batch_tokens, self.steering, self.sink, hooks,
        )  # fmt: skip
        self.sink(ev.State(state="running"))
        self.phases.begin("train", "training")
        outcome = loop.run(state)
        if outcome.kind == "finished":
            assessor.evaluate(outcome.state.step, "after")
        if outcome.kind != "paused":
            self._finish(outcome.kind, outcome.state.step, outcome.reason)
        return outcome

    def _build(self, placement: Placement) -> _Built:
        config = self.config
        optimizers.check(config.train, placement.device)
        fetch = self.phases.progress("download", f"fetching {config.model.name_or_path}", "bytes")

        def on_download(done: float, total: float | None, message: str) -> None:
            self.steering.check()
            fetch(done, total)

        set_seed(config.run.seed)
        card = locate(config.model, on_download)
        self.phases.begin("load", f"loading {card.name}")
        checkpointing = config.train.gradient_checkpointing
        if checkpointing == "auto":
            checkpointing = placement.device.type == "cuda"
        base = load_base(card, config.model, placement, checkpointing)
        model = attach_adapter(config, base, config.model.name_or_path)
        self.steering.check()
        optimizer = optimizers.make(config.train, trainable(model))
        # The lean LoRA layers keep one dtype throughout; autocast would only add checks to every operation.
        mixed = placement.mixed_precision
        if mixed == "bf16" and not needs_autocast(model):
            mixed = "no"
        accelerator = Accelerator(cpu=placement.device.type == "cpu", mixed_precision=mixed)
        net, prepared_optimizer = accelerator.prepare(SupervisedLoss(model), optimizer)
        return _Built(base, model, net, prepared_optimizer, accelerator)

    def _prepare(self, built: _Built) -> Prepared:
        """Rows as tokens; made once, they outlive a pause."""
        if self.prepared is None:
            renderer = Renderer(built.base.tokenizer, built.base.stops)
            self.prepared = prepare(self.config, renderer, self.phases, self.sink, self.steering.check)
        return self.prepared

    def _announce(
        self, built: _Built, prepared: Prepared, plan: StepPlan, placement: Placement, resumed: int | None
    ) -> None:
        config = self.config
        method = {"none": "LoRA", "auto": "LoRA"}.get(config.model.quantization, f"QLoRA {config.model.quantization}")
        self.sink(
            ev.RunStarted(
                **result.process_facts(placement), model=built.base.card.name,
                method=f"{method} r{config.adapter.r}", strategy=config.strategy.kind,
                total_steps=plan.total_steps, trainable_parameters=sum(p.numel() for p in trainable(built.model)),
                total_parameters=built.base.card.parameters, train_rows=len(prepared.train),
                eval_rows=len(prepared.heldout), resumed_from_step=resumed, versions=result.versions(),
            )
        )  # fmt: skip
        if built.base.template == "plain" and not config.model.chat_template and prepared.heldout_rows:
            self.sink(
                ev.Warn(
                    title="This model has no chat template; a plain question-and-answer one is used.",
                    hint="It is saved with the adapter: use the same when you use the model.",
                )
            )

    def _check_disk(self, built: _Built) -> None:
        """Refuse to start what the disk can't hold: checkpoints and the adapter, of what is really trained."""
        trained = sum(p.numel() for p in trainable(built.model))
        beside = beside_bytes(Path(built.base.card.path))
        require(run_disk(trained, self.config.checkpoint.keep, self.config.train.optim, beside=beside), self.run.path)

    def _assessor(self, built: _Built, prepared: Prepared, placement: Placement) -> Assessor:
        base = built.base
        batches = cut(prepared.heldout, placement.micro_batch_tokens, base.pad_id) if prepared.heldout else []
        generator = Generator(built.model, base.tokenizer, base.stops, base.pad_id, self.steering.check)
        return Assessor(
            self.config, built.net, generator, Renderer(base.tokenizer, base.stops), prepared.heldout_rows, batches,
            prepared.sources, placement.device, self.sink, self.phases, self.steering.check,
        )  # fmt: skip

    def _save(self, state: TrainerState, reason: str, built: _Built) -> str:
        began = time.monotonic()
        path, size = checkpoint.save(
            self.run, state, built.model, built.base.tokenizer, built.optimizer, self.config.checkpoint.keep
        )
        seconds = round(time.monotonic() - began, 2)
        self.sink(ev.Checkpoint(step=state.step, path=path.name, size_bytes=size, seconds=seconds, reason=reason))
        return path.name

    def _during(self, state: TrainerState, assessor: Assessor) -> float | None:
        try:
            return assessor.evaluate(state.step, "during")
        except StopRequested:  # the loop stops by itself, with a checkpoint
            return None
        finally:
            self.phases.begin("train", "training")

    def _sample(self, state: TrainerState, assessor: Assessor) -> None:
        with suppress(StopRequested):
            assessor.sample(state.step)
        self.phases.begin("train", "training")

    def _wait_paused(self) -> None:
        """Give the memory back and wait. What was built is out of scope by now; only the rows stay."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.sink(ev.State(state="paused", reason="memory is freed; resume goes on from the checkpoint"))
        self.steering.wait_while_paused()
        if not self.steering.stop_requested:
            self.sink(ev.State(state="starting", reason="resumed"))

    def _finish(self, kind: str, step: int, reason: str) -> None:
        """Publish the newest checkpoint's adapter as the run's result and say that it is over."""
        adapter = result.publish(self.run, self.config, self.prepared) if self.run.complete_checkpoints() else None
        self.sink(
            ev.Finished(
                outcome=kind, step=step, adapter=adapter, seconds=round(time.monotonic() - self.began, 1), reason=reason
            )
        )
