"""Pairs of answers to the same row, and which of them was preferred, kept beside the evaluation they come from.

``choices-JUDGE.jsonl`` is appended, so that judging goes on where it stood. A pair that is judged again, or taken back,
is a later line: the last one counts. A model that judges has a file by its content: another one may have its name.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.common.regular_files import open_to_append, read_regular
from engine.runs import evaluations
from engine.runs.evaluations import Answer, Turn

HAND = "hand"
"""The judge's name where a person chose."""
TIE = "tie"
_MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Pair:
    """Two ``answers`` to ``prompt``, of the candidates ``names``. ``reference`` is what was wanted, "" for none.

    ``earlier`` are the turns before the prompt, which is of ``role``; ``tools`` the schemas of the functions that could
    be called. ``swapped``: a person sees the second answer on the left. It is drawn, and the same for the same seed.
    """

    row: int
    prompt: str
    reference: str
    names: tuple[str, str]
    answers: tuple[str, str]
    swapped: bool = False
    group: str = ""
    earlier: tuple[Turn, ...] = ()
    role: str = "user"
    tools: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """The same for the same two answers to the same question, after the same turns and with the same tools."""
        before = [*self.tools] + [part for turn in self.earlier for part in (turn.role, turn.text)]
        said = "\0".join((*before, self.prompt, self.reference, *sorted(self.answers)))
        return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).hexdigest()

    @property
    def sides(self) -> tuple[str, str]:
        """The answers as they stand on the left and on the right."""
        return (self.answers[1], self.answers[0]) if self.swapped else self.answers

    def at(self, side: int) -> str:
        """Who answered what stands on the left (0) or on the right (1)."""
        return self.names[1 - side if self.swapped else side]


@dataclass(frozen=True)
class Pairs:
    """The ``pairs`` of an evaluation in a drawn order, without the ``same`` rows whose two answers are equal."""

    pairs: tuple[Pair, ...]
    same: tuple[int, ...] = ()


def pairs_of(answers: Sequence[Answer], names: tuple[str, str], seed: int) -> Pairs:
    """What two candidates answered to the same rows; of two answers to one row the later counts."""
    newest = {(answer.candidate, answer.row): answer for answer in answers if answer.candidate in names}
    rows = sorted({row for _, row in newest if all((name, row) in newest for name in names)})
    found, same = [], []
    for row in rows:
        one, two = (newest[name, row] for name in names)
        if one.answer.strip() == two.answer.strip():
            same.append(row)
            continue
        swapped = random.Random(f"{seed} {row} side").random() < 0.5
        said = (one.answer, two.answer)
        before, tools = tuple(one.earlier), tuple(one.tools)
        found.append(Pair(row, one.prompt, one.reference, names, said, swapped, one.group, before, one.role, tools))
    random.Random(f"{seed} order").shuffle(found)
    return Pairs(tuple(found), tuple(same))


def pairs_in(where: Path, names: tuple[str, str], seed: int) -> Pairs:
    """The pairs of the evaluation in folder ``where``."""
    return pairs_of(list(evaluations.answers(where)), names, seed)


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``chosen`` of the ``pair`` of candidates that answered row ``row``: one of them, TIE, or "" for taken back.

    ``by_order`` are a model's choices in either order, "" where it could not tell; where they differ the pair is a tie.
    ``seconds`` is how long a person looked. ``mark`` is the pair's, "" where an earlier version wrote it. ``by`` is the
    identity of the model that chose, and not ``spoke`` says that its likeliest next token was no letter. It read the
    dialogue without its first ``unread`` turns, for which it had no room.
    """

    row: int
    pair: tuple[str, str]
    chosen: str
    by_order: tuple[str, str] | None = None
    seconds: float = 0.0
    mark: str = ""
    by: str = ""
    spoke: bool = True
    unread: int = 0

    @property
    def flipped(self) -> bool:
        """Whether a model went with the place of an answer, not with the answer."""
        return self.by_order is not None and "" not in self.by_order and self.by_order[0] != self.by_order[1]


def file_of(where: Path, judge: str, by: str = "") -> Path:
    """Where the choices of ``judge``, HAND or a model's name, are kept in the evaluation's folder ``where``."""
    return where / f"choices-{called(judge, by)}.jsonl"


def called(judge: str, by: str = "") -> str:
    """``judge`` as a part of a file's name: of a model with its identity ``by``."""
    return f"{slug(judge)}-{by}" if by else slug(judge)


def slug(judge: str) -> str:
    """``judge`` as a part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", judge.rstrip("/").rpartition("/")[2]).strip("-.")[:40].lower() or "model"


def keep(where: Path, judge: str, choice: Choice) -> None:
    """Append one choice, in one write and on a line of its own, whatever was cut off before it. Raises OSError."""
    with open(open_to_append(file_of(where, judge, choice.by)), "ab") as file:  # noqa: PTH123 - of a descriptor
        file.write(b"\n" + msgspec.json.encode(choice) + b"\n")


def read(where: Path, judge: str, pair: tuple[str, str], by: str = "") -> dict[int, Choice]:
    """The choices of ``judge`` between the candidates of ``pair`` by row, in the order they were made.

    Of a model only those of the one whose identity is ``by``: another may have the same name.
    """
    found: dict[int, Choice] = {}
    try:
        raw = read_regular(file_of(where, judge, by), _MOST_BYTES)
    except OSError:
        return found
    for line in raw.split(b"\n"):
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            choice = msgspec.json.decode(line, type=Choice)
            is_theirs = (choice.by_order is None) == (judge == HAND) and choice.by == by
            if is_theirs and set(choice.pair) == set(pair) and choice.chosen in (*pair, TIE, ""):
                found.pop(choice.row, None)
                if choice.chosen:
                    found[choice.row] = choice
    return found


def of_pairs(made: Mapping[int, Choice], pairs: Sequence[Pair]) -> dict[int, Choice]:
    """Those of the choices ``made`` that are of these ``pairs``: rows may have been answered anew since."""
    marks = {pair.row: pair.mark for pair in pairs}
    return {row: each for row, each in made.items() if row in marks and each.mark in ("", marks[row])}
