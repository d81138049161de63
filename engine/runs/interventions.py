"""What people did to a training that went wrong: rates lowered, rows skipped, steps taken back; kept beside the run.

A runner that resumes repeats it, and the record of the adapter says it. ``engine.runs.rollback`` takes steps back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from engine.common.errors import ConfigError
from engine.common.files import read_json, write_atomic
from engine.runs.directory import RunDir

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class RateChange:
    """After optimizer step ``step`` the learning rate is ``factor`` (0 to 1) times what the schedule says."""

    step: int
    factor: float


@dataclass(frozen=True)
class Skip:
    """The ``rows`` rows with ``keys`` (hashes of their content), which step ``of_step`` held, are trained on no more.

    ``step`` is the optimizer step after which that counts.
    """

    step: int
    of_step: int
    rows: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Rollback:
    """At Unix time ``t`` the run went back from step ``from_step`` to ``step``; ``rate`` and ``rows`` say what changed
    with that: the factor of the learning rate (None: as it was) and how many rows were skipped."""

    t: float
    step: int
    from_step: int
    rate: float | None = None
    rows: int = 0


@dataclass(frozen=True)
class Interventions:
    """All of a run, each kind in the order of time."""

    rates: tuple[RateChange, ...] = ()
    skips: tuple[Skip, ...] = ()
    rollbacks: tuple[Rollback, ...] = ()

    def factor(self, step: int) -> float:
        """What the schedule's rate of optimizer step ``step`` is multiplied by."""
        return math.prod(change.factor for change in self.rates if change.step < step)

    @property
    def skipped_rows(self) -> int:
        return sum(skip.rows for skip in self.skips)

    def taken_back(self, rollback: Rollback, skips: Sequence[Skip] = ()) -> Interventions:
        """With one more rollback, and ``skips`` that come with it: what changed after its step did not happen.

        Rows that were skipped stay so, from that step on.
        """
        kept = [replace(skip, step=min(skip.step, rollback.step)) for skip in self.skips]
        rates = [change for change in self.rates if change.step <= rollback.step]
        if rollback.rate is not None:
            rates.append(RateChange(rollback.step, rollback.rate))
        return Interventions(tuple(rates), (*kept, *skips), (*self.rollbacks, rollback))


def factor_wanted(value: object) -> float:
    """The factor that ``value`` asks for. Raises ConfigError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1:
        return float(value)
    raise ConfigError("steering.no-factor", given=str(value))


def read(run: RunDir) -> Interventions:
    """What was kept; entries that make no sense are left out."""
    record = read_json(_file(run))
    return Interventions(
        _all(record.get("rates"), _rate), _all(record.get("skips"), _skip), _all(record.get("rollbacks"), _rollback)
    )


def keep(run: RunDir, found: Interventions) -> None:
    """Write all of them. Raises OSError."""
    write_atomic(_file(run), json.dumps(asdict(found)))


def add_rate(run: RunDir, change: RateChange) -> None:
    """Raises OSError."""
    found = read(run)
    keep(run, replace(found, rates=(*found.rates, change)))


def _file(run: RunDir) -> Path:
    return run.path / "interventions.json"


def _all(listed: Any, made: Callable[[Any], _Entry]) -> tuple[_Entry, ...]:
    found = []
    for each in listed if isinstance(listed, list) else []:
        try:
            found.append(made(each))
        except (TypeError, KeyError, ValueError, ConfigError):
            continue
    return tuple(found)


def _rate(record: Any) -> RateChange:
    return RateChange(_step(record["step"]), factor_wanted(record["factor"]))


def _skip(record: Any) -> Skip:
    keys = tuple(str(key) for key in record["keys"])
    return Skip(_step(record["step"]), _step(record["of_step"]), int(record["rows"]), keys)


def _rollback(record: Any) -> Rollback:
    rate = record.get("rate")
    return Rollback(
        float(record["t"]), _step(record["step"]), _step(record["from_step"]),
        None if rate is None else factor_wanted(rate), int(record["rows"]),
    )  # fmt: skip


def _step(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(value)
    return value
