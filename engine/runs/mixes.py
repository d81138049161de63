"""Mixes of adapters: what each was made of and what it does to its parents' tasks, beside the adapter itself.

A mix lies among the candidates, in a folder of its own, until somebody keeps it: then that folder becomes a run.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.common import paths
from engine.common.errors import MachineError
from engine.common.files import MOST_JSON_BYTES, write_atomic
from engine.common.regular_files import read_regular
from engine.messages.message import Message
from engine.metrics.forgetting import Kept
from engine.runs import directory
from engine.runs.directory import RunDir

FILE = directory.MIX
MIX = "mix"
"""Name of the mix among the candidates of an evaluation."""


class Ingredient(msgspec.Struct, frozen=True, kw_only=True):
    """A parent: its adapter's folder, the run that made it ("" for none), and its weight.

    ``sha256`` is that of its tensors' file, ``config_sha256`` that of its config, which holds its strength.
    """

    path: str
    title: str
    weight: float
    run: str = ""
    sha256: str = ""
    config_sha256: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the numbers of a mix. ``rank`` is the most that its layers may have, 0 for any."""

    base: str
    parents: list[Ingredient]
    method: str
    density: float = 1.0
    seed: int = 0
    rank: int = 0


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The adapter that came of it: the form that PEFT calls ``combination``, ranks of its layers, bytes of its file.

    ``kept_share`` is the share of the mixed update (squared norm) that these ranks hold. ``alone`` counts the layers
    that one parent alone has.
    """

    combination: str
    least_rank: int
    rank: int
    layers: int
    alone: int
    kept_share: float
    size_bytes: int


class OnTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the mix does on one task, by ``metric`` over ``n`` rows; ``evaluation`` has the whole of it.

    ``against`` is the candidate that it is held to: the parent whose task it is, else the best of them. ``difference``
    is mix minus that one, in the metric's unit, with its 95 % interval; ``margin`` too. ``error`` says why nothing is
    known.
    """

    title: str
    evaluation: str = ""
    metric: str = ""
    n: int = 0
    against: str = ""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float = 0.0
    kept: Kept = "unclear"
    error: Message | None = None


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """A mix as it was made and measured; without ``tasks`` it is not measured yet."""

    name: str
    recipe: Recipe
    made: Made
    tasks: list[OnTask] = []
    notes: list[Message] = []


def candidates_dir() -> Path:
    return paths.home() / "mixes"


def read(run: RunDir) -> Mix | None:
    """What is known of the mix in a run's folder; None for a run that is none."""
    try:
        return msgspec.json.decode(read_regular(run.path / FILE, MOST_JSON_BYTES), type=Mix)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def write(run: RunDir, mix: Mix) -> None:
    """Raises OSError."""
    write_atomic(run.path / FILE, msgspec.json.encode(mix).decode("utf-8"))


def candidates() -> list[RunDir]:
    """Mixes that nobody has kept or thrown away, newest first."""
    return [run for run in directory.list_runs(candidates_dir()) if read(run) is not None]


def candidate_of(recipe: Recipe, name: str) -> RunDir | None:
    """The candidate called ``name`` that was made by this very recipe."""
    found = ((run, read(run)) for run in candidates())
    return next((run for run, mix in found if mix and mix.recipe == recipe and mix.name == name), None)


def keep(run: RunDir) -> RunDir:
    """Move a candidate among the runs. Raises MachineError."""
    target = paths.runs_dir() / run.id
    try:
        paths.private_dir(target.parent)
        run.path.rename(target)
    except OSError as error:
        raise MachineError("mixes.not-kept", path=target, reason=error.strerror or str(error)) from error
    return RunDir(target)
