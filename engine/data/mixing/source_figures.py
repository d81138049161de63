"""What one source brings to a mix, in rows and tokens, and what any mix of such sources comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.config.schema import RunConfig
from engine.data.mixing.parts import Part, Unit, parts_of


@dataclass(frozen=True)
class SourceFigures:
    """``rows`` can be trained on, ``held_out`` are beside them; ``examples`` is what they become as tokens.

    Of the rows so many were dropped as ``too_long``, ``refused`` by the template or ``not_trained``, having no token
    to train on. Means are tokens, and trained tokens, of one example. ``guessed``: from bytes, before anything was
    tokenised.
    """

    name: str = ""
    rows: int = 0
    held_out: int = 0
    examples: int = 0
    tokens_mean: float = 0.0
    trained_mean: float = 0.0
    too_long: int = 0
    refused: int = 0
    not_trained: int = 0
    guessed: bool = False

    @property
    def tokens(self) -> float:
        """Of all its examples."""
        return self.examples * self.tokens_mean

    @property
    def dropped(self) -> int:
        return self.too_long + self.refused + self.not_trained

    @property
    def dropped_share(self) -> float:
        return self.dropped / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class MixFigures:
    """One pass over a mix: its examples (``rows``), their tokens and trained tokens, and each source's part."""

    parts: tuple[Part, ...]
    rows: int
    tokens: float
    trained: float


def mixed(
    sources: Sequence[SourceFigures],
    shares: Sequence[float | None],
    *,
    unit: Unit = "tokens",
    passes: float = 1.0,
    epochs_cap: float | None = None,
) -> MixFigures:
    """``sources`` in these ``shares``; the rest as in ``parts_of``. Raises ConfigError as it does."""
    parts = parts_of(
        [source.examples for source in sources], [source.tokens for source in sources], shares,
        unit=unit, passes=passes, epochs_cap=epochs_cap,
    )  # fmt: skip
    trained = sum(part.drawn * source.trained_mean for part, source in zip(parts, sources, strict=True))
    return MixFigures(parts, sum(part.drawn for part in parts), sum(part.tokens for part in parts), trained)


def of_mix(sources: Sequence[SourceFigures], config: RunConfig) -> MixFigures:
    """The mix that ``config`` makes of its sources. Raises ConfigError."""
    return mixed(
        sources,
        [source.share for source in config.data],
        unit=config.dataset.mix,
        passes=passes_of(config, sum(source.examples for source in sources)),
        epochs_cap=config.dataset.epochs_cap,
    )


def passes_of(config: RunConfig, examples: int) -> float:
    """About how many passes the run makes over so many ``examples``."""
    train = config.train
    return train.max_steps * train.batch_size / max(1, examples) if train.max_steps else train.num_train_epochs
