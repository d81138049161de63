"""One form for what is said of a run before it starts: a finding, with what makes it go away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.common.errors import ConfigError, TunedeckError
from engine.config.rules import Issue
from engine.messages.catalogue import text
from engine.messages.message import Message

REFUSED = "check.refused"
"""Code of a finding that only hands an error on."""


@dataclass(frozen=True)
class Remedy:
    """Config fields by dotted name that make a finding go away; None puts a field back to its default.

    ``what`` names it in a few words.
    """

    what: Message
    settings: Mapping[str, Any]

    @property
    def words(self) -> str:
        return text(self.what)


@dataclass(frozen=True)
class Finding:
    """An error keeps the run from starting; ``error`` is how it is raised then."""

    issue: Issue
    remedy: Remedy | None = None
    error: TunedeckError | None = None

    @property
    def level(self) -> Literal["error", "warning", "note"]:
        return self.issue.level

    @property
    def reason(self) -> Message:
        """What is found: the sentence, or the error that it hands on."""
        return self.error.reason if self.error and self.issue.what.code == REFUSED else self.issue.what

    @property
    def said(self) -> str:
        """All of it in one line."""
        return str(self.issue) if self.issue.field else self.issue.message


def of_error(error: TunedeckError) -> list[Finding]:
    """What an error says as findings: each of a config's, or it as a whole."""
    issues = [issue for issue in error.issues if isinstance(issue, Issue)] if isinstance(error, ConfigError) else []
    if issues:
        return [Finding(issue, error=error) for issue in issues]
    return [Finding(Issue("error", "", Message(REFUSED, error=error.reason)), error=error)]
