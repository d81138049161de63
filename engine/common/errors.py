"""The errors people meet: what happened, to what, and what to do about it."""

from __future__ import annotations


class TunedeckError(Exception):
    """An error that is shown to a person as it is, never as a traceback.

    ``title`` says what happened in a few words, ``message`` to what (file, row, field),
    ``hint`` what to do. Front ends print the three parts; nothing else is needed.
    """

    exit_code = 1

    def __init__(self, title: str, message: str = "", hint: str = "") -> None:
        super().__init__(title, message, hint)
        self.title = title
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.title, self.message, self.hint) if part)

    @property
    def said(self) -> str:
        """All of it in one paragraph: "No such file: rows.jsonl. Check the path."."""
        parts = [part for part in (self.title.rstrip(" .:"), self.message) if part]
        return sentences(": ".join(parts), self.hint)


def sentences(*parts: str) -> str:
    """The parts that are not empty, one after the other, each with its full stop."""
    whole = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part.endswith((".", "!", "?", ":", "。")) else f"{part}." for part in whole)


class ConfigError(TunedeckError):
    """The run's config can't be used. ``issues`` holds every finding, not only the first."""

    exit_code = 2

    def __init__(self, title: str, message: str = "", hint: str = "", issues: tuple[object, ...] = ()) -> None:
        super().__init__(title, message, hint)
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
