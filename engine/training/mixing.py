"""The mix of a run's sources as optimizer steps, and what must be said about it before they are taken."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.config.schema import RunConfig
from engine.data.mixing.mix import Mix, Rows
from engine.data.mixing.source_figures import passes_of
from engine.data.mixing.warnings import MixSource, mix_warnings
from engine.modeling.batches import StepPlan
from engine.runs import events as ev
from engine.runs.phases import Sink
from engine.tokens.dataset import Prepared


def plan_steps(config: RunConfig, prepared: Prepared) -> StepPlan:
    """The steps of ``config``: its sources in their shares. Raises ConfigError when the shares can't be met."""
    train = config.train
    mix = mix_of(config, prepared.train.lengths, prepared.train.sources)
    return StepPlan(mix, train.batch_size, train.num_train_epochs, train.max_steps)


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


def trained_tokens(config: RunConfig, prepared: Prepared, steps: int) -> dict[str, int]:
    """Tokens of each source that the first ``steps`` steps of ``config`` read, repeats counted, by its name."""
    plan = plan_steps(config, prepared)
    lengths, sources = prepared.train.lengths, prepared.train.sources
    read = np.zeros(len(prepared.sources), dtype=np.int64)
    for step in range(1, steps + 1):
        rows = plan.rows(step)
        np.add.at(read, sources[rows], lengths[rows])
    return dict(zip(prepared.sources, read.tolist(), strict=True))
