"""What differs between two runs: settings, base model, data and versions."""

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


@dataclass(frozen=True)
class Difference:
    """One field of two runs and its values, None where a run has none.

    ``field`` is the dotted name of a setting, or says what else differs.
    """

    field: str | Message
    first: Any
    second: Any


@dataclass(frozen=True)
class Setting:
    """One field, as that of a ``Difference``, and its value in each of several runs.

    A value is None where a run has none, ``UNREADABLE`` where its config can't be read.
    """

    field: str | Message
    values: tuple[Any, ...]


def settings_that_differ(runs: Sequence[RunDir]) -> tuple[list[Setting], list[Message]]:
    """Every field that is not the same in all of ``runs``, and of which runs the config can't be read.

    Then base, data and versions as far as the results recorded them.
    """
    told: list[dict[str | Message, Any] | None] = []
    problems = []
    for run in runs:
        try:
            told.append(_settings(run))
        except TunedeckError as error:
            told.append(None)
            problems.append(Message("compare.config-unreadable", run=run.id, reason=error.reason))
    records = [_made_of(record) if (record := read_record(run.adapter)) else None for run in runs]
    return [*_differing(told, ("run.name", "run.notes")), *_differing(records)], problems


def _differing(told: Sequence[Mapping[str | Message, Any] | None], leave_out: tuple[str, ...] = ()) -> list[Setting]:
    known = [each for each in told if each is not None]
    names = dict.fromkeys(name for each in known for name in each if name not in leave_out)
    return [
        Setting(name, tuple(UNREADABLE if each is None else _present(each.get(name)) for each in told))
        for name in names
        if any(each.get(name) != known[0].get(name) for each in known)
    ]


def differences(first: RunDir, second: RunDir) -> list[Difference]:
    """Every setting that is not the same, then base, data and versions as far as the results recorded them.

    Raises ConfigError when one of the configs can't be read.
    """
    found = _compare(_settings(first), _settings(second), leave_out=("run.name", "run.notes"))
    ours, theirs = read_record(first.adapter), read_record(second.adapter)
    return found + (_compare(_made_of(ours), _made_of(theirs)) if ours and theirs else [])


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
    return dict(_flat(toml.load(run.config).config.model_dump(mode="json")))


def _made_of(record: AdapterRecord) -> dict[str | Message, Any]:
    """Content by hash, cut to what tells two apart: the same path may hold other rows today."""
    made: dict[str | Message, Any] = {
        Message("app.base-weights", file=name): digest[:12] for name, digest in record.weights_sha256.items()
    }
    made |= {Message("app.content-of", path=path): digest[:12] for path, digest in record.data_files.items()}
    made |= {Message("app.version-of", library=name): version for name, version in record.versions.items()}
    return made | {Message("app.steps-taken"): record.step}


def _compare(
    first: Mapping[str | Message, Any], second: Mapping[str | Message, Any], leave_out: tuple[str, ...] = ()
) -> list[Difference]:  # fmt: skip
    names = [*first, *(name for name in second if name not in first)]
    return [
        Difference(name, _present(first.get(name)), _present(second.get(name)))
        for name in names
        if first.get(name) != second.get(name) and name not in leave_out
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
