"""The errors people meet: what happened, to what, and what to do about it."""

from __future__ import annotations

import errno
import os
from typing import Any, Self

from engine.messages import catalogue
from engine.messages.message import Message


class TunedeckError(Exception):
    """An error that is shown to a person as it is, never as a traceback.

    ``DataError("data.unknown-format", path=path, row=3)``: a code of the catalogue and its arguments. ``title`` says
    what happened in a few words (the entry's value), ``message`` to what (file, row, field), ``hint`` what to do (its
    attributes). They are read in the language of the process that shows them: ``reason``, code and arguments, is what
    travels.
    """

    exit_code = 1

    def __init__(self, code: str, /, **args: Any) -> None:
        super().__init__(code)
        self.reason = Message(code, **args)

    @classmethod
    def of(cls, reason: Message) -> Self:
        """The error whose code and arguments are ``reason``."""
        error = cls(reason.code)
        error.reason = reason
        return error

    @property
    def code(self) -> str:
        return self.reason.code

    @property
    def title(self) -> str:
        return catalogue.text(self.reason)

    @property
    def message(self) -> str:
        return catalogue.part(self.reason, "message")

    @property
    def hint(self) -> str:
        return catalogue.part(self.reason, "hint")

    @property
    def said(self) -> str:
        """All of it in one paragraph: "No such file: rows.jsonl. Check the path."."""
        return catalogue.paragraph(self.reason)

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.message, self.hint) if part)

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), vars(self))

    def as_json(self) -> dict[str, Any]:
        """Class, code and arguments, for ``from_json`` in another process."""
        kinds = {"error": type(self).__name__}
        nearest = next(each.__name__ for each in type(self).__mro__ if each.__module__ == __name__)
        return {**kinds, **({"kind": nearest} if nearest != kinds["error"] else {}), **self.reason.as_json()}

    @staticmethod
    def from_json(record: dict[str, Any]) -> TunedeckError:
        """The error of ``as_json``, of its class where this process knows it, else of the nearest that all know."""
        known = {each.__name__: each for each in _kinds(TunedeckError)}
        kind = known.get(str(record.get("error"))) or known.get(str(record.get("kind")), TunedeckError)
        if "code" in record:
            return kind.of(Message.from_json({"code": record["code"], "args": record.get("args", {})}))
        title, message, hint = (str(record.get(part, "")) for part in ("title", "message", "hint"))
        return kind.of(Message.literal(title, message=message, hint=hint))


def _kinds(kind: type[TunedeckError]) -> list[type[TunedeckError]]:
    return [kind, *(deeper for each in kind.__subclasses__() for deeper in _kinds(each))]


def _again(kind: type[TunedeckError], found: dict[str, Any]) -> TunedeckError:
    """An error out of a pickle, whatever its class asks for when it is made."""
    error = kind.__new__(kind)
    vars(error).update(found)
    return error


class ConfigError(TunedeckError):
    """The run's config can't be used. ``issues`` holds every finding, not only the first."""

    exit_code = 2

    def __init__(self, code: str, /, issues: tuple[object, ...] = (), **args: Any) -> None:
        super().__init__(code, **args)
        self.issues = issues


class DataError(TunedeckError):
    """A data file can't be read or holds nothing to train on."""

    exit_code = 3


class ModelError(TunedeckError):
    """A model or adapter can't be found or loaded."""

    exit_code = 4


class MachineError(TunedeckError):
    """The machine lacks something: disk, memory, rights, a terminal."""

    exit_code = 5


class RunError(TunedeckError):
    """A run can't be found, locked, or steered in its present state."""

    exit_code = 6


class NoSuchRun(RunError):
    """No run has this name or id."""


class CutOff(ModelError):
    """A file of weights ends before what its header promises."""


_USUAL = {
    errno.EACCES: "system.denied", errno.EPERM: "system.not-permitted", errno.ENOENT: "system.missing",
    errno.EEXIST: "system.exists", errno.ENOTDIR: "system.no-folder", errno.EISDIR: "system.is-folder",
    errno.ENOSPC: "system.no-space", errno.EDQUOT: "system.quota", errno.EROFS: "system.read-only",
    errno.EIO: "system.broken", errno.EMFILE: "system.open-files", errno.ENAMETOOLONG: "system.long-name",
    errno.ELOOP: "system.links", errno.EBUSY: "system.busy", errno.ETIMEDOUT: "system.too-slow",
}  # fmt: skip


class Unfit(OSError):
    """What stands in the place of a file is none that can be used; ``reason`` says why."""

    reason: Message


def reason_of(error: BaseException) -> Message:
    """Why something failed: as a code where it has one or the system said it, else in a library's own words."""
    if isinstance(error, (TunedeckError, Unfit)):
        return error.reason
    if isinstance(error, OSError) and error.errno in _USUAL and error.strerror == os.strerror(error.errno):
        return Message(_USUAL[error.errno])
    return Message.literal(getattr(error, "strerror", None) or str(error))


def own_words(error: BaseException, most: int = 300) -> str:
    """What a library's ``error`` says, on one line of at most ``most`` letters, without its last full stop."""
    return " ".join(str(error).split())[:most].rstrip(".") or type(error).__name__
