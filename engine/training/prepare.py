"""All that a training works with, made ready in one order: for a run's first process, its workers, and the probe."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import set_seed

from engine.common import hub_watch
from engine.config.schema import RunConfig
from engine.data import run_source
from engine.distributed.device import Placement, place
from engine.distributed.ranks import ALONE, Ranks
from engine.memory.job import coarsest_on
from engine.messages.message import Message
from engine.modeling import optimizers
from engine.modeling.adapters import attach_adapter, needs_autocast, trainable
from engine.modeling.batch_sizes import padding_share
from engine.modeling.batches import Layout, StepPlan
from engine.modeling.kernels import fused_norm, liger
from engine.modeling.kernels.recompute import recompute_layers
from engine.modeling.load import BaseModel, load_base
from engine.modeling.memory_peaks import Peaks
from engine.modeling.out_of_memory import MemoryGuard, smaller_budget
from engine.models import origins
from engine.models.card import ModelCard
from engine.models.checks import require_positions
from engine.runs import events as ev
from engine.runs import interventions, mix_changes
from engine.runs.directory import RunDir
from engine.runs.interventions import Interventions
from engine.runs.phases import Phases, Sink
from engine.runs.steering import Steering
from engine.tokens import held_out
from engine.tokens.dataset import Prepared
from engine.tokens.render import Renderer
from engine.tokens.tokenizer import Words, locate, words_of
from engine.training import checkpoint
from engine.training.checkpoint import TrainerState
from engine.training.memory.plan import RunMemory, make_plan, parted
from engine.training.mixing import plan_steps, skipped_by_source, tell_mix, tell_skipped
from engine.training.objectives.objective import Objective
from engine.training.objectives.sft import Sft
from engine.training.strategies import take_over


@dataclass
class Context:
    """Whose training is made ready: its config, those it reports to and hears from, and where it stands.

    ``run`` is None for a training that leaves nothing behind. ``newest`` is the run's checkpoint that it goes on from,
    ``state`` what that says. A process that does not ``lead`` is told what to do: its config has no ``auto``, it plans
    nothing and writes no file of the run. ``rows`` and ``plan`` are there as soon as they are made; rows that are there
    from before a pause are used. After a kill by the system for want of RAM (``after_kill``) the pieces are to be
    smaller.
    """

    config: RunConfig
    phases: Phases
    steering: Steering
    run: RunDir | None = None
    newest: Path | None = None
    state: TrainerState = field(default_factory=lambda: TrainerState(0))
    leads: bool = True
    rows: Prepared | None = None
    plan: RunMemory | None = None
    after_kill: bool = False
    objective: Objective | None = None


@dataclass
class Built:
    """Everything that holds memory on the device."""

    base: BaseModel
    model: Any
    net: Any
    optimizer: Any
    accelerator: Accelerator
    used_liger: bool = False

    @property
    def trained(self) -> list[torch.nn.Parameter]:
        return trainable(self.model)


@dataclass
class Training:
    """All that a training works with; dropped as a whole when a run is paused, but for the rows.

    ``most_tokens``: the budget of a micro-batch where it is to be smaller than planned. ``done`` is what people did to
    the run so far.
    """

    objective: Objective
    card: ModelCard
    words: Words
    placement: Placement
    rows: Prepared
    steps: StepPlan
    plan: RunMemory
    memory: MemoryGuard
    peaks: Peaks
    built: Built
    phases: Phases
    steering: Steering
    most_tokens: int | None = None
    ranks: Ranks = ALONE
    done: Interventions = field(default_factory=Interventions)

    @property
    def config(self) -> RunConfig:
        """The run's config without ``auto``."""
        return self.plan.config

    @property
    def layout(self) -> Layout:
        return Layout(self.words.pad_id, self.plan.packed, self.plan.coarsest)

    def meet(self, ranks: Ranks) -> None:
        """Train as one of ``ranks``, with the first one's weights; what adding up takes is taken now."""
        self.ranks = ranks
        ranks.same_weights(self.built.trained)
        ranks.rehearse(self.built.trained)


def placed(config: RunConfig) -> Placement:
    """Where ``config`` computes, before anything is read. Raises MachineError, ConfigError for what can't be there."""
    placement = place(config)
    optimizers.check(config.train, placement.device)
    liger.check(config.train, placement.device)
    return placement


def find_model(context: Context) -> ModelCard:
    """The model's files, fetched if they are not here, which is told. Raises ModelError, ConfigError, StopRequested."""
    config = context.config
    card = locate(config.model, context.phases.progress("download", "bytes", model=config.model.name_or_path))
    require_positions(config, card)
    return card


def prepare(context: Context, placement: Placement | None = None, card: ModelCard | None = None) -> Training:
    """Rows first, then the plan they allow, then the weights: what is wrong with the data is said at once.

    ``placement`` and ``card`` are those of ``placed`` and ``find_model``, where they are known already. Raises
    TunedeckError, OutOfMemory among them, and StopRequested.
    """
    config, phases, sink = context.config, context.phases, context.phases.sink
    placement = placement or placed(config)
    set_seed(config.run.seed)
    card = card or find_model(context)
    words = words_of(config, card, context.newest)
    objective = context.objective or Sft.of(config)
    rows = context.rows = context.rows or _rows(context, objective, words)
    done = interventions.read(context.run) if context.run else Interventions()
    steps = plan_steps(config, rows, mix_changes.read(context.run) if context.run else (), done.skips)
    plan = context.plan = _plan(context, objective, card, words, rows, steps, placement, done)
    memory, peaks = MemoryGuard(placement.device, sink, plan.remedies), Peaks(placement.device)
    most_tokens = None
    if context.after_kill and context.run is not None:
        most_tokens = smaller_budget(context.run, memory, int(rows.train.lengths.max()), plan.micro_batch_tokens)
    phases.begin("load", model=card.name)
    peaks.restart()
    built = build(plan.config, card, words, placement, memory, context.steering, context.newest, objective)
    peaks.take("load")
    if context.leads:
        plan = parted(plan, built.model, config, sink)
        plan = replace(plan, settings={**plan.settings, liger.FIELD: built.used_liger})
        for told in liger.told_of_change(context.state.settings, built.used_liger):
            sink(ev.Warn(message=told))
    return Training(
        objective, card, words, placement, rows, steps, plan, memory, peaks, built, phases, context.steering,
        most_tokens, done=done,
    )  # fmt: skip


def _rows(context: Context, objective: Objective, words: Words) -> Prepared:
    """The rows as examples. What was held out and a sample are kept beside the run."""
    config, run, phases = context.config, context.run, context.phases
    waiting = phases.progress("fetch")
    told: Message | None = None

    def on_wait(message: Message) -> None:
        nonlocal told
        phases.check()
        if message != told:
            told = message
            waiting(0, None, message)

    with hub_watch.listening(on_wait):
        rows = objective.rows(
            config, Renderer(words.tokenizer, words.stops), phases, held_out.before(run) if run else None
        )
    if run is not None and context.leads:
        with suppress(OSError):  # of a full disk the log tells
            held_out.keep(run, rows.held_out)
        run_source.save_sample(run, rows.sample)
        origins.note_rows(run, rows.read)
    return rows


def _plan(
    context: Context, objective: Objective, card: ModelCard, words: Words, rows: Prepared, steps: StepPlan,
    placement: Placement, done: Interventions,
) -> RunMemory:  # fmt: skip
    """What ``auto`` becomes, told with all that is known of the rows."""
    config, state, sink = context.config, context.state, context.phases.sink
    # The cut is as it was at the first start, and with it the losses.
    coarsest = state.coarsest if context.newest else coarsest_on(placement.device.type, card.position_limit)
    if not context.leads:
        return RunMemory(config, {}, coarsest=coarsest)
    if state.step == 0:
        tell_mix(config, rows, steps, sink)
        tell_skipped(config, sink)
    layout = Layout(words.pad_id, coarsest=coarsest)
    plan = make_plan(config, card, objective, rows, steps, placement, state.settings, sink, layout)
    _tell_rows(rows, steps, plan, sink, sum(skipped_by_source(rows, done.skips).values()))
    optimizers.check(plan.config.train, placement.device)
    return plan


def _tell_rows(rows: Prepared, steps: StepPlan, plan: RunMemory, sink: Sink, skipped: int) -> None:
    """What is trained on, and what of that is learnt, padded and left out; ``skipped`` are examples left out since."""
    tokens = rows.tokens
    padding = padding_share(rows.train.lengths, steps, plan.micro_batch_tokens, plan.packed, plan.coarsest)
    sink(
        ev.Rows(
            rows=len(rows.train) - skipped, tokens=tokens.tokens, padding_share=round(padding, 4),
            supervised_share=round(tokens.supervised / max(1, tokens.tokens), 4),
            dropped=rows.dropped | ({"skipped": skipped} if skipped else {}),
            cached=rows.cached, seconds=rows.seconds, unused=rows.unused, noted=rows.noted,
        )
    )  # fmt: skip


def build(
    config: RunConfig, card: ModelCard, words: Words, placement: Placement, memory: MemoryGuard, steering: Steering,
    newest: Path | None = None, objective: Objective | None = None,
) -> Built:  # fmt: skip
    """Load and assemble what ``config``, free of ``auto``, asks for. Raises OutOfMemory, ModelError, StopRequested.

    ``newest`` is this run's checkpoint that is about to be restored, if there is one.
    """
    memory.phase = "load"
    liger.forget()
    try:
        base = load_base(card, config.model, placement, config.train.gradient_checkpointing is True, words)
        return assemble(config, base, placement, steering, newest, objective)
    except Exception as error:
        shortage = memory.shortage(error)
        if shortage is None:
            raise
    raise memory.ends(shortage, "runs.model-beyond-gpu" if placement.device.type == "cuda" else "runs.model-beyond-ram")


def assemble(
    config: RunConfig, base: BaseModel, placement: Placement, steering: Steering, newest: Path | None = None,
    objective: Objective | None = None,
) -> Built:  # fmt: skip
    """Adapter, kernels and optimizer for the loaded ``base``, as ``build`` says."""
    model = attach_adapter(config, base, config.model.name_or_path, newest)
    used_liger, reason = liger.install(model, config.train, placement.device)
    if reason is not None:
        base.told.append(reason)
    if placement.device.type == "cuda":  # on the CPU there is no fused norm, and nothing would be gained
        fused_norm.install(model)
    if config.train.gradient_checkpointing is True:
        recompute_layers(base.model)
    steering.check()
    optimizer = optimizers.make(config.train, trainable(model))
    # Over 16-bit weights the lean LoRA layers keep one dtype throughout; autocast would only add checks to everything.
    mixed = placement.mixed_precision
    if mixed == "bf16" and placement.dtype == torch.bfloat16 and not needs_autocast(model):
        mixed = "no"
    # It would keep the device and precision of this process's first, and a self-test builds for several.
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=placement.device.type == "cpu", mixed_precision=mixed)
    net, prepared_optimizer = accelerator.prepare((objective or Sft.of(config)).net(model, base), optimizer)
    return Built(base, model, net, prepared_optimizer, accelerator, used_liger)


def begin(context: Context, training: Training) -> TrainerState:
    """Where the training stands: after the checkpoint that it goes on from, or at its start.

    At the start an optimizer's state is taken over from an old adapter, if asked. Raises RunError, ModelError.
    """
    built = training.built
    if context.newest is not None:
        return checkpoint.restore(context.newest, built.model, built.optimizer)
    assert context.run is not None
    take_over(context.run, context.config, built.optimizer, context.phases.sink)
    return context.state
