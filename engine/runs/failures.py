"""Work on a run that failed beside its training: an export, its proof or push, an evaluation, a mix; kept until it
succeeds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import msgspec

from engine.common.errors import TunedeckError
from engine.common.files import MOST_JSON_BYTES, write_atomic
from engine.common.regular_files import read_regular
from engine.messages.message import Message
from engine.runs.directory import RunDir

FILE = "failures.json"
Work = Literal["export", "proof", "push", "evaluation", "mix"]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """``work`` called ``name`` failed for ``reason`` at ``t`` (Unix seconds): a target, an evaluation, a mix.

    Of a push the name is that of the files: whatever repository takes them ends it.
    """

    work: Work
    name: str
    reason: Message
    t: float


def all_of(run: RunDir) -> tuple[Failure, ...]:
    """What failed since it last succeeded, the newest last."""
    try:
        return msgspec.json.decode(read_regular(run.path / FILE, MOST_JSON_BYTES), type=tuple[Failure, ...])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return ()


def keep(run: RunDir, work: Work, name: str, reason: Message) -> None:
    """Note it in the place of an earlier failure of the same; a disk that refuses must not hide the error itself."""
    _write(run, (*_others(run, work, name), Failure(work=work, name=name, reason=reason, t=time.time())))


def forget(run: RunDir, work: Work, name: str) -> None:
    """It succeeded, or a person has seen it."""
    others = _others(run, work, name)
    if others != all_of(run):
        _write(run, others)


@contextmanager
def noted(run: RunDir | None, work: Work, name: str) -> Iterator[None]:
    """What is done within is ``work`` on ``run``: its TunedeckError is kept and goes on, its success ends that."""
    try:
        yield
    except TunedeckError as error:
        if run is not None:
            keep(run, work, name, error.reason)
        raise
    if run is not None:
        forget(run, work, name)


def _others(run: RunDir, work: Work, name: str) -> tuple[Failure, ...]:
    return tuple(each for each in all_of(run) if (each.work, each.name) != (work, name))


def _write(run: RunDir, found: tuple[Failure, ...]) -> None:
    with suppress(OSError):
        write_atomic(run.path / FILE, msgspec.json.encode(found).decode("utf-8"))
