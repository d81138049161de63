"""One form for what is said of a run before it starts: a finding, with what makes it go away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.common.errors import ConfigError, TunedeckError
from engine.config.rules import Issue


@dataclass(frozen=True)
class Remedy:
    """Config fields by dotted name that make a finding go away; None puts a field back to its default."""

    words: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """An error keeps the run from starting; ``error`` is how it is raised then."""

    issue: Issue
    remedy: Remedy | None = None
    error: TunedeckError | None = None

    @property
    def level(self) -> Literal["error", "warning", "note"]:
        return self.issue.level


def of_error(error: TunedeckError) -> list[Finding]:
    """What an error says as findings: each of a config's, or it as a whole."""
    issues = [issue for issue in error.issues if isinstance(issue, Issue)] if isinstance(error, ConfigError) else []
    if issues:
        return [Finding(issue, error=error) for issue in issues]
    title = error.title.rstrip(" .:")
    return [
        Finding(
            Issue("error", "", f"{title}: {error.message}" if error.message else f"{title}.", error.hint), error=error
        )
    ]
