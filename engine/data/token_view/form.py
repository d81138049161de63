"""What a row is to the training, token by token, in a form that travels as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.messages.message import Message

State = Literal["trained", "context", "cut", "padding"]
"""Trained: the loss counts it. Context: read only. Cut: behind max_length. Padding: what a micro-batch fills up."""

Fate = Literal["trained", "heldout", "test", "used", "left-out", "unreadable"]
"""What becomes of a row; "used" while it is not known whether it is trained on or held out."""
FATES: dict[Fate, str] = {
    "trained": "xray.fate-trained", "heldout": "xray.fate-heldout", "test": "xray.fate-test", "used": "xray.fate-used",
    "left-out": "xray.fate-left-out", "unreadable": "xray.fate-unreadable",
}  # fmt: skip
MOST_TOKENS = 20_000
"""Shown of one row; of longer ones the rest is counted."""


@dataclass(frozen=True)
class Piece:
    """Tokens that only together make whole characters, nearly always one.

    ``text`` is theirs, not cleaned; bytes that are no character read <0xE4>. ``is_special``: a special token.
    """

    ids: tuple[int, ...]
    text: str
    state: State
    is_special: bool = False


@dataclass(frozen=True)
class Part:
    """One example that the row becomes. Counts are in tokens; ``hidden`` of them have no piece here.

    ``padded`` is its length in a micro-batch of its own, 0 for a part that is not trained.
    """

    pieces: tuple[Piece, ...]
    tokens: int
    trained: int
    padded: int = 0
    hidden: int = 0


@dataclass(frozen=True)
class Verdict:
    """``about`` is begin, stop, whole, tokens, marked, turns, written, fate or weight; ``what`` is one sentence."""

    about: str
    passes: bool
    what: Message


@dataclass(frozen=True)
class Xray:
    """A row's place, its examples (none where it can't be rendered), and what is to be said of it.

    ``words`` are the row's own, for rows without tokens.
    """

    file: str
    row: int
    source: str
    fate: Fate
    verdicts: tuple[Verdict, ...]
    parts: tuple[Part, ...] = ()
    words: str = ""

    @property
    def is_bad(self) -> bool:
        return not all(verdict.passes for verdict in self.verdicts)

    @property
    def bad(self) -> Iterator[Verdict]:
        return (verdict for verdict in self.verdicts if not verdict.passes)


def to_json(ray: Xray) -> dict[str, Any]:
    """``ray`` as values of JSON."""
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(ray)
    return values


def from_json(values: Mapping[str, Any]) -> Xray:
    """The Xray that ``to_json`` made ``values`` of. Raises ValueError for anything else."""
    import msgspec

    try:
        return msgspec.convert(dict(values), Xray)
    except msgspec.ValidationError as error:
        raise ValueError(f"no X-ray of a row: {error}") from None
