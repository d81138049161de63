"""The mix of a run's sources as optimizer steps, and what must be said about it before they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from engine.common.errors import ConfigError, TunedeckError
from engine.config.rules import MOST_REPLAY
from engine.config.schema import RunConfig
from engine.data import run_source
from engine.data.mixing.mix import Mix, Rows
from engine.data.mixing.source_figures import passes_of
from engine.data.mixing.warnings import MixSource, mix_warnings
from engine.messages.message import Message
from engine.modeling.batches import SkippingPlan, StepPlan
from engine.runs import events as ev
from engine.runs.interventions import Skip
from engine.runs.mix_changes import MixChange
from engine.runs.phases import Sink
from engine.tokens.dataset import Prepared

MORE_REPLAY, LEAST_MORE = 2.0, 0.1
"""What "more replay" makes of the present share, and the least that it becomes."""


def plan_steps(
    config: RunConfig, prepared: Prepared, changes: Sequence[MixChange] = (), skips: Sequence[Skip] = ()
) -> StepPlan:
    """The steps of ``config``: its sources in their shares, which ``changes`` alter on the way, without the ``skips``.

    Raises ConfigError when the shares can't be met.
    """
    train = config.train
    mix = mix_of(config, prepared.train.lengths, prepared.train.sources)
    plan = StepPlan(mix, train.batch_size, train.num_train_epochs, train.max_steps)
    for change in changes:
        plan = changed(plan, config, prepared, change)
    return without(plan, prepared, skips)


def without(plan: StepPlan, prepared: Prepared, skips: Sequence[Skip]) -> StepPlan:
    """``plan`` with the rows of ``skips`` left out, wherever rows say the same."""
    if not skips:
        return plan
    keys = np.array(prepared.train.keys())
    return SkippingPlan(plan, [(skip.step, np.flatnonzero(np.isin(keys, skip.keys))) for skip in skips])


def skipped_by_source(prepared: Prepared, skips: Sequence[Skip]) -> dict[str, int]:
    """How many examples of each source are trained on no more, by its name."""
    keys = {key for skip in skips for key in skip.keys}
    left_out = np.isin(np.array(prepared.train.keys()), list(keys)) if keys else np.zeros(0, bool)
    counts = np.bincount(prepared.train.sources[left_out] if keys else [], minlength=len(prepared.sources))
    return {name: int(count) for name, count in zip(prepared.sources, counts, strict=True) if count}


def changed(plan: StepPlan, config: RunConfig, prepared: Prepared, change: MixChange) -> StepPlan:
    """``plan`` as it is up to the step of ``change``, and in its shares from then on; as many steps in all.

    Each source goes on in its own order, about where it stood. Raises ConfigError.
    """
    at = replayed_sources(config)
    if not at:
        raise ConfigError("forgetting.no-replay")
    if isinstance(plan, SkippingPlan):  # what is left out is left out of the new mix as well
        return SkippingPlan(changed(plan.before, config, prepared, change), plan.skipped)
    shares = _shares(config, at, change.replay)
    data = [source.model_copy(update={"share": share}) for source, share in zip(config.data, shares, strict=True)]
    mix = mix_of(config.model_copy(update={"data": data}), prepared.train.lengths, prepared.train.sources)
    return ChangedPlan(plan, change.step, mix)


def replayed_sources(config: RunConfig) -> list[int]:
    """Indices of the sources that replay earlier data; of those of general data where none does."""
    replay, general = ([i for i, each in enumerate(config.data) if each.role == role] for role in ("replay", "general"))
    return replay or general


def share_wanted(value: object, now: float) -> float:
    """The share of replay that ``value`` asks for, a number or ``more`` than ``now``. Raises ConfigError."""
    if value == "more":
        if now >= MOST_REPLAY:
            raise ConfigError("forgetting.replay-at-most", share=now)
        return min(MOST_REPLAY, max(LEAST_MORE, MORE_REPLAY * now))
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    raise ConfigError("forgetting.no-share", given=str(value))


def replay_now(config: RunConfig, steps: StepPlan) -> float:
    """The share of the replayed sources in the newest mix of ``steps``."""
    mix = steps.passes
    return sum(mix.parts[index].share for index in replayed_sources(config)) if isinstance(mix, Mix) else 0.0


def _shares(config: RunConfig, at: Sequence[int], replay: float) -> list[float | None]:
    """The sources' shares with ``replay`` for those ``at``, in their proportion; the others share the rest."""
    before = sum(config.data[index].share or 0.0 for index in at)
    rest = sum(source.share or 0.0 for index, source in enumerate(config.data) if index not in at)
    every = all(source.share is not None for index, source in enumerate(config.data) if index not in at)
    scale = (1 - replay) / (rest if every else max(1e-9, 1 - before))
    found: list[float | None] = []
    for index, source in enumerate(config.data):
        if index in at:
            found.append(replay * (source.share / before if source.share and before else 1 / len(at)))
        else:
            found.append(None if source.share is None else min(1.0, source.share * scale))
    return found


class ChangedPlan(StepPlan):
    """``before`` up to ``step``, then the rows of ``passes``, from as far into the same pass as ``before`` had come."""

    def __init__(self, before: StepPlan, step: int, passes: Mix) -> None:
        super().__init__(passes, before.batch_size, 1.0, before.total_steps)
        self._before, self._step = before, step
        come = before.epoch_after(step)
        self._epoch = int(come)
        self._begin = round((come - self._epoch) * passes.count)
        self._first_steps = -(-(passes.count - self._begin) // self.batch_size)

    def rows(self, step: int) -> np.ndarray:
        if step <= self._step:
            return self._before.rows(step)
        epoch, begin = self._at(step - 1)
        if self._order[0] != epoch:
            self._order = (epoch, self.passes.order(epoch))
        return self._order[1][begin : begin + self.batch_size]

    def epoch_after(self, step: int) -> float:
        if step <= self._step:
            return self._before.epoch_after(step)
        epoch, begin = self._at(step)
        return epoch + begin / self.passes.count

    def _at(self, done: int) -> tuple[int, int]:
        """The pass and the row in it that step ``done`` + 1 begins with."""
        since = done - self._step
        if since < self._first_steps:
            return self._epoch, self._begin + since * self.batch_size
        epoch, index = divmod(since - self._first_steps, self.steps_per_epoch)
        return self._epoch + 1 + epoch, index * self.batch_size


def mix_of(config: RunConfig, lengths: Sequence[int] | Rows, sources: Sequence[int] | Rows) -> Mix:
    """Examples of these ``lengths`` (tokens) and ``sources`` (indices into ``config.data``), in the sources' shares.

    Raises ConfigError.
    """
    return Mix(
        lengths,
        sources,
        [source.share for source in config.data],
        config.run.seed,
        unit=config.dataset.mix,
        passes=passes_of(config, len(lengths)),
        epochs_cap=config.dataset.epochs_cap,
    )


def tell_mix(config: RunConfig, prepared: Prepared, steps: StepPlan, sink: Sink) -> None:
    """Warn of sources that repeat too often, take too much, or hardly come at all."""
    mix = steps.passes
    if not isinstance(mix, Mix):
        return
    sources = [
        MixSource(name, source.role, source.share)
        for name, source in zip(prepared.sources, config.data, strict=True)
    ]  # fmt: skip
    passes = steps.epoch_after(steps.total_steps)
    for warning in mix_warnings(sources, mix.parts, passes, config.dataset.epochs_cap):
        sink(ev.Warn(message=warning.what))


def tell_skipped(config: RunConfig, sink: Sink) -> None:
    """Of earlier runs as sources, the rows that those skipped and that are therefore left out here too."""
    for source in config.data:
        with suppress(TunedeckError):
            if rows := run_source.skipped_rows(source):
                sink(ev.Warn(message=Message("steering.replay-without", source=source.path, rows=rows)))


def trained_tokens(
    config: RunConfig, prepared: Prepared, steps: int, changes: Sequence[MixChange] = (), skips: Sequence[Skip] = ()
) -> dict[str, int]:
    """Tokens of each source that the first ``steps`` steps of ``config`` read, repeats counted, by its name."""
    plan = plan_steps(config, prepared, changes, skips)
    lengths, sources = prepared.train.lengths, prepared.train.sources
    read = np.zeros(len(prepared.sources), dtype=np.int64)
    for step in range(1, steps + 1):
        rows = plan.rows(step)
        np.add.at(read, sources[rows], lengths[rows])
    return dict(zip(prepared.sources, read.tolist(), strict=True))
