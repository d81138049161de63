"""What the doctor says of a run's rows, in a form that travels as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.messages.message import Message

Severity = Literal["fatal", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("fatal", "warning", "note")
MOST_PLACES = 20


@dataclass(frozen=True)
class Place:
    """A row with a finding. ``seen`` is what is wrong there, or a few words of it, not cleaned.

    ``hint`` says what to do about it, where that is known.
    """

    file: str
    row: int
    seen: Message | str = ""
    hint: Message | None = None


@dataclass(frozen=True)
class Remedy:
    """Something that helps: a name for ``dataset.fixes``, or values of config fields. ``what`` says what it does.

    It was tried on a copy of ``tried`` rows with the finding, ``left`` of which still had it then.
    """

    what: Message
    tried: int
    left: int
    fix: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A fault and how often it is there. ``of`` are the rows looked at; ``source`` is "" for all sources together.

    ``text_share`` is the share (0 to 1) of the source's characters that lie in those rows, None where it is not
    known; ``tokens`` about how many tokens these are, once a tokenizer was asked. ``places`` are the first 20.
    """

    code: str
    severity: Severity
    source: str
    count: int
    of: int
    title: Message
    why: Message | None = None
    detail: Message | None = None
    text_share: float | None = None
    tokens: int | None = None
    places: tuple[Place, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    @property
    def hints(self) -> tuple[Message, ...]:
        """What to do about its rows, each thing once."""
        return tuple(dict.fromkeys(place.hint for place in self.places if place.hint))

    @property
    def share(self) -> float:
        """Of the rows, 0 to 1."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class SourceFacts:
    """A source: its rows that can be used, those left out as nothing can be learnt from them, and its text.

    ``languages`` are shares of a sample's rows; ``labels`` counts of its answers, where these are few and short;
    ``unused`` its columns that nothing is read from.
    """

    name: str
    format: str
    rows: int
    left_out: int
    characters: int
    languages: dict[str, float] = field(default_factory=dict)
    labels: dict[str, int] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class LanguageTokens:
    """How a tokenizer splits one language of one source: a sample's tokens and characters, and unknown pieces."""

    source: str
    language: str
    rows: int
    characters: int
    tokens: int
    unknown: int

    @property
    def tokens_per_character(self) -> float:
        return self.tokens / self.characters if self.characters else 0.0


@dataclass(frozen=True)
class Lengths:
    """Lengths of rows in tokens, of a sample of ``rows``. ``needed`` is max_length that a share of rows needs whole.

    ``bins`` are (upper end in tokens, rows), ascending; ``supervised`` is the share of tokens that is trained.
    """

    max_length: int
    rows: int
    tokens: int
    supervised: float
    needed: dict[str, int]
    bins: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Report:
    """All findings, the most serious first. ``notes`` say what was sampled or not looked at, and why."""

    sources: tuple[SourceFacts, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Message, ...] = ()
    lengths: Lengths | None = None
    languages: tuple[LanguageTokens, ...] = ()

    @property
    def is_fatal(self) -> bool:
        return any(finding.severity == "fatal" for finding in self.findings)

    def of(self, code: str) -> list[Finding]:
        return [finding for finding in self.findings if finding.code == code]


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """The most serious first, then the most frequent."""
    return tuple(sorted(findings, key=lambda each: (SEVERITIES.index(each.severity), -each.count, each.code)))


def to_json(report: Report) -> dict[str, Any]:
    """``report`` as values of JSON."""
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(report)
    return values


def from_json(values: Mapping[str, Any]) -> Report:
    """The report that ``to_json`` made ``values`` of. Raises ValueError for anything else."""
    import msgspec

    try:
        return msgspec.convert(dict(values), Report)
    except msgspec.ValidationError as error:
        raise ValueError(f"no report of the doctor: {error}") from None
