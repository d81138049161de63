"""What differs between runs: settings, base model, data and versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.common.errors import TunedeckError
from engine.config import toml
from engine.messages.catalogue import text
from engine.messages.message import Message
from engine.models.adapter.config import AdapterRecord, read_record
from engine.runs.directory import RunDir

ABSENT, UNREADABLE = "-", "?"
_NO_SETTINGS = ("run.name", "run.notes")


@dataclass(frozen=True)
class Difference:
    """One field and its value in each of several runs; ``field`` is a setting's dotted name, or says what else it is.

    A value is None where a run has none, ``UNREADABLE`` where its config can't be read.
    """

    field: str | Message
    values: tuple[Any, ...]


def differences(first: RunDir, second: RunDir) -> list[Difference]:
    """Every setting that is not the same, then base, data and versions where both results recorded them.

    Raises ConfigError when one of the configs can't be read.
    """
    records = [_made_of(record) for run in (first, second) if (record := read_record(run.adapter))]
    return [*_differing([_settings(first), _settings(second)]), *(_differing(records) if len(records) > 1 else [])]


def differences_of_readable(runs: Sequence[RunDir]) -> tuple[list[Difference], list[Message]]:
    """The same of any number of ``runs``, and whose config can't be read."""
    told: list[dict[str | Message, Any] | None] = []
    problems = []
    for run in runs:
        try:
            told.append(_settings(run))
        except TunedeckError as error:
            told.append(None)
            problems.append(Message("compare.config-unreadable", run=run.id, reason=error.reason))
    records = [_made_of(record) if (record := read_record(run.adapter)) else None for run in runs]
    return [*_differing(told), *_differing(records)], problems


def shown(value: Any) -> str:
    """The field or a value of a difference as a cell of a table."""
    if value is None:
        return ABSENT
    if isinstance(value, Message):
        return text(value)
    if isinstance(value, bool):
        return text("app.yes" if value else "app.no")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _settings(run: RunDir) -> dict[str | Message, Any]:
    found = dict(_flat(toml.load(run.config).config.model_dump(mode="json")))
    return {name: value for name, value in found.items() if name not in _NO_SETTINGS}


def _made_of(record: AdapterRecord) -> dict[str | Message, Any]:
    """Content by hash, cut to what tells two apart: the same path may hold other rows today."""
    made: dict[str | Message, Any] = {
        Message("app.base-weights", file=name): digest[:12] for name, digest in record.weights_sha256.items()
    }
    made |= {Message("app.content-of", path=path): digest[:12] for path, digest in record.data_files.items()}
    made |= {Message("app.version-of", library=name): version for name, version in record.versions.items()}
    return made | {Message("app.steps-taken"): record.step}


def _differing(told: Sequence[Mapping[str | Message, Any] | None]) -> list[Difference]:
    known = [each for each in told if each is not None]
    names = dict.fromkeys(name for each in known for name in each)
    return [
        Difference(name, tuple(UNREADABLE if each is None else _present(each.get(name)) for each in told))
        for name in names
        if any(each.get(name) != known[0].get(name) for each in known)
    ]


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, plain value) for everything in a config."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items:
        dotted = f"{prefix}{name}"
        if isinstance(item, dict) or (isinstance(item, list) and any(isinstance(part, dict) for part in item)):
            yield from _flat(item, f"{dotted}.")
        else:
            yield dotted, item


def _present(value: Any) -> Any:
    return None if value in ("", [], {}) else value
