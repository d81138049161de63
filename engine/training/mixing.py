"""The mix of a run's sources as optimizer steps, and what must be said about it before they are taken."""

from __future__ import annotations

from collections.abc import Sequence

from engine.config.schema import RunConfig
from engine.data.mix import Mix
from engine.runs import events as ev
from engine.training.batches import StepPlan
from engine.training.dataset import Prepared
from engine.training.phases import Sink
from engine.training.tokens import Example

OFTEN = 4.0
"""Passes over one source in one pass over the mix, from which rows begin to be learnt by heart."""
LEAST_REPLAY, MOST_REPLAY = 0.01, 0.5


def plan_steps(config: RunConfig, prepared: Prepared) -> StepPlan:
    """The steps of ``config``: its sources in their shares. Raises ConfigError when the shares can't be met."""
    train = config.train
    return StepPlan(mix_of(config, prepared.train), train.batch_size, train.num_train_epochs, train.max_steps)


def mix_of(config: RunConfig, examples: Sequence[Example]) -> Mix:
    """``examples`` in the shares that ``config`` gives their sources. Raises ConfigError."""
    return Mix(
        [len(example.ids) for example in examples],
        [example.source for example in examples],
        [source.share for source in config.data],
        config.run.seed,
        unit=config.dataset.mix,
        passes=_passes(config, len(examples)),
        epochs_cap=config.dataset.epochs_cap,
    )


def tell_mix(config: RunConfig, prepared: Prepared, steps: StepPlan, sink: Sink) -> None:
    """Warn of sources that repeat too often, take too much, or hardly come at all."""
    mix = steps.passes
    if not isinstance(mix, Mix) or len(mix.parts) < 2:
        return
    for name, source, part in zip(prepared.sources, config.data, mix.parts, strict=True):
        if part.capped:
            sink(
                ev.Warn(
                    title=f"{name} gets {part.share:.1%} of the mix instead of {source.share or 0:.1%}.",
                    message=f"More would pass over its {part.rows:,} rows more than dataset.epochs_cap allows.",
                    hint="Raise the cap, or give it more rows.",
                )
            )
        elif part.repeats >= OFTEN:
            sink(
                ev.Warn(
                    title=f"{name} is repeated {part.repeats:.1f} times in each pass.",
                    message=f"Its {part.rows:,} rows may be learnt by heart.",
                    hint="Lower its share, or set dataset.epochs_cap.",
                )
            )
        if source.role == "replay" and part.rows and not LEAST_REPLAY <= part.share <= MOST_REPLAY:
            effect = "hardly keeps what was known" if part.share < LEAST_REPLAY else "slows the learning of the new"
            sink(ev.Warn(title=f"{name}: {part.share:.1%} of the mix is replay, which {effect}."))


def _passes(config: RunConfig, rows: int) -> float:
    """About how many passes the run makes."""
    train = config.train
    return train.max_steps * train.batch_size / max(1, rows) if train.max_steps else train.num_train_epochs
