"""The mix while one composes it: sources with shares that always add up, and what they come to; nothing of it moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from engine.common.errors import ConfigError
from engine.data.mixing.parts import Part, Unit
from engine.data.mixing.presets import TEMPERATURE, Preset, shares_of
from engine.data.mixing.source_figures import MixFigures, SourceFigures, mixed
from engine.data.mixing.warnings import MixSource, MixWarning, mix_warnings

ROLES = ("new", "replay", "general")
LEAST, MOST = 0.001, 0.99
LEFT = 0.01
"""What sources with a share leave at least to those without one."""


@dataclass(frozen=True)
class Training:
    """What the steps of a run follow from, beside its rows."""

    batch_size: int = 16
    epochs: float = 1.0
    max_steps: int | None = None

    def steps(self, rows: int) -> int:
        a_pass = max(1, math.ceil(rows / self.batch_size))
        return self.max_steps or max(1, round(a_pass * self.epochs))

    def passes(self, rows: int) -> float:
        """Passes that all its steps make over ``rows``."""
        return self.steps(rows) / max(1, math.ceil(rows / self.batch_size))


@dataclass(frozen=True)
class Line:
    """One source. ``share`` of None takes all of it once a pass. ``entry`` is its part of ``[[data]]``, if it is new
    to the draft. Without ``figures`` it is not known yet, or can't be read."""

    path: str
    name: str
    role: str = "new"
    share: float | None = None
    weight: float = 1.0
    figures: SourceFigures | None = None
    entry: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> SourceFigures:
        return self.figures or SourceFigures()


@dataclass(frozen=True)
class Board:
    """``lines`` in the order of the config, and what they are mixed by."""

    lines: tuple[Line, ...]
    unit: Unit = "tokens"
    training: Training = field(default_factory=Training)
    epochs_cap: float | None = None
    temperature: float = TEMPERATURE

    # What it comes to

    @cached_property
    def mix(self) -> MixFigures | None:
        """One pass over it; None while nothing is known of its sources, or the shares make no sense."""
        try:
            found = self._mixed(self.passes, self.epochs_cap, [line.known for line in self.lines])
        except ConfigError:
            return None
        return found if found.rows else None

    @cached_property
    def passes(self) -> float:
        """Passes of the run; exact except under a cap, which makes passes shorter."""
        try:
            return self.training.passes(self._mixed(1.0, None, [line.known for line in self.lines]).rows)
        except ConfigError:
            return self.training.epochs

    def _mixed(self, passes: float, cap: float | None, figures: Sequence[SourceFigures]) -> MixFigures:
        return mixed(figures, [line.share for line in self.lines], unit=self.unit, passes=passes, epochs_cap=cap)

    @property
    def guessed(self) -> bool:
        """Whether a figure was guessed from bytes, or is missing."""
        return any(line.figures is None or line.figures.guessed for line in self.lines)

    @property
    def warnings(self) -> list[MixWarning]:
        found = self.mix
        if found is None:
            return []
        sources = [MixSource(line.name, line.role, line.share, line.known.dropped_share) for line in self.lines]
        there = [index for index, line in enumerate(self.lines) if line.figures is not None]
        said = mix_warnings(sources, found.parts, self.training.passes(found.rows), self.epochs_cap)
        return [warning for warning in said if warning.source in there]

    def part(self, at: int) -> Part | None:
        found = self.mix
        return found.parts[at] if found else None

    def effective(self, at: int) -> float:
        """The share that the source comes to, of tokens or rows as the shares count, but for whole rows."""
        return self._aims[at] if self._aims else self.lines[at].share or 0.0

    @cached_property
    def _aims(self) -> tuple[float, ...]:
        """Of sources a thousand times as large, so that a row more or less does not show."""
        large = [replace(line.known, examples=line.known.examples * 1000) for line in self.lines]
        try:
            found = self._mixed(self.passes, self.epochs_cap, large)
        except ConfigError:
            return ()
        return tuple(part.share for part in found.parts)

    def order(self, most: int) -> list[int]:
        """The sources of the first rows of a pass, at most so many: as `Mix.order` has them where rows are alike."""
        parts = self.mix.parts if self.mix else ()
        places = [
            ((row + 0.5) / part.drawn, at) for at, part in enumerate(parts) for row in range(min(most, part.drawn))
        ]
        return [at for _, at in sorted(places)[:most]]

    # Changing it: each gives another board

    def with_line(self, at: int, **changes: Any) -> Board:
        lines = list(self.lines)
        lines[at] = replace(lines[at], **changes)
        return replace(self, lines=tuple(lines))

    def with_share(self, at: int, share: float | None) -> Board:
        """``share`` for the source at ``at``; those of the others give way where there would be more than the whole.

        While a source has none, it takes what is left; else the others shrink or grow in proportion.
        """
        others = [index for index, line in enumerate(self.lines) if index != at]
        if not others:
            return self
        free = [index for index in others if self.lines[index].share is None]
        given = {index: line.share for index, line in enumerate(self.lines) if index in others and line.share}
        if share is None:
            return self._scaled(given, 1 - LEFT, only_down=True).with_line(at, share=None)
        share = round(min(max(share, LEAST), MOST), 4)
        if free:
            share = max(LEAST, min(share, round(1 - LEFT - LEAST * len(given), 4)))
        board = self._scaled(given, 1 - share - (LEFT if free else 0.0), only_down=bool(free))
        return board.with_line(at, share=share)

    def _scaled(self, given: Mapping[int, float], room: float, only_down: bool) -> Board:
        """The shares in ``given`` as parts of ``room``; ``only_down``: unless they have it already."""
        total = sum(given.values())
        if not given or (only_down and total <= room + 1e-9):
            return self
        board, left = self, room
        for index, share in list(given.items())[1:]:
            scaled = max(LEAST, round(share * room / total, 4))
            board, left = board.with_line(index, share=scaled), left - scaled
        return board.with_line(next(iter(given)), share=max(LEAST, round(left, 4)))

    def moved(self, at: int, by: float) -> Board:
        """The slider ``by`` so much of the whole; one that was free begins where it stands."""
        now = self.lines[at].share
        now = self.effective(at) if now is None or not self._any_free else now
        step = abs(by)
        aim = now + by
        whole = round(aim / step) * step if step <= 0.01 else aim
        return self.with_share(at, max(whole, 0.01 if now > 0.01 else LEAST))

    @property
    def _any_free(self) -> bool:
        return any(line.share is None for line in self.lines)

    def with_role(self, at: int, role: str, figures: Sequence[SourceFigures]) -> Board:
        """Another role; ``figures`` of all sources with what is held out of them then."""
        board = self.with_line(at, role=role)
        lines = [
            replace(line, figures=known if line.figures else None)
            for line, known in zip(board.lines, figures, strict=True)
        ]
        return replace(board, lines=tuple(lines))

    def preset(self, name: Preset) -> Board:
        figures = [line.known for line in self.lines]
        sizes = [known.tokens if self.unit == "tokens" else float(known.examples) for known in figures]
        shares = shares_of(name, sizes, [line.role for line in self.lines], self.temperature)
        return replace(
            self, lines=tuple(replace(line, share=share) for line, share in zip(self.lines, shares, strict=True))
        )

    def added(self, entries: Sequence[Line]) -> Board:
        """With ``entries`` behind the others, whose shares make room for theirs."""
        board = replace(self, lines=(*self.lines, *(replace(line, share=None) for line in entries)))
        for index, line in enumerate(entries, start=len(self.lines)):
            board = board.with_share(index, line.share)
        return board
