"""How long a run trains: the tokens of its rows over the tokens a second that are expected."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.schema import RunConfig, TrainSection
from engine.memory.pace import Basis, Expected
from engine.output import duration
from engine.units import amount


@dataclass(frozen=True)
class DataSize:
    """Rows to train on and their tokens in one pass. ``exact``: they were tokenised, not guessed from bytes."""

    rows: int
    tokens: int
    exact: bool


@dataclass(frozen=True)
class Duration:
    """Time for the optimizer's steps; evaluation, generated answers and checkpoints come on top."""

    seconds: float
    tokens: int
    tokens_per_second: float
    origin: str
    exact_tokens: bool = True
    basis: Basis = "run"

    @property
    def is_measured(self) -> bool:
        """Whether a run or a probe on this device has shown the pace."""
        return self.basis in ("run", "probe")

    @property
    def short(self) -> str:
        """ "about 38 min", or "roughly" where the pace is neither measured nor near a published one."""
        return f"{'roughly' if self.basis == 'computed' else 'about'} {duration(max(1.0, self.seconds))}"

    @property
    def text(self) -> str:
        """ "about 38 min for training alone: 1.2M tokens at 530 tokens/s, measured here in 3 runs"."""
        tokens = f"{'' if self.exact_tokens else 'about '}{amount(self.tokens)} tokens"
        guessed = "" if self.exact_tokens else " (guessed from the bytes of some rows)"
        rate = f"{self.tokens_per_second:,.0f}" if self.tokens_per_second >= 10 else f"{self.tokens_per_second:.1f}"
        return f"{self.short} for training alone: {tokens}{guessed} at {rate} tokens/s, {self.origin}"


def duration_of(train: TrainSection, size: DataSize, pace: Expected) -> Duration:
    tokens = tokens_to_train(train, size)
    return Duration(
        tokens / pace.tokens_per_second, tokens, pace.tokens_per_second, pace.origin, size.exact, pace.basis
    )


def tokens_to_train(train: TrainSection, size: DataSize) -> int:
    """Tokens of all optimizer steps: ``max_steps`` of them, or the passes over the rows."""
    steps_per_epoch = max(1, -(-size.rows // train.batch_size))
    steps = train.max_steps or max(1, round(steps_per_epoch * train.num_train_epochs))
    return round(size.tokens * steps / steps_per_epoch)


def guess_size(config: RunConfig) -> DataSize | None:
    """Rows and tokens of one pass over the mix, guessed from the head of each source; some milliseconds.

    None where a source can't be read or the shares make no sense: saying so is not this function's job.
    """
    from engine.data.mixing.source_figures import of_mix
    from engine.data.mixing.source_guess import guess, hold_out
    from engine.errors import TunedeckError

    try:
        sources = [guess(source, config.dataset) for source in config.data]
        known = [source for source in sources if source is not None]
        if len(known) < len(sources):
            return None
        mix = of_mix(hold_out(known, [source.role for source in config.data], config.dataset), config)
    except (TunedeckError, OSError):
        return None
    return DataSize(mix.rows, max(1, round(mix.tokens)), exact=False)
